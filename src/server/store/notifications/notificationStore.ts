import { sql } from "kysely";
import type { GoneBy } from "../../../core/fleet/notification/hold.ts";
import type { NotificationState } from "../../../core/fleet/notification/spread.ts";
import {
  ALREADY_CURRENT,
  TOLD_STATES,
  type ToldCounts,
  type ToldState,
} from "../../../core/fleet/notification/told.ts";
import { countOf } from "../countOf.ts";
import type { Db, Tx } from "../transaction.ts";

/** Agents that are to look for updates now. */
export type NotificationTarget = { all: true } | { domain: string } | { agents: string[] };

/** One notification. Times in milliseconds since the epoch. */
export interface Notification {
  id: string;
  createdAt: number;
  createdBy: string;
  target: NotificationTarget;
  /** Agents that ask are to run even if they have it already. */
  run: boolean;
  state: NotificationState;
  /** Update Agents among its agents, and the others, who are told after them over the window (ms). */
  updateAgents: number;
  others: number;
  window: number;
  /** When the others began to be told. */
  spreadAt: number | null;
  endedAt: number | null;
  /** The notification that took over the agents which were still to be told. */
  absorbedBy: string | null;
}

const COLUMNS = [
  "id",
  "created_at as createdAt",
  "created_by as createdBy",
  "target",
  "run",
  "state",
  "update_agents as updateAgents",
  "others",
  "spread_window as window",
  "spread_at as spreadAt",
  "ended_at as endedAt",
  "absorbed_by as absorbedBy",
] as const;

type Row = Omit<Notification, "target" | "state" | "run"> & { target: string; state: string; run: number };

function fromRow({ target, state, run, ...row }: Row): Notification {
  const parsed = JSON.parse(target) as NotificationTarget;
  return { ...row, run: run === 1, state: state as NotificationState, target: parsed };
}

/** Adds a notification without agents, the one that tells agents from now on. */
export async function insertNotification(
  tx: Tx,
  {
    id,
    createdAt,
    createdBy,
    target,
    run,
  }: Pick<Notification, "id" | "createdAt" | "createdBy" | "target" | "run">,
): Promise<void> {
  await tx
    .insertInto("notifications")
    .values({
      id,
      created_at: createdAt,
      created_by: createdBy,
      target: JSON.stringify(target),
      run: Number(run),
      state: "update-agents" satisfies NotificationState,
      active: 1,
      update_agents: 0,
      others: 0,
      spread_window: 0,
    })
    .execute();
}

export async function findNotification(db: Db, id: string): Promise<Notification | undefined> {
  const found = await db.selectFrom("notifications").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  return found && fromRow(found);
}

/** The newest first, after the one that `before` names. */
export async function listNotifications(
  db: Db,
  { before, limit }: { before?: { createdAt: number; id: string } | undefined; limit: number },
): Promise<Notification[]> {
  let query = db
    .selectFrom("notifications")
    .select(COLUMNS)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit);
  if (before !== undefined) {
    query = query.where((where) =>
      where.or([
        where("created_at", "<", before.createdAt),
        where.and([where("created_at", "=", before.createdAt), where("id", "<", before.id)]),
      ]),
    );
  }
  return (await query.execute()).map(fromRow);
}

export async function countNotifications(db: Db): Promise<number> {
  return await countOf(db.selectFrom("notifications"));
}

/** Those of which something is still to come: the one that tells agents, and absorbed ones with runs that go on. */
export async function openNotifications(db: Db): Promise<Notification[]> {
  return (await db.selectFrom("notifications").select(COLUMNS).where("ended_at", "is", null).execute()).map(
    fromRow,
  );
}

/** The notification that tells agents now. */
export async function activeNotification(db: Db): Promise<Notification | undefined> {
  const found = await db
    .selectFrom("notifications")
    .select(COLUMNS)
    .where("active", "=", 1)
    .executeTakeFirst();
  return found && fromRow(found);
}

/** Changes what `changes` names; one that tells agents no longer makes room for the next. */
export async function updateNotification(
  db: Db,
  id: string,
  changes: Partial<Omit<Notification, "id" | "createdAt" | "createdBy" | "target" | "run">>,
): Promise<void> {
  const { state, updateAgents, others, window, spreadAt, endedAt, absorbedBy } = changes;
  await db
    .updateTable("notifications")
    .set({
      ...(state === undefined ? {} : { state }),
      ...(state === "ended" || state === "absorbed" ? { active: null } : {}),
      ...(updateAgents === undefined ? {} : { update_agents: updateAgents }),
      ...(others === undefined ? {} : { others }),
      ...(window === undefined ? {} : { spread_window: window }),
      ...(spreadAt === undefined ? {} : { spread_at: spreadAt }),
      ...(endedAt === undefined ? {} : { ended_at: endedAt }),
      ...(absorbedBy === undefined ? {} : { absorbed_by: absorbedBy }),
    })
    .where("id", "=", id)
    .execute();
}

/** Forgets ended notifications but for the newest `kept`. */
export async function deleteOldNotifications(tx: Tx, kept: number): Promise<void> {
  const newest = tx
    .selectFrom("notifications")
    .select("id")
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(kept);
  await tx
    .deleteFrom("notifications")
    .where("ended_at", "is not", null)
    .where("id", "not in", newest)
    .execute();
}

export async function countTold(db: Db, notificationId: string): Promise<ToldCounts> {
  const rows = await db
    .selectFrom("told")
    .select((row) => ["state", row.fn.countAll<number>().as("count")])
    .where("notification_id", "=", notificationId)
    .groupBy("state")
    .execute();
  const found = new Map(rows.map(({ state, count }) => [state, Number(count)]));
  return Object.fromEntries(TOLD_STATES.map((state) => [state, found.get(state) ?? 0])) as ToldCounts;
}

/** Agents of a notification that are done without a run, since they had all that they were told of. */
export async function countCurrent(db: Db, notificationId: string): Promise<number> {
  return await countOf(
    db.selectFrom("told").where("notification_id", "=", notificationId).where("code", "=", ALREADY_CURRENT),
  );
}

/** Domains that are shown of one notification. */
const MOST_DOMAINS = 200;

/** The same for each domain, by name; of more than 200 domains those with the most agents. */
export async function countToldByDomain(
  db: Db,
  notificationId: string,
): Promise<{ domain: string; counts: ToldCounts; current: number }[]> {
  const rows = await db
    .selectFrom("told")
    .innerJoin("agents", "agents.id", "told.agent_id")
    .select((row) => ["agents.domain", "told.state", row.fn.countAll<number>().as("count")])
    .select(sql<number>`sum(case when told.code = ${ALREADY_CURRENT} then 1 else 0 end)`.as("current"))
    .where("told.notification_id", "=", notificationId)
    .groupBy(["agents.domain", "told.state"])
    .execute();
  const found = [...Map.groupBy(rows, ({ domain }) => domain)].map(([domain, ofDomain]) => {
    const counts = Object.fromEntries(TOLD_STATES.map((state) => [state, 0])) as ToldCounts;
    for (const { state, count } of ofDomain) counts[state as ToldState] = Number(count);
    const current = ofDomain.reduce((sum, each) => sum + Number(each.current), 0);
    return { domain, counts, current };
  });
  const sizeOf = ({ counts }: { counts: ToldCounts }) =>
    Object.values(counts).reduce((sum, each) => sum + each, 0);
  const largest = found.toSorted((one, other) => sizeOf(other) - sizeOf(one)).slice(0, MOST_DOMAINS);
  return largest.toSorted((one, other) => (one.domain < other.domain ? -1 : 1));
}

/** Kinds of agents of which a notification may have some left. */
export interface Left {
  /** Update Agents that are to be told, or have not reported since. */
  updateAgentsOpen: boolean;
  waiting: boolean;
  /** Agents whose report is awaited, or that are to be tried again. */
  awaited: boolean;
}

/** Agents that asked when they were told have gone by these limits. */
export interface Gone extends GoneBy {
  /** Time (ms) for which one that is there may not ask. */
  askEvery: number;
}

/** Update Agents of a notification that the others wait for: those that have gone since they were told are none (`isGone`). */
function openUpdateAgents(db: Db, notificationId: string, gone: Gone) {
  return db
    .selectFrom("told")
    .innerJoin("agents", "agents.id", "told.agent_id")
    .where("notification_id", "=", notificationId)
    .where("place", "=", 0)
    .where("told.state", "in", ["waiting", "notified", "running"] satisfies ToldState[])
    .where((where) =>
      where.or([
        where("told.state", "=", "waiting" satisfies ToldState),
        where("polled_at", "is", null),
        where("polled_at", ">=", gone.before),
        where.and([where("polled_at", "<", gone.openSince), where("polled_at", ">=", gone.longBefore)]),
        where("polled_at", "<", sql<number>`told_at - ${sql.lit(gone.askEvery)}`),
      ]),
    );
}

/** The same by name, at most `limit` of them, and how many there are. */
export async function listAwaited(
  db: Db,
  notificationId: string,
  gone: Gone,
  limit: number,
): Promise<{ items: { id: string; name: string }[]; total: number }> {
  const items = await openUpdateAgents(db, notificationId, gone)
    .select(["agents.id as id", "agents.name as name"])
    .orderBy("agents.name")
    .orderBy("agents.id")
    .limit(limit)
    .execute();
  return { items, total: await countOf(openUpdateAgents(db, notificationId, gone)) };
}

/** Looks for one of each kind, which costs the same however many agents there are. */
export async function agentsLeft(db: Db, notificationId: string, gone: Gone): Promise<Left> {
  const of = (states: ToldState[]) =>
    db
      .selectFrom("told")
      .select("agent_id")
      .where("notification_id", "=", notificationId)
      .where("state", "in", states)
      .limit(1);
  const isThere = async (query: ReturnType<typeof of>) => (await query.executeTakeFirst()) !== undefined;
  return {
    updateAgentsOpen:
      (await openUpdateAgents(db, notificationId, gone).select("agent_id").limit(1).executeTakeFirst()) !==
      undefined,
    waiting: await isThere(of(["waiting"])),
    awaited:
      (await isThere(of(["notified", "running"]))) ||
      (await isThere(of(["unreachable"]).where("next_at", "is not", null))),
  };
}

/** One agent of a notification, for people. */
export interface ToldAgent {
  id: string;
  name: string;
  state: ToldState;
  code: string | null;
  attempts: number;
  toldAt: number | null;
  /** When it is tried again; null for no more. */
  nextAt: number | null;
}

/** Agents in one state by name, after the one that `after` names. */
export async function listTold(
  db: Db,
  notificationId: string,
  state: ToldState,
  { after, limit }: { after?: { name: string; id: string } | undefined; limit: number },
): Promise<ToldAgent[]> {
  let query = db
    .selectFrom("told")
    .innerJoin("agents", "agents.id", "told.agent_id")
    .select([
      "agents.id as id",
      "agents.name as name",
      "told.state as state",
      "told.code as code",
      "attempts",
      "told_at as toldAt",
      "next_at as nextAt",
    ])
    .where("notification_id", "=", notificationId)
    .where("told.state", "=", state)
    .orderBy("agents.name")
    .orderBy("agents.id")
    .limit(limit);
  if (after !== undefined) {
    query = query.where(sql<boolean>`(agents.name, agents.id) > (${after.name}, ${after.id})`);
  }
  return (await query.execute()) as ToldAgent[];
}
