import { readConfig } from "../../config/config.ts";
import { configPath } from "../../config/configPath.ts";
import { DEFAULT_AGES, statusVerdict, VERDICT_CODES, type VerdictFacts } from "../../core/statusVerdict.ts";
import { explainError, NearsourceError } from "../../errors.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { print, printJson } from "../terminal/output.ts";
import { readStatus, type Status } from "./readStatus.ts";

export interface CheckStatusOptions {
  config?: string;
  json?: boolean;
  /** Ages, such as `24h`. */
  warning?: string;
  critical?: string;
}

/**
 * `nearsource status --check`: a plugin for monitors, with one line on stdout and the exit codes 0 to 3. All that keeps it
 * from knowing is UNKNOWN, a mistake in its own line too.
 */
export async function checkStatus(options: CheckStatusOptions): Promise<number> {
  const { state, line } = await verdictOf(options).catch((error) => ({
    state: "unknown" as const,
    line: `NEARSOURCE UNKNOWN - ${explainError(error).replaceAll(/[|\s]+/g, " ")}`,
  }));
  if (options.json === true) printJson({ state, line });
  else print(line);
  return VERDICT_CODES[state];
}

async function verdictOf({ config: file, warning, critical }: CheckStatusOptions) {
  const ages = {
    warning: warning === undefined ? DEFAULT_AGES.warning : parseAge("--warning", warning),
    critical: critical === undefined ? DEFAULT_AGES.critical : parseAge("--critical", critical),
  };
  if (ages.warning > ages.critical) {
    throw new NearsourceError("USAGE", "--warning is an age above that of --critical");
  }
  const config = await readConfig(configPath(file, process.env), process.env, { onlyShown: true });
  return statusVerdict(factsOf(await readStatus(config)), ages, Date.now());
}

/** Exit codes of what no source can mend: the disk, and what is installed. */
const LOCAL = [1, 6, 7, 8];

function factsOf(status: Status): VerdictFacts {
  const { generation, metadata, lastRun, lastFailure, agent, holds, hidden } = status;
  return {
    generation,
    metadata,
    lastRun: lastRun ?? null,
    lastFailure: lastFailure === null ? null : { ...lastFailure, isLocal: isLocal(lastFailure) },
    resident: agent?.resident ?? null,
    portFailure: agent?.portFailure,
    failed: holds.filter(({ reason }) => reason === "failure").map(({ component }) => component),
    hidden,
  };
}

function isLocal({ code, message }: NonNullable<Status["lastFailure"]>): boolean {
  return LOCAL.includes(exitCodeOf(new NearsourceError(code, message)));
}

const UNITS: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** An age in milliseconds; seconds where no unit is given, as plugins have it. */
function parseAge(option: string, text: string): number {
  const [, amount = "", unit = "s"] = /^(\d{1,9})(s|min|h|d)?$/.exec(text) ?? [];
  if (amount === "") {
    throw new NearsourceError("USAGE", `${option}: ${JSON.stringify(text)} is not an age`, {
      hint: "write it as 90min, 24h or 3d",
    });
  }
  return Number(amount) * (UNITS[unit] ?? 0);
}
