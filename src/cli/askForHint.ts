import { writeSync } from "node:fs";
import { configPath } from "../config/configPath.ts";
import { checkVersionRecord, type Hint } from "../update/versionRecordCheck.ts";

/**
 * Before a scheduled run: whether one DNS packet says that there is nothing to do (docs/configuration.md).
 * This is most of the work of an endpoint in its life, so it stands beside the program's other commands: it
 * loads neither them nor the modules they need. Unusual lines are left to the run itself.
 *
 * @param args the command line after `nearsource`
 * @returns the answer, if it was asked for; with a `server` there is nothing to do
 */
export async function askForHint(args: string[]): Promise<Hint | undefined> {
  const line = args.join("\0").match(/^update\0--scheduled(?:\0(?:--config|-c)\0([^\0]+))?$/);
  if (line === null) return undefined;
  const hint = await checkVersionRecord(configPath(line[1], process.env), new Date()).catch(() => undefined);
  if (hint !== undefined && "server" in hint) {
    say(1, `already current: DNS server ${hint.server} says that nothing is newer`);
  }
  return hint;
}

/** Written past the process's own streams, which would take longer to open than all this. */
function say(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, `${line}\n`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (descriptor === 1 && code !== "EPIPE")
      say(2, `nearsource: warning: stdout cannot be written: ${message}`);
  }
}
