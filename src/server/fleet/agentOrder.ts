import { setImmediate as nextTurn } from "node:timers/promises";
import { deviationOf, type HappenedAttempt, momentInWords } from "../../core/fleet/deviation.ts";
import { type FleetAgent, type FleetSettings, orderOfAgent } from "../../core/fleet/fleetAgent.ts";
import {
  isTelling,
  keyOfSource,
  type Rejection,
  sourcesOfList,
} from "../../core/fleet/reports/rejections.ts";
import { type AgentReport, listVersionOf } from "../../core/fleet/reports/reportSummary.ts";
import { nameOf } from "../../core/fleet/sourceName.ts";
import { failureInWords } from "../../core/order/failureWords.ts";
import type { UpdateOrder } from "../../core/order/plan.ts";
import type { SourceList } from "../../core/order/sourceList.ts";
import { DEFAULT_SCHEDULE, nextScheduled } from "../../core/settings/schedule.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { grantsOf, settingsOfFleet, toFleetAgent } from "../settings/fleetSettings.ts";
import { type Agent, findAgent } from "../store/fleet/agentStore.ts";
import { type RejectedBy, rejectionsOf } from "../store/fleet/rejectionStore.ts";
import { lastDocumentsOf, listRuns } from "../store/fleet/runStore.ts";

/** Order that an agent should follow, the attempts it made, and the difference. */
export interface AgentOrder {
  planned: UpdateOrder;
  /** The attempts of its last run; null before the first report. */
  happened: HappenedAttempt[] | null;
  deviates: boolean;
  /** When it began to (ms); null while it does not, or where that is not known yet. */
  since: number | null;
  sentence: string;
  /** When its schedule has it run next (ms), at its own moment; null where it has no more. */
  next: number | null;
}

/**
 * The update order on what the server knows of an agent, beside the attempts of its last run.
 *
 * @throws Problem NOT_FOUND
 */
export async function agentOrder(context: Context, id: string): Promise<AgentOrder> {
  const { db } = context.database;
  const agent = await findAgent(db, id);
  if (agent === undefined) throw new Problem("NOT_FOUND", "no agent has this id");
  const settings = await settingsOfFleet(context);
  const fleetAgent = toFleetAgent(agent, await grantsOf(db));
  const [last] = await listRuns(db, id, { limit: 1 });
  const known = { agent, fleetAgent, document: last?.document, rejections: await rejectionsOf(db, [id]) };
  const compared = compare(settings, known);
  const since = compared.deviates ? agent.deviatesSince : null;
  const { schedule = DEFAULT_SCHEDULE } = settings.policyOf(agent.domain);
  const next = nextScheduled(schedule, id, context.now()) ?? null;
  return { ...compared, since, next };
}

/**
 * Planned beside happened of several agents, each in the sentence that `agentOrder` has for it, by id. Of a long list each
 * takes a moment, in which nothing else is done: others have their turn between.
 */
export async function sentencesOf(context: Context, agents: readonly Agent[]): Promise<Map<string, string>> {
  const { db } = context.database;
  const settings = await settingsOfFleet(context);
  const grants = await grantsOf(db);
  const ids = agents.map(({ id }) => id);
  const last = await lastDocumentsOf(db, ids);
  const rejected = Map.groupBy(await rejectionsOf(db, ids), ({ agentId }) => agentId);
  const sentences = new Map<string, string>();
  for (const agent of agents) {
    const { id } = agent;
    const known = { agent, fleetAgent: toFleetAgent(agent, grants), document: last.get(id) };
    sentences.set(id, compare(settings, { ...known, rejections: rejected.get(id) ?? [] }).sentence);
    await nextTurn();
  }
  return sentences;
}

/** Facts that are known of an agent, with the document of the run that it reported last. */
interface Known {
  agent: Agent;
  fleetAgent: FleetAgent;
  document: unknown;
  rejections: readonly (RejectedBy & Rejection)[];
}

/** Planned beside happened of one agent. */
function compare(
  settings: FleetSettings,
  { agent, fleetAgent, document, rejections }: Known,
): Pick<AgentOrder, "planned" | "happened" | "deviates" | "sentence"> {
  const { list } = settings;
  const planned = orderOfAgent(fleetAgent, settings);
  const report = (document as { report?: { attempts?: HappenedAttempt[] } } | undefined)?.report;
  const happened = report?.attempts ?? null;
  const wentBy = listVersionOf((report as AgentReport["report"])?.sourceList);
  const lists = { wentBy, inForce: list.version };
  const { deviates, sentence } = deviationOf(planned, happened, nameOf, agent.deviatesSince, lists);
  const once = rejectedBefore(rejections, list, happened ?? []);
  return { planned, happened, deviates, sentence: [sentence, ...once].join("; ") };
}

/** Sources that lied to an agent, of which its last run says nothing: a run that needs nothing new finds nothing wrong. */
function rejectedBefore(
  rejections: readonly (RejectedBy & Rejection)[],
  list: SourceList,
  happened: readonly HappenedAttempt[],
): string[] {
  const names = sourcesOfList(list);
  const said = new Set(happened.filter(({ code }) => code !== undefined).map(keyOfSource));
  return rejections.filter(isTelling).flatMap(({ source, code, last }) => {
    const name = said.has(source) ? undefined : names.get(source);
    return name === undefined ? [] : [`${name} ${failureInWords(code)} on ${momentInWords(last)}`];
  });
}
