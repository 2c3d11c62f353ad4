import { parseSourceList, sourceListSchema } from "../core/sourceList.ts";
import { type Finding, reviewFields, reviewSourceList } from "../core/sourceListReview.ts";
import { NearsourceError } from "../errors.ts";
import { exitCodeOf } from "./exitCode.ts";
import { toDocument } from "./failure.ts";
import { paint, print, printAside, printJson } from "./output.ts";

/** `nearsource sources check FILE`. An invalid list is an error (exit 6); oddities are only pointed out. */
export async function checkCommand(file: string, options: { json?: boolean }): Promise<number> {
  const { reviewSettingsFile } = await import("../agent/settingsFile.ts");
  const { faults, value } = await reviewSettingsFile(file, sourceListSchema, "SOURCE_LIST_INVALID");
  if (faults.length > 0) return refuse(file, faults, options.json === true);
  const list = parseSourceList(value);
  const findings = [...reviewFields(value), ...reviewSourceList(list)];
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

type Faults = { line: number; column: number; message: string }[];

/** Says every error at once, each with its place in the file. */
function refuse(file: string, faults: Faults, json: boolean): number {
  const count = faults.length === 1 ? "an error" : `${faults.length} errors`;
  const lines = faults.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`);
  const failure = new NearsourceError("SOURCE_LIST_INVALID", `${file} is refused for ${count}`, {
    hint: "agents refuse such a list whole: the one in force stays in force",
  });
  printAside(`${paint("red", "nearsource:", process.stderr)} ${failure.message}`);
  for (const line of lines) printAside(`  ${line}`);
  printAside(`hint: ${failure.hint}`);
  if (json) printJson({ valid: false, errors: faults, ...toDocument(failure) });
  return exitCodeOf(failure);
}

function place({ entry }: Finding): string {
  return entry === undefined ? "the list" : `entries[${entry}]`;
}
