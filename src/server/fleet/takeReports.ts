import { agentAfter, isLastRunAgain } from "../../core/fleet/reports/agentAfter.ts";
import { networkTrafficOfAll } from "../../core/fleet/reports/networkTraffic.ts";
import { type AgentReport, summaryOf } from "../../core/fleet/reports/reportSummary.ts";
import { trafficOfAll } from "../../core/fleet/reports/reportTraffic.ts";
import { type Exceeded, TrafficBounds } from "../../core/fleet/reports/trafficBounds.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { settleByReports } from "../notify/settle.ts";
import { noteReleases } from "../releases/noteReleases.ts";
import { SOURCE_LIST } from "../settings/fleetSettings.ts";
import { isAnswering } from "../store/database.ts";
import { addNetworkTraffic } from "../store/fleet/networkStore.ts";
import { noteReported, type ReportedRow, takeReported } from "../store/fleet/reportedStore.ts";
import { addKept, dropRuns, insertRuns, type NewRun } from "../store/fleet/runStore.ts";
import { addTraffic } from "../store/fleet/trafficStore.ts";
import { newestVersion } from "../store/settings/documentStore.ts";
import { afterCommit, type Tx, transact } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";
import { KnownUpdateAgents } from "./knownUpdateAgents.ts";
import { noteRejections } from "./noteRejections.ts";
import { type GivenReport, ReportIntake } from "./reportIntake.ts";

type Means = Pick<Context, "config" | "database" | "now" | "random">;
type Writing = Means & { bounds: TrafficBounds; known: KnownUpdateAgents };

/** Opens the way by which reports come into a database. */
export function openIntake(means: Means): ReportIntake {
  const { database, random } = means;
  const writing = { ...means, bounds: new TrafficBounds(), known: new KnownUpdateAgents() };
  return new ReportIntake({
    write: (given) => transact(database.db, (tx) => takeReports(tx, writing, given)),
    isAnswering: () => isAnswering(database),
    random,
  });
}

/**
 * Keeps a report: acknowledged once it is on disk.
 *
 * @param address of the connection that it came by
 * @throws Problem BODY_INVALID, NOT_SIGNED_IN for an agent that is gone, TOO_MANY
 */
export async function takeReport(
  { reports, metrics, now, changes }: Context,
  agentId: string,
  report: AgentReport,
  address: string,
): Promise<void> {
  const summary = summaryOf(report);
  if (!Number.isFinite(summary.startedAt) || !Number.isFinite(summary.endedAt)) {
    throw new Problem("BODY_INVALID", "started and ended must be times that there are");
  }
  const document = JSON.stringify(report);
  await reports.take({ agentId, report, summary, document, address, receivedAt: now() });
  for (const each of ["agents", "notifications"]) changes.note(each);
  metrics.reported(report);
}

/**
 * Writes many reports, in the order in which they came. Whatever follows from reports is a call here that takes
 * all of them at once, in a few statements however many they are.
 *
 * @returns the agents that there are: reports of others are not kept, nor one that an agent sends again
 */
export async function takeReports(
  tx: Tx,
  means: Writing,
  given: readonly GivenReport[],
): Promise<ReadonlySet<string>> {
  const { config, database, now, random } = means;
  const before = await takeReported(tx, database.dialect, [...new Set(given.map(({ agentId }) => agentId))]);
  const listVersion = await newestVersion(tx, SOURCE_LIST);
  const agents = new Map<string, ReportedRow>(before.map((agent) => [agent.id, agent]));
  const runs: NewRun[] = [];
  const kept: GivenReport[] = [];
  for (const each of given) {
    const agent = agents.get(each.agentId);
    if (agent === undefined || isLastRunAgain(agent, each.summary)) continue;
    runs.push(runOf(each, agent, agents, { now: now(), listVersion }));
    kept.push(each);
  }
  if (kept.length === 0) return new Set(agents.keys());
  await insertRuns(tx, runs);
  const added = runs.reduce((sum, { document }) => sum + document.length, 0);
  const dropped = await dropRuns(tx, outnumbered(agents.values(), config.reports.perAgent));
  await addKept(tx, added - dropped, random(1)[0] ?? 0);
  await noteReported(tx, before, agents);
  await sayDoubled(tx, means, before, agents);
  await addSums(tx, means, before, kept);
  await noteRejections(tx, kept, now());
  await settleByReports(
    tx,
    kept.map(({ agentId, summary }) => ({ agentId, ...summary })),
  );
  await noteReleases(tx, kept, now());
  return new Set(agents.keys());
}

/** Adds the traffic of reports to that of their hour and day. */
async function addSums(
  tx: Tx,
  means: Writing,
  before: readonly ReportedRow[],
  kept: readonly GivenReport[],
): Promise<void> {
  const { bounds, known, now, random } = means;
  const at = now();
  const places = await known.places(tx, at);
  const reports = kept.map(({ report }) => report);
  await addTraffic(tx, hourOf(at), bounds.sources(at, trafficOfAll(reports, places)), random(1)[0] ?? 0);
  const firstOf = new Map(before.map(({ id, addresses }) => [id, addresses[0]]));
  const settled = kept.filter(({ agentId, report: { report } }) => {
    const [address] = report?.addresses ?? [];
    const hasMoved = address !== undefined && address !== firstOf.get(agentId);
    firstOf.set(agentId, address ?? firstOf.get(agentId));
    return !hasMoved || bounds.mayMove(at, agentId);
  });
  const networks = networkTrafficOfAll(
    settled.map(({ report }) => report),
    places,
  );
  await addNetworkTraffic(tx, dayOf(at), bounds.networks(at, networks), random(1)[0] ?? 0);
  const exceeded = [...bounds.exceeded];
  for (const what of exceeded) await sayExceeded(tx, means, what);
  // Limits said in a transaction that was undone are still to be said.
  afterCommit(tx, () => {
    for (const what of exceeded) bounds.exceeded.delete(what);
  });
}

const EXCEEDED = {
  sources: "agents name more sources than a server tells apart in an hour: the others are added up as one",
  networks:
    "agents name more networks than a server tells apart in a day: the traffic of the others is not counted",
};

async function sayExceeded(tx: Tx, means: Means, what: Exceeded): Promise<void> {
  await raiseEvent(tx, means, { type: "limit.reached", subject: what, message: EXCEEDED[what] });
}

/** The run of a report, after which its agent is another. */
function runOf(
  { agentId, summary, document, receivedAt, address }: GivenReport,
  agent: ReportedRow,
  agents: Map<string, ReportedRow>,
  at: { now: number; listVersion: number },
): NewRun {
  const after = agentAfter(agent, summary, { seenAt: address, ...at });
  agents.set(agentId, { ...agent, ...after });
  return { agentId, sequence: after.reports, receivedAt, document, ...summary };
}

/** Raises an event for each agent as which two machines were now seen to report. */
async function sayDoubled(
  tx: Tx,
  means: Means,
  before: readonly ReportedRow[],
  after: ReadonlyMap<string, ReportedRow>,
): Promise<void> {
  for (const { id, doubledAt } of before) {
    if (after.get(id)?.doubledAt === doubledAt) continue;
    const message = `two machines report as the agent ${id}: delete it, and enrol both`;
    await raiseEvent(tx, means, { type: "agent.doubled", subject: id, message });
  }
}

/** Agents of which there are more runs than are kept. */
function outnumbered(agents: Iterable<ReportedRow>, perAgent: number): { id: string; upTo: number }[] {
  return [...agents].flatMap(({ id, reports }) =>
    reports > perAgent ? [{ id, upTo: reports - perAgent }] : [],
  );
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The day of a moment (UTC), by the server's clock. */
function dayOf(time: number): number {
  return time - (time % DAY);
}

/** The hour of a moment, by the server's clock: agents' clocks may be anything. */
function hourOf(time: number): number {
  return time - (time % HOUR);
}
