import type { Config } from "../config/configSchema.ts";
import { formatAddress } from "../core/order/address.ts";
import { type HeldComponent, isSuccess, type Report } from "../core/report.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import { explainError, toNearsourceError } from "../errors.ts";
import type { DataDir } from "../store/dataDir.ts";
import { keepState, noteFailure } from "../store/state/state.ts";
import type { State } from "../store/state/stateFormat.ts";
import { sweepUnfinished } from "../store/withDataDir.ts";
import { VERSION } from "../version.ts";
import type { HeldReleases } from "./deliverKind.ts";
import type { Installation } from "./install.ts";
import { namedObjects } from "./learnOffer.ts";
import type { PlannedRun } from "./planRun.ts";
import type { Run } from "./run.ts";
import { listHolds } from "./settings/holds.ts";
import { sweepUnwanted } from "./sweepUnwanted.ts";
import type { Walked } from "./walk.ts";

/** The start of a run, and its trigger. */
export interface RunStart {
  trigger: Trigger;
  /** ISO 8601. */
  started: string;
}

/**
 * Makes the report of a run, sweeps files that nothing needs any more, and remembers how the run ended.
 *
 * @throws NearsourceError of the storage phase
 */
export async function conclude(
  planned: PlannedRun,
  walked: Walked,
  installation: Installation,
  { trigger, started }: RunStart,
): Promise<Report> {
  const { dirs, config, state, trusted, log } = planned.run;
  const report = toReport(planned, walked, installation, trigger);
  if (installation.failure !== undefined) log.error(explainError(installation.failure));
  // Swept before the state says that this run ended: a run that dies in between leaves it to the next.
  await sweepUnwanted(dirs, config.keepGenerations, namedObjects(trusted.content, walked.undelivered));
  const ended = new Date().toISOString();
  state.lastRun = { started, ended, report };
  state.ranBy = ranBy(config);
  const stageDue = nextStage([...walked.delivery.held.values()]);
  if (stageDue === undefined) delete state.stageDue;
  else state.stageDue = stageDue;
  if (isSuccess(report)) state.lastSuccess = ended;
  delete state.lastFailure;
  await keepState(dirs, state);
  return report;
}

/** Kept where the version record is asked for, which says nothing to a configuration that has changed since. */
function ranBy({ dns, text }: Config): State["ranBy"] {
  return dns.versionRecord === undefined ? undefined : { version: VERSION, config: text };
}

/** When the next stage comes in which this agent is: a run is due then, although nothing was published. */
function nextStage(held: HeldReleases[]): string | undefined {
  const due = Math.min(...held.map((each) => each.due ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(due) ? new Date(due).toISOString() : undefined;
}

/** Remembers the error that ended a run before its report. */
export async function noteEnd(dirs: DataDir, { trigger, started }: RunStart, error: unknown): Promise<void> {
  const failure = toNearsourceError(error);
  const { code, hint } = failure;
  // A full disk needs the space that unfinished files take.
  await sweepUnfinished(dirs).catch(() => {});
  const times = { started, ended: new Date().toISOString() };
  await noteFailure(dirs, { trigger, ...times, code, message: explainError(failure), hint });
}

function toReport(
  { run, settings, kinds, ...planned }: PlannedRun,
  { delivery, attempts, skipped, ...walked }: Walked,
  { generation, installed, removed, failure, components }: Installation,
  trigger: Trigger,
): Report {
  const undelivered = kinds.filter((kind) => walked.undelivered.has(kind));
  const uncovered = undelivered.filter((kind) => planned.uncovered.includes(kind));
  const changed = installed.length + removed.length + delivery.settings.length > 0;
  const anything = attempts.some((attempt) => attempt.delivered.length > 0);
  // A set that was taken back, or is damaged for good, is neither the newest nor nothing.
  const gotAll = undelivered.length === 0 && failure === undefined;
  const outcome = gotAll ? (changed ? "updated" : "current") : anything ? "partial" : "exhausted";
  const exitCode = failure !== undefined ? 8 : outcome === "partial" ? 3 : outcome === "exhausted" ? 4 : 0;
  return {
    outcome,
    trigger,
    exitCode,
    addresses: run.addresses.map(formatAddress),
    dnsSuffixes: [...run.dnsSuffixes],
    sourceList: settings.sourceList,
    attempts,
    skipped,
    installed: [...delivery.settings, ...installed],
    removed,
    undelivered,
    ...(uncovered.length === 0 ? {} : { uncovered }),
    ...(failure === undefined ? {} : { failure: { code: failure.code, message: failure.message } }),
    generation,
    // Repaired files came after the attempts, and are of none of them.
    bytes: [...attempts, ...installed.filter(({ mended }) => mended)].reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    ),
    components: components.map(({ kind, name, release, version }) => {
      return { component: `${kind}/${name}`, release, version };
    }),
    held: heldOf(run, delivery.held),
  };
}

const OWN_HOLDS = {
  failure: "held after a failure",
  rollback: "held after a rollback",
  policy: "held by policy",
} as const;

/** Releases that are held back by the site's stages, by this agent itself, and by its policy. */
function heldOf({ state, terms }: Run, byStages: ReadonlyMap<unknown, HeldReleases>): HeldComponent[] {
  const own = listHolds(state, { holds: terms.holds }).map(({ component, release, reason }) => {
    return { component, release, reason: OWN_HOLDS[reason] };
  });
  return [...[...byStages.values()].flatMap(({ releases }) => releases), ...own];
}
