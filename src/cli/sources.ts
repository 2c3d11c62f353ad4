import { reviewSourceListFile } from "../agent/settings.ts";
import type { Finding } from "../core/sourceListReview.ts";
import { paint, print, printJson } from "./output.ts";

/** `nearsource sources check FILE`. An invalid list is an error (exit 6); oddities are only pointed out. */
export async function checkCommand(file: string, options: { json?: boolean }): Promise<number> {
  const { list, findings } = await reviewSourceListFile(file);
  if (options.json === true) {
    printJson({
      valid: true,
      version: list.version,
      mode: list.mode,
      entries: list.entries.length,
      findings,
    });
    return 0;
  }
  const count = list.entries.length === 1 ? "1 entry" : `${list.entries.length} entries`;
  print(`${paint("green", "valid")}: version ${list.version}, ${list.mode}, ${count}`);
  for (const finding of findings) print(`  ${paint("yellow", "note")} ${place(finding)}: ${finding.remark}`);
  return 0;
}

function place({ entry }: Finding): string {
  return entry === undefined ? "the list" : `entries[${entry}]`;
}
