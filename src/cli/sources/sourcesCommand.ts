import { type Finding, sortFindings } from "../../core/findings/findingCodes.ts";
import { hostsOf, listFindings, unresolvedFindings } from "../../core/findings/listFindings.ts";
import { parseSourceList, sourceListSchema } from "../../core/order/sourceList.ts";
import { findingAt } from "../../core/order/sourceListReview.ts";
import { NearsourceError } from "../../errors.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { toDocument } from "../terminal/failure.ts";
import { paint, print, printAside, printJson } from "../terminal/output.ts";

export interface CheckOptions {
  json?: boolean;
  /** Host names are looked up. */
  resolve?: boolean;
}

/** `nearsource sources check FILE`. An invalid list is an error (exit 6); oddities are only pointed out. */
export async function checkCommand(file: string, options: CheckOptions): Promise<number> {
  const { reviewSettingsFile, repeatedFieldMessage } = await import("../../config/settingsFile.ts");
  const { faults, value, repeated } = await reviewSettingsFile(file, sourceListSchema, "SOURCE_LIST_INVALID");
  const twice = repeated.map(({ path }) => findingAt("FIELD_REPEATED", path, repeatedFieldMessage));
  const odd = [...twice, ...(value === undefined ? [] : listFindings(value))];
  if (faults.length > 0) return refuse(file, faults, odd, options.json === true);
  const list = parseSourceList(value);
  const findings = sortFindings([...odd, ...(options.resolve === true ? await lookUp(value) : [])]);
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
  for (const finding of findings) for (const line of describeNote(finding)) print(line);
  return 0;
}

async function lookUp(list: unknown): Promise<Finding[]> {
  const { createResolver } = await import("../../dns/resolver.ts");
  const { unresolvedHosts } = await import("../../dns/unresolvedHosts.ts");
  const hosts = hostsOf(list);
  return unresolvedFindings(hosts, await unresolvedHosts(createResolver({}), hosts.keys()));
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
  for (const line of lines) printAside(`  ${line}`);
  // Its errors are those above, with their lines.
  const warnings = findings.filter(({ level }) => level === "warning");
  for (const [line] of warnings.map(describeNote)) printAside(line);
  printAside(`hint: ${failure.hint}`);
  if (json) printJson({ valid: false, errors: faults, findings, ...toDocument(failure) });
  return exitCodeOf(failure);
}

/** A finding, and the line that says what to do. */
function describeNote({ entry, message, remedy }: Finding): [note: string, hint: string] {
  const place = entry === null ? "the list" : `entries[${entry}]`;
  return [`  ${paint("yellow", "note")} ${place}: ${message}`, `    hint: ${remedy}`];
}
