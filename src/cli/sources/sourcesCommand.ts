import { parseSourceList, sourceListSchema } from "../../core/order/sourceList.ts";
import {
  type Finding,
  findingAt,
  reviewFields,
  reviewSourceList,
} from "../../core/order/sourceListReview.ts";
import { NearsourceError } from "../../errors.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { toDocument } from "../terminal/failure.ts";
import { paint, print, printAside, printJson } from "../terminal/output.ts";

/** `nearsource sources check FILE`. An invalid list is an error (exit 6); oddities are only pointed out. */
export async function checkCommand(file: string, options: { json?: boolean }): Promise<number> {
  const { reviewSettingsFile, repeatedFieldMessage } = await import("../../config/settingsFile.ts");
  const { faults, value, repeated } = await reviewSettingsFile(file, sourceListSchema, "SOURCE_LIST_INVALID");
  const odd = [...repeated.map(({ path }) => findingAt(path, repeatedFieldMessage)), ...reviewFields(value)];
  if (faults.length > 0) return refuse(file, faults, odd, options.json === true);
  const list = parseSourceList(value);
  const findings = [...odd, ...reviewSourceList(list)];
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
  for (const finding of findings) print(describeNote(finding));
  return 0;
}

type Faults = { line: number; column: number; message: string }[];

/** Prints every error at once, each with its place in the file. */
function refuse(file: string, faults: Faults, findings: Finding[], json: boolean): number {
  const count = faults.length === 1 ? "an error" : `${faults.length} errors`;
  const lines = faults.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`);
  const failure = new NearsourceError("SOURCE_LIST_INVALID", `${file} is refused for ${count}`, {
    hint: "agents refuse such a list whole: the one in force stays in force",
  });
  printAside(`${paint("red", "nearsource:", process.stderr)} ${failure.message}`);
  for (const line of [...lines.map((each) => `  ${each}`), ...findings.map(describeNote)]) printAside(line);
  printAside(`hint: ${failure.hint}`);
  if (json) printJson({ valid: false, errors: faults, findings, ...toDocument(failure) });
  return exitCodeOf(failure);
}

function describeNote({ entry, remark }: Finding): string {
  return `  ${paint("yellow", "note")} ${entry === undefined ? "the list" : `entries[${entry}]`}: ${remark}`;
}
