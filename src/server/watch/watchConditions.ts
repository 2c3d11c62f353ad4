import { REJECTED_FOR, sourcesOfList } from "../../core/fleet/reports/rejections.ts";
import {
  type Condition,
  type ConditionKind,
  changesOf,
  conditionsOf,
  type WatchedFacts,
} from "../../core/fleet/watch/watchedConditions.ts";
import { explainError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { askFleet } from "../effect/fleetProcess.ts";
import { listExpiries } from "../expiries.ts";
import { expectations } from "../fleet/expectations.ts";
import { listInForce } from "../settings/fleetSettings.ts";
import { takeTurn } from "../store/dialect.ts";
import { countStatesOfDomains } from "../store/fleet/agentFilter.ts";
import { rejectedSources } from "../store/fleet/rejectionStore.ts";
import { transact } from "../store/transaction.ts";
import { dropCondition, heldConditions, keepCondition } from "../store/watch/conditionStore.ts";
import { dropEvents } from "../store/watch/eventStore.ts";
import { readNote, writeNote } from "../store/watch/noteStore.ts";
import { raiseEvent } from "./raiseEvent.ts";

/** States in which an agent is no trouble. */
const WELL = new Set(["online", "never"]);
/** Days for which events are remembered. */
const KEPT_DAYS = 30;
const DAY = 86_400_000;

/**
 * Looks at what holds for a while (an expiry ahead, a mirror that is late, a fleet in trouble, networks without an
 * entry), and raises an event for each that began or ended since the last look of any server. It does not fail.
 */
export async function watchConditions(context: Context): Promise<void> {
  const { database, now, log } = context;
  try {
    const held = await heldConditions(database.db);
    const facts = await factsOf(context, new Set(held.map(({ subject }) => subject)));
    const unknown = new Set<ConditionKind>(facts.uncovered === undefined ? ["networks"] : []);
    await writeChanges(context, conditionsOf(facts, now()), unknown);
  } catch (error) {
    log.error(`it could not be seen whether all is well: ${explainError(error)}`);
  }
}

async function writeChanges(
  context: Context,
  found: Condition[],
  unknown: ReadonlySet<ConditionKind>,
): Promise<void> {
  const { database, now } = context;
  await transact(database.db, async (tx) => {
    // Of two servers that see the same at once, the second finds it written down.
    await takeTurn(tx, "conditions");
    for (const { type, condition, holds } of changesOf(await heldConditions(tx), found, now(), unknown)) {
      const { subject, message, detail } = condition;
      if (holds) await keepCondition(tx, { ...condition, raisedAt: now() });
      else await dropCondition(tx, condition);
      const said = holds ? message : `over: ${message}`;
      await raiseEvent(tx, context, { type, subject, message: said, detail });
    }
    await dropEvents(tx, now() - KEPT_DAYS * DAY);
  });
}

async function factsOf(context: Context, held: ReadonlySet<string>): Promise<WatchedFacts> {
  const { config, database } = context;
  const counts = await countStatesOfDomains(database.db, await expectations(context));
  const sum = (some: typeof counts) => some.reduce((all, { agents }) => all + agents, 0);
  return {
    expiries: await listExpiries(context),
    mirror: await mirrorNow(context),
    agents: { all: sum(counts), troubled: sum(counts.filter(({ state }) => !WELL.has(state))) },
    uncovered: await uncoveredNow(context),
    rejected: await rejectedNow(context),
    held,
    limits: config.watch,
  };
}

/** Sources that are none any more, or have another name now, are no trouble under the old one. */
async function rejectedNow({ database: { db }, now }: Context): Promise<WatchedFacts["rejected"]> {
  const names = sourcesOfList(await listInForce(db));
  return (await rejectedSources(db, now() - REJECTED_FOR)).flatMap((each) => {
    const source = names.get(each.source);
    return source === undefined ? [] : [{ ...each, source }];
  });
}

/** Of a vendor who was never reached, the time since when any server has waited: it outlives their restarts. */
async function mirrorNow({ config, database, mirror, now }: Context): Promise<WatchedFacts["mirror"]> {
  if (!mirror.isConfigured || config.mirror.every === null) return undefined;
  const confirmed = await readNote(database.db, "mirrored");
  if (confirmed !== undefined) return { ...confirmed, since: confirmed.confirmedAt };
  const awaited = (await readNote(database.db, "mirrorAwaited")) ?? { since: now() };
  await writeNote(database.db, "mirrorAwaited", awaited, now());
  return { confirmedAt: null, ...awaited };
}

/** Undefined where nobody could count: another process does it, and one question after the other. */
async function uncoveredNow(context: Context): Promise<WatchedFacts["uncovered"]> {
  try {
    // Agents that follow no list of ranges, or an empty one, have the server.
    const { mode, entries } = await listInForce(context.database.db);
    if (mode === "standard" || entries.length === 0) return { agents: 0, networks: 0 };
    const { agents, networks, more } = await askFleet(context, { uncovered: true });
    return { agents, networks: networks.length + more };
  } catch (error) {
    context.log.debug(`agents without an entry could not be counted: ${explainError(error)}`);
    return undefined;
  }
}
