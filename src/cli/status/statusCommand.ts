import { readConfig } from "../../config/config.ts";
import { configPath } from "../../config/configPath.ts";
import { printJson } from "../terminal/output.ts";
import { warnOfRefusals } from "../terminal/refusals.ts";
import { printStatus } from "./printStatus.ts";
import { readStatus } from "./readStatus.ts";

/** `nearsource status`: reads the disk, asks no other machine and changes nothing. */
export async function statusCommand(options: { config?: string; json?: boolean }): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env, {
    onlyShown: true,
  });
  await warnOfRefusals(config);
  const status = await readStatus(config);
  if (options.json === true) printJson(status);
  else printStatus(status);
  return 0;
}
