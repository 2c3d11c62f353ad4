import { readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import { openRunLog } from "../config/runLog.ts";
import { NearsourceError } from "../errors.ts";
import { type Rollback, rollback } from "../update/repair/rollback.ts";
import { describeHold } from "./holdCommand.ts";
import { print, printJson } from "./terminal/output.ts";
import { onSignals, stderrLevel } from "./terminal/running.ts";

export interface RollbackCommandOptions {
  to?: string;
  config?: string;
  json?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** `nearsource rollback`. Returns the exit code. */
export async function rollbackCommand(options: RollbackCommandOptions): Promise<number> {
  const to = options.to === undefined ? undefined : Number(options.to);
  if (to !== undefined && !(Number.isSafeInteger(to) && to > 0)) {
    throw new NearsourceError("USAGE", `--to: "${options.to}" is not the number of a generation`, {
      hint: "nearsource status lists the generations that are kept",
    });
  }
  const config = await readConfig(configPath(options.config, process.env), process.env);
  const log = openRunLog(config.log, stderrLevel(options));
  const interruption = onSignals();
  try {
    const done = await rollback(config, log, to, interruption.signal);
    if (options.json === true) return printDocument(done);
    print(`back from generation ${done.from.generation} to ${done.to.generation}:`);
    for (const { kind, name, version } of done.to.components) print(`  ${kind}/${name}  ${version}`);
    for (const hold of done.held) print(describeHold(hold));
    if (done.held.length > 0) print("hint: nearsource hold lift lets it come back");
    return 0;
  } finally {
    interruption.end();
    await log.close();
  }
}

function printDocument({ from, to, held }: Rollback): number {
  const components = to.components.map(({ kind, name, release, version }) => ({
    kind,
    name,
    release,
    version,
  }));
  printJson({ from: from.generation, to: to.generation, components, held });
  return 0;
}
