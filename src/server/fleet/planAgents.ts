import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { AgentClasses } from "../../core/fleet/agentClasses.ts";
import { type FleetAgent, type FleetSettings, sourcesOf } from "../../core/fleet/fleetAgent.ts";
import { LONGEST_SOURCE } from "../../core/fleet/reports/reportSummary.ts";
import { nameOf } from "../../core/fleet/sourceName.ts";
import type { Context } from "../context.ts";
import { grantsOf, settingsOfFleet, toFleetAgent } from "../settings/fleetSettings.ts";
import { forgiveOlder, type NewPlan, plannedAgents, putPlanned } from "../store/fleet/planStore.ts";
import { findMark, putMark } from "../store/fleet/publicationStore.ts";
import { transact } from "../store/transaction.ts";

/** Agents that are read, and written, at once. */
const BATCH = 500;
/** The mark of the settings by which all agents were planned. */
const MARK = "planned";

/**
 * Computes the first source of agents' orders again, and writes down where it has changed: whoever goes elsewhere is
 * found without a look at the settings.
 *
 * @param scope all agents, or those whose addresses, domain or name have changed
 * @returns the number of agents that were written
 */
export async function planAgents(
  context: Pick<Context, "config" | "database">,
  scope: "all" | "due",
  now: number,
): Promise<number> {
  const { db, dialect } = context.database;
  const mark = await settingsMark(context);
  const settings = await settingsOfFleet(context);
  const grants = await grantsOf(db);
  const firsts = new FirstSources(settings);
  let written = 0;
  for (let after = ""; ; ) {
    const agents = await plannedAgents(db, { after, limit: BATCH, due: scope === "due" });
    const changed: NewPlan[] = [];
    for (const agent of agents) {
      const first = await firsts.of(toFleetAgent(agent, grants));
      const isSame = first.planned === agent.planned && first.plannedUrl === agent.plannedUrl;
      if (agent.isDue || !isSame) changed.push({ agent, ...first });
    }
    written += changed.length;
    const began = performance.now();
    if (changed.length > 0)
      await transact(db, (tx) =>
        putPlanned(tx, dialect, changed, { now, listVersion: settings.list.version }),
      );
    if (agents.length < BATCH) break;
    after = agents.at(-1)?.id ?? "";
    // Of a database for one who writes at a time, reports have their share meanwhile.
    if (changed.length > 0) await sleep(performance.now() - began);
  }
  if (scope === "all") {
    await transact(db, async (tx) => {
      await forgiveOlder(tx, settings.list.version);
      await putMark(tx, MARK, mark);
    });
  }
  return written;
}

/** A first source by its name, empty for none; and by its URL, where it is an entry. */
type FirstSource = Pick<NewPlan, "planned" | "plannedUrl">;

/** First sources, computed once for each class of agents that are alike. */
class FirstSources {
  readonly #settings: FleetSettings;
  readonly #classes: AgentClasses;
  readonly #known = new Map<string, FirstSource>();

  constructor(settings: FleetSettings) {
    this.#settings = settings;
    this.#classes = new AgentClasses([settings.list]);
  }

  async of(agent: FleetAgent): Promise<FirstSource> {
    const key = this.#classes.keyOf(agent);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // Of a long list each takes a moment, in which nothing else is done.
    await nextTurn();
    const [first] = sourcesOf(agent, this.#settings);
    const source = {
      planned: first === undefined ? "" : nameOf(first).slice(0, LONGEST_SOURCE),
      // One of any length would not fit into an index.
      plannedUrl: first?.rule === "custom" && first.url.length <= LONGEST_SOURCE ? first.url : null,
    };
    this.#known.set(key, source);
    return source;
  }
}

/** Whether all agents were planned by the settings that are in force. */
export async function isPlanned(context: Pick<Context, "config" | "database">): Promise<boolean> {
  return (await findMark(context.database.db, MARK)) === (await settingsMark(context));
}

/** A text that changes with everything that orders depend on, beside the agents. */
async function settingsMark({
  config,
  database: { db },
}: Pick<Context, "config" | "database">): Promise<string> {
  const newest = await db
    .selectFrom("documents")
    .select((row) => ["name", row.fn.max("version").as("version")])
    .groupBy("name")
    .orderBy("name")
    .execute();
  const documents = newest.map(({ name, version }) => [name, version]);
  return JSON.stringify([config.publicUrl, config.agents.port, config.activeUpdate, documents]);
}
