import { diagnose } from "../../agent/check/diagnose.ts";
import type { Finding } from "../../agent/check/finding.ts";
import { configPath } from "../../config/configPath.ts";
import { amountOf } from "../../core/amounts.ts";
import { NearsourceError } from "../../errors.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { print, printJson } from "../terminal/output.ts";
import { onSignals } from "../terminal/running.ts";
import { printFinding } from "./agentCheck.ts";

/** `nearsource doctor`: a line for everything that an update depends on, with what to do about it. Changes nothing. */
export async function doctorCommand(options: { config?: string; json?: boolean }): Promise<number> {
  const file = configPath(options.config, process.env);
  const { signal, end } = onSignals();
  try {
    const findings = await diagnose(file, process.env, signal);
    const exitCode = exitCodeFor(findings);
    if (options.json === true) {
      printJson({ file, exitCode, findings });
      return exitCode;
    }
    for (const finding of findings) printFinding(finding);
    print(summaryOf(findings));
    return exitCode;
  } finally {
    end();
  }
}

function summaryOf(findings: readonly Finding[]): string {
  const said = (["problem", "note"] as const).flatMap((level) => {
    const count = findings.filter((finding) => finding.level === level).length;
    return count === 0 ? [] : [amountOf(count, level)];
  });
  return said.join(", ") || "nothing is wrong";
}

/**
 * 0 without a problem; 3 where some sources fail, and 4 where none works, which a run would end with; else that of the
 * first problem, which is of the configuration where it has no code.
 */
function exitCodeFor(findings: readonly Finding[]): number {
  const problems = findings.filter(({ level }) => level === "problem");
  const own = problems.find(({ key }) => !isOfSources(key));
  if (own !== undefined) return exitCodeOf(new NearsourceError(own.code ?? "CONFIG_INVALID", own.message));
  if (problems.length === 0) return 0;
  return findings.some(({ level, key }) => level !== "problem" && key.startsWith("source ")) ? 3 : 4;
}

function isOfSources(key: string): boolean {
  return key === "sources" || key.startsWith("source ") || key.startsWith("name ");
}
