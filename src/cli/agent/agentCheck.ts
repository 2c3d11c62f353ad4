import { checkConfiguration } from "../../agent/check/check.ts";
import type { Finding } from "../../agent/check/finding.ts";
import { NearsourceError } from "../../errors.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { toDocument } from "../terminal/failure.ts";
import { paint, print, printError, printJson } from "../terminal/output.ts";

/**
 * `nearsource agent --check`: a line for everything that the configuration names. Exit 6 where there is
 * a problem, with all of them.
 */
export async function agentCheckCommand(file: string, json: boolean): Promise<number> {
  const findings = await checkConfiguration(file, process.env);
  const problems = findings.filter(({ level }) => level === "problem");
  if (!json) for (const finding of findings) printFinding(finding);
  if (problems.length === 0) {
    if (json) printJson({ valid: true, file, findings });
    else print(`${file} is valid`);
    return 0;
  }
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  const failure = new NearsourceError("CONFIG_INVALID", `${file} has ${count}`);
  printError(failure);
  if (json) printJson({ valid: false, file, findings, ...toDocument(failure) });
  return exitCodeOf(failure);
}

const STYLES = { ok: "green", note: "yellow", problem: "red" } as const;

export function printFinding({ level, key, message, code, remedy }: Finding): void {
  const reason = code === undefined ? "" : ` (${code})`;
  print(`  ${paint(STYLES[level], level)}${" ".repeat(8 - level.length)}${key}: ${message}${reason}`);
  if (remedy !== undefined) print(`          hint: ${remedy}`);
}
