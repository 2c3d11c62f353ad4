import { spreadWindow } from "../../core/fleet/notification/spread.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { newId } from "../access/secrets.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { grantsOf } from "../settings/fleetSettings.ts";
import { takeTurn } from "../store/dialect.ts";
import {
  activeNotification,
  deleteOldNotifications,
  insertNotification,
  type NotificationTarget,
  updateNotification,
} from "../store/notifications/notificationStore.ts";
import { countPlaces, dropUntold, enqueueAgents } from "../store/notifications/toldStore.ts";
import { findDomain } from "../store/settings/domainStore.ts";
import { type Tx, transact } from "../store/transaction.ts";

/** Notifications that are remembered, besides those that go on. */
const KEPT = 50;
/** Agents that a refusal names at most. */
const NAMED = 20;

/**
 * Begins a notification. One that still tells agents is absorbed: those whom it has not told are told by this
 * one, first. So what is told is always the newest, no agent waits in two queues, and none waits for ever.
 *
 * @param run agents that ask are to run even if they have what is told; those of an absorbed one keep that wish, with all others
 * @returns its id
 * @throws Problem REFUSED for a target without agents, UNAVAILABLE where nothing is published
 */
export async function createNotification(
  context: Context,
  target: NotificationTarget,
  by: By,
  run = false,
): Promise<string> {
  const { database, trees } = context;
  if (trees.newest() === undefined)
    throw new Problem("UNAVAILABLE", "nothing has been published yet: save a source list or a policy first");
  return await transact(database.db, async (tx) => {
    // Of two that begin at the same moment, the second finds the first, and absorbs it.
    await takeTurn(tx, "notification");
    return await createIn(tx, context, { target, run }, by);
  });
}

async function createIn(
  tx: Tx,
  { now, random }: Context,
  { target, run }: { target: NotificationTarget; run: boolean },
  by: By,
): Promise<string> {
  await refuseUnknown(tx, target);
  const id = newId(random);
  const grants = await grantsOf(tx);
  const active = await activeNotification(tx);
  const absorbed = active?.id;
  if (absorbed !== undefined) await updateNotification(tx, absorbed, { state: "absorbed", absorbedBy: id });
  await insertNotification(tx, {
    id,
    createdAt: now(),
    createdBy: actorOf(by.caller),
    target,
    run: run || active?.run === true,
  });
  await enqueueAgents(tx, id, target, { updateAgents: [...grants.keys()], absorbed });
  if (absorbed !== undefined) await dropUntold(tx, absorbed);
  const { first: updateAgents, others } = await countPlaces(tx, id);
  if (updateAgents + others === 0)
    throw new Problem("REFUSED", "there is no agent to notify: choose another target, or enrol agents first");
  const window = spreadWindow({ agents: others, updateAgents: grants.size });
  await updateNotification(tx, id, { updateAgents, others, window });
  await deleteOldNotifications(tx, KEPT);
  const detail = { target, agents: updateAgents + others, absorbed, ...(run ? { run } : {}) };
  await writeAudit(tx, { now }, by, { operation: "createNotification", subject: id, detail });
  return id;
}

async function refuseUnknown(tx: Tx, target: NotificationTarget): Promise<void> {
  if ("domain" in target) {
    if ((await findDomain(tx, target.domain)) !== undefined) return;
    throw new Problem(
      "REFUSED",
      `there is no domain ${target.domain}: GET /domains lists them, POST /domains makes one`,
    );
  }
  if (!("agents" in target)) return;
  const known = await tx
    .selectFrom("agents")
    .select("id")
    .where("retired_at", "is", null)
    .where("id", "in", target.agents)
    .execute();
  const ids = new Set(known.map(({ id }) => id));
  const errors = target.agents.flatMap((id, index) =>
    ids.has(id) ? [] : [{ field: `target.agents[${index}]`, message: "no agent has this id" }],
  );
  if (errors.length > 0) {
    throw new Problem(
      "REFUSED",
      `${errors.length} of the agents are not there: leave them out; GET /agents lists those there are`,
      {
        errors: errors.slice(0, NAMED),
      },
    );
  }
}
