import { refusalsOf } from "../../config/configRefusals.ts";
import type { Config } from "../../config/configSchema.ts";
import { explainError } from "../../errors.ts";
import { exitCodeOf } from "./exitCode.ts";
import { paint, printAside } from "./output.ts";

/** Warns, beside a command's output, that an update would refuse its input, a line for each reason. */
export async function warnOfRefusals(config: Config): Promise<void> {
  for (const error of await refusalsOf(config, process.env)) {
    const said = `an update would end with exit ${exitCodeOf(error)}: ${explainError(error)}`;
    printAside(`${paint("yellow", "warning:", process.stderr)} ${said}`);
  }
}
