import { GIVE_UP } from "../../core/fleet/notification/spread.ts";
import {
  ALREADY_CURRENT,
  isReportAfter,
  SILENCE,
  stateAfterRun,
  type ToldState,
} from "../../core/fleet/notification/told.ts";
import type { Context } from "../context.ts";
import { lastRunsOf } from "../store/fleet/runStore.ts";
import {
  type DueAgent,
  noteSettled,
  noteTold,
  type OpenTold,
  openToldOfAll,
  type Told,
} from "../store/notifications/toldStore.ts";
import type { Db, Tx } from "../store/transaction.ts";

type Means = Pick<Context, "database" | "trees" | "now">;

/** A run that an agent has reported. */
export interface ReportedRun {
  agentId: string;
  startedAt: number;
  trigger: string;
  outcome: string;
  code: string | null;
}

const SETTLED_BY_RUNS: ToldState[] = ["waiting", "notified", "running", "unreachable", "failed"];

/** Settles what agents were told, by the reports of the runs that followed. A later one that is better counts. */
export async function settleByReports(tx: Tx, runs: readonly ReportedRun[]): Promise<void> {
  const told = await openToldOfAll(tx, [...new Set(runs.map(({ agentId }) => agentId))], SETTLED_BY_RUNS);
  if (told.length === 0) return;
  const byAgent = Map.groupBy(runs, ({ agentId }) => agentId);
  const settled = told.flatMap(({ notificationId, agentId, toldAt }) => {
    if (toldAt === null) return [];
    const run = byAgent.get(agentId)?.findLast((each) => isReportAfter(each, toldAt));
    if (run === undefined) return [];
    const state = stateAfterRun(run.outcome);
    const code = state === "done" ? null : (run.code ?? run.outcome);
    return [{ notificationId, agentId, state, code }];
  });
  await noteSettled(tx, settled);
}

/** The states of agents that hold what they are told, or have heard of it: they may have reported the run already. */
export async function statesOfKnowing(
  db: Db,
  agentIds: readonly string[],
  { publishedAt, now }: { publishedAt: number; now: number },
): Promise<(agentId: string) => Known> {
  const last = await lastRunsOf(db, agentIds);
  return (agentId) => {
    const run = last.get(agentId);
    if (run === undefined || run.receivedAt < publishedAt) return running(now);
    return knownBefore(run.outcome, run.code);
  };
}

type Known = Pick<Told, "state" | "nextAt" | "code">;
/**
 * The state of an agent that hears of news from a broker, which has them: it has reported since they were published,
 * or its report is awaited as that of one that asks.
 */
export function toldByBroker(
  { reportedAt, outcome, reportedCode }: Pick<DueAgent, "reportedAt" | "outcome" | "reportedCode">,
  { publishedAt, now }: { publishedAt: number; now: number },
): Known {
  if (reportedAt === null || outcome === null || reportedAt < publishedAt) return notified(now);
  return knownBefore(outcome, reportedCode);
}

/** The state of an agent that had what it was told of before, by the run that brought it: none follows. */
function knownBefore(outcome: string, code: string | null): Known {
  const state = stateAfterRun(outcome);
  return { state, nextAt: null, code: state === "done" ? ALREADY_CURRENT : (code ?? outcome) };
}

/** An agent that has verified what it was told: its run follows. */
export function running(now: number): Known {
  return { state: "running", nextAt: now + SILENCE, code: null };
}

/** An agent that is told by the answer to its own request; it may be off, and ask much later. */
export function notified(now: number): Known {
  return { state: "notified", nextAt: now + GIVE_UP, code: null };
}

/** Agents ask for what is newer than all there is: they have verified what they were told. */
export async function acknowledge(
  { database: { db }, trees, now }: Means,
  open: readonly OpenTold[],
): Promise<void> {
  const told = open.filter((each) => !isToWait(each));
  if (told.length === 0) return;
  const times = { publishedAt: trees.publishedAt(), now: now() };
  const known = await statesOfKnowing(db, [...new Set(told.map(({ agentId }) => agentId))], times);
  await noteTold(
    db,
    told.map((each) => ({ ...each, ...(each.run ? running(now()) : known(each.agentId)) })),
    ["waiting", "notified", "unreachable"],
  );
}

/** Whether it is not yet the turn of an agent: it was never taken to be told. */
export function isToWait({ state, toldAt }: Pick<OpenTold, "state" | "toldAt">): boolean {
  return state === "waiting" && toldAt === null;
}

/** Agents whose turn it is, or that could not be reached, have asked by themselves, and are answered. */
export async function noteAnswered(
  { database: { db }, now }: Pick<Means, "database" | "now">,
  open: readonly OpenTold[],
): Promise<void> {
  const told = open.filter(({ state }) => state !== "notified");
  await noteTold(
    db,
    told.map((each) => ({ ...each, ...notified(now()) })),
    ["waiting", "unreachable"],
  );
}
