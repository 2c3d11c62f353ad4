import { placeInPercent } from "../../content/stages.ts";
import type { AgentReport, ReportedHold } from "./reportSummary.ts";

/** One component of an agent, as its report has it. */
export interface AgentComponent {
  component: string;
  release: number;
  version: string;
  /** Its place in the percent of stages, in millionths of the whole. */
  place: number;
  /** The release that failed or was rolled back there. */
  failedRelease: number | null;
  /** The failure with which it did, where a report said so. */
  failedCode: string | null;
  /** The failure of the run, where there was one that says something of the machine. */
  code: string | null;
  held: ReportedHold | null;
}

/** Components of one report that are kept: what agents say is not believed to be short. */
const MOST = 100;

/** Failures that say that somebody stopped the run, or that another went on. */
const OF_NO_CONCERN = ["INTERRUPTED", "LOCKED"];

/**
 * The components of an agent by its report, those first that it names first; undefined for a report that says
 * nothing of them, as one of a run that came to nothing.
 */
export function componentsOf(
  agentId: string,
  { report, failure }: AgentReport,
): AgentComponent[] | undefined {
  if (report?.components === undefined) return undefined;
  const code = failureOf({ report, failure });
  const held = report.held ?? [];
  const own = new Map<string, AgentComponent>();
  for (const { component, release, version } of report.components.slice(0, MOST)) {
    const holds = held.filter((each) => each.component === component);
    const failed = holds.find(({ reason }) => /^held after a/.test(reason));
    own.set(component, {
      component,
      release,
      version,
      place: millionths(placeInPercent(component, agentId)),
      failedRelease: failed?.release ?? null,
      failedCode: failed === undefined ? null : code,
      code,
      held: holds.find((each) => each !== failed) ?? null,
    });
  }
  return [...own.values()];
}

/**
 * The failure with which a release was taken back, after another report: as long as that release is held, what was said
 * of it first counts, since a later run fails for reasons of its own, or not at all.
 */
export function failedCodeAfter(
  before: Pick<AgentComponent, "failedRelease" | "failedCode"> | undefined,
  after: Pick<AgentComponent, "failedRelease" | "failedCode">,
): string | null {
  const isSame = after.failedRelease !== null && before?.failedRelease === after.failedRelease;
  return (isSame ? before.failedCode : null) ?? after.failedCode;
}

/** The failure of a run that says something of the machine; null for none. */
export function failureOf({ report, failure }: Pick<AgentReport, "report" | "failure">): string | null {
  const code = failure?.code ?? report?.failure?.code;
  return code === undefined || OF_NO_CONCERN.includes(code) ? null : code;
}

/** A percent in millionths of the whole. */
export function millionths(percent: number): number {
  return Math.floor(percent * 10_000);
}
