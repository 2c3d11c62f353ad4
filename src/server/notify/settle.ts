import { GIVE_UP } from "../../core/fleet/notification/spread.ts";
import { isReportAfter, SILENCE, stateAfterRun, type ToldState } from "../../core/fleet/notification/told.ts";
import type { Context } from "../context.ts";
import { lastRunOf } from "../store/fleet/runStore.ts";
import {
  noteSettled,
  noteTold,
  type OpenTold,
  openToldOfAll,
  type Told,
} from "../store/notifications/toldStore.ts";
import type { Db, Tx } from "../store/transaction.ts";

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

/** The state of an agent that holds what it is told, or has heard of it: it may have reported the run already. */
export async function stateOfKnowing(
  db: Db,
  agentId: string,
  { publishedAt, now }: { publishedAt: number; now: number },
): Promise<Pick<Told, "state" | "nextAt" | "code">> {
  const last = await lastRunOf(db, agentId);
  if (last === undefined || last.receivedAt < publishedAt) return running(now);
  const state = stateAfterRun(last.outcome);
  return { state, nextAt: null, code: state === "done" ? null : (last.code ?? last.outcome) };
}

/** An agent that has verified what it was told: its run follows. */
export function running(now: number): Pick<Told, "state" | "nextAt" | "code"> {
  return { state: "running", nextAt: now + SILENCE, code: null };
}

/** An agent that is told by the answer to its own request; it may be off, and ask much later. */
export function notified(now: number): Pick<Told, "state" | "nextAt" | "code"> {
  return { state: "notified", nextAt: now + GIVE_UP, code: null };
}

/** An agent asks for what is newer than all there is: it has verified what it was told. */
export async function acknowledge(
  { database: { db }, trees, now }: Context,
  agentId: string,
  open: OpenTold[],
): Promise<void> {
  for (const { notificationId, attempts, state } of open) {
    if (state === "waiting") continue;
    const known = await stateOfKnowing(db, agentId, { publishedAt: trees.publishedAt(), now: now() });
    await noteTold(db, { notificationId, agentId, attempts, ...known }, ["notified", "unreachable"]);
  }
}

/** An agent that could not be reached has asked by itself, and is answered. */
export async function noteAnswered(
  { database: { db }, now }: Context,
  agentId: string,
  open: OpenTold[],
): Promise<void> {
  for (const { notificationId, attempts, state } of open) {
    if (state !== "unreachable") continue;
    await noteTold(db, { notificationId, agentId, attempts, ...notified(now()) }, ["unreachable"]);
  }
}
