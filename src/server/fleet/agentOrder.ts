import { type Deviation, deviationOf, type HappenedAttempt } from "../../core/fleet/deviation.ts";
import { type FleetSettings, nameOf, orderOfAgent } from "../../core/fleet/effect.ts";
import type { UpdateOrder } from "../../core/order/plan.ts";
import type { Context } from "../context.ts";
import { grantsOf, settingsOfFleet, toFleetAgent } from "../settings/fleetSettings.ts";
import type { Agent } from "../store/fleet/agentStore.ts";
import { listRuns } from "../store/fleet/runStore.ts";

/** Order that an agent should follow, the attempts it made, and the difference. */
export interface AgentOrder {
  planned: UpdateOrder;
  /** The attempts of its last run; null before the first report. */
  happened: HappenedAttempt[] | null;
  deviates: boolean;
  sentence: string;
}

/** The update order on what the server knows of an agent, beside the attempts of its last run. */
export async function agentOrder(context: Context, agent: Agent): Promise<AgentOrder> {
  const { db } = context.database;
  const settings: FleetSettings = await settingsOfFleet(context);
  const planned = orderOfAgent(toFleetAgent(agent, await grantsOf(db)), settings);
  const [last] = await listRuns(db, agent.id, { limit: 1 });
  const report = (last?.document as { report?: { attempts?: HappenedAttempt[] } } | undefined)?.report;
  const happened = report?.attempts ?? null;
  const deviation: Deviation = deviationOf(planned, happened, nameOf);
  return { planned, happened, ...deviation };
}
