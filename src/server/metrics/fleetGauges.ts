import type { Gauge } from "prom-client";
import { AGENT_STATES } from "../../core/fleet/agentState.ts";
import { TOLD_STATES } from "../../core/fleet/notification/told.ts";
import { CONDITIONS } from "../../core/fleet/watch/watchedConditions.ts";
import { explainError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { expectations } from "../fleet/expectations.ts";
import { databaseSize } from "../store/dialect.ts";
import { countStatesOfDomains } from "../store/fleet/agentFilter.ts";
import { activeNotification, countTold } from "../store/notifications/notificationStore.ts";
import { countHalted } from "../store/releases/releaseStore.ts";
import type { Db } from "../store/transaction.ts";
import { heldConditions } from "../store/watch/conditionStore.ts";
import { waitingDeliveries } from "../store/watch/deliveryStore.ts";
import { readNote } from "../store/watch/noteStore.ts";
import { countDropped, countGivenUp } from "../store/watch/webhookStore.ts";
import type { SetGauges } from "./serverMetrics.ts";

/**
 * Gauges of what the database has, the same whichever server is asked. One look is a dozen statements, none of which
 * names an agent.
 */
export function fleetGauges(context: Context): SetGauges {
  const { database, metrics, log } = context;
  const up = metrics.gauge("database_up", "1 while the database answers.");
  const seconds = metrics.gauge(
    "database_seconds",
    "Time that the last look of this page took the database.",
  );
  const makers = [
    setAgents,
    setReleases,
    setNotifications,
    setWebhooks,
    setConditions,
    setMirror,
    setDatabase,
  ];
  const sets = makers.map((make) => make(context));
  return async () => {
    const began = performance.now();
    try {
      for (const set of sets) await set(database.db);
      up.set(1);
    } catch (error) {
      up.set(0);
      log.error(`metrics cannot be read from the database: ${explainError(error)}`);
    }
    seconds.set((performance.now() - began) / 1_000);
  };
}

type SetFrom = (db: Db) => Promise<void>;

function setAgents(context: Context): SetFrom {
  const { metrics } = context;
  const agents = metrics.gauge("agents", "Agents that are not retired.", "domain", "state");
  return async (db) => {
    const counts = await countStatesOfDomains(db, await expectations(context));
    agents.reset();
    for (const domain of new Set(counts.map((each) => each.domain))) {
      for (const state of AGENT_STATES) agents.set({ domain, state }, 0);
    }
    for (const { domain, state, agents: count } of counts) agents.set({ domain, state }, count);
  };
}

function setReleases({ metrics }: Context): SetFrom {
  const halted = metrics.gauge("halted_releases", "Releases that are offered, and held back from agents.");
  return async (db) => halted.set(await countHalted(db));
}

function setNotifications({ metrics }: Context): SetFrom {
  const told = metrics.gauge(
    "notification_agents",
    "Agents of the notification that is under way, by what has become of it.",
    "state",
  );
  const since = metrics.gauge(
    "notification_started_timestamp_seconds",
    "When the notification that is under way began; 0 for none.",
  );
  return async (db) => {
    const active = await activeNotification(db);
    const counts = active === undefined ? undefined : await countTold(db, active.id);
    for (const state of TOLD_STATES) told.set({ state }, counts?.[state] ?? 0);
    since.set((active?.createdAt ?? 0) / 1_000);
  };
}

function setWebhooks({ metrics }: Context): SetFrom {
  const waiting = metrics.gauge("webhook_deliveries_waiting", "Events that are still to be delivered.");
  const oldest = metrics.gauge(
    "webhook_oldest_waiting_timestamp_seconds",
    "When the oldest of them was raised; 0 for none.",
  );
  const dropped = metrics.gauge(
    "webhook_events_dropped",
    "Events that were not kept for webhooks, since too many waited for them.",
  );
  const given = metrics.gauge(
    "webhooks_given_up",
    "Webhooks that nothing could be delivered to for too long.",
  );
  return async (db) => {
    const found = await waitingDeliveries(db);
    waiting.set(found.count);
    oldest.set((found.oldest ?? 0) / 1_000);
    given.set(await countGivenUp(db));
    dropped.set(await countDropped(db));
  };
}

function setConditions({ metrics }: Context): SetFrom {
  const held = metrics.gauge(
    "conditions",
    "Conditions that hold by the last look: expiries ahead, a late mirror, a fleet in trouble, networks without an entry, sources of which agents rejected something.",
    "kind",
  );
  const uncovered = metrics.gauge("uncovered_agents", "Agents that no entry of the source list matches.");
  return async (db) => {
    const found = await heldConditions(db);
    for (const kind of Object.keys(CONDITIONS)) {
      held.set({ kind }, found.filter((each) => each.kind === kind).length);
    }
    const networks = found.find(({ kind }) => kind === "networks");
    uncovered.set(Number(networks?.detail.agents ?? 0));
  };
}

function setMirror({ metrics, mirror }: Context): SetFrom {
  const confirmed = metrics.gauge(
    "mirror_confirmed_timestamp_seconds",
    "When the vendor was last known to have nothing newer, by whichever server; absent before the first time.",
  );
  return async (db) => {
    const note = mirror.isConfigured ? await readNote(db, "mirrored") : undefined;
    setIfKnown(confirmed, note && note.confirmedAt / 1_000);
  };
}

function setDatabase({ metrics }: Context): SetFrom {
  const bytes = metrics.gauge("database_bytes", "Size of the database.");
  return async (db) => bytes.set(await databaseSize(db));
}

function setIfKnown(gauge: Gauge, value: number | undefined): void {
  gauge.remove();
  if (value !== undefined) gauge.set(value);
}
