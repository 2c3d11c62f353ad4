import { type RawBuilder, sql } from "kysely";
import type { ToldState } from "../../../core/fleet/notification/told.ts";
import type { Dialect } from "../dialect.ts";
import { fewLengths, inParts, tableOf } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";
import type { NotificationTarget } from "./notificationStore.ts";

/** Ids in one statement. */
const AT_ONCE = 5_000;

/**
 * Puts the agents of a target into a notification's queue: Update Agents at place 0, then those that another
 * notification has not told yet, then all others, in the order of their ids, which are random.
 *
 * @param absorbed the other notification
 */
export async function enqueueAgents(
  tx: Tx,
  notificationId: string,
  target: NotificationTarget,
  { updateAgents, absorbed }: { updateAgents: string[]; absorbed: string | undefined },
): Promise<void> {
  const isLeft = sql<boolean>`exists (select 1 from told as left_over where left_over.notification_id = ${absorbed ?? ""}
    and left_over.agent_id = agents.id and left_over.state in ('waiting', 'unreachable'))`;
  const isMeant = sql`agents.retired_at is null and (${targets(target)} or ${isLeft})`;
  const enqueue = (place: RawBuilder<unknown>, condition: RawBuilder<unknown>) =>
    sql`insert into told (notification_id, agent_id, place, state, attempts)
      select ${notificationId}, agents.id, ${place}, 'waiting', 0 from agents where ${isMeant} and ${condition}`.execute(
      tx,
    );
  for (let from = 0; from < updateAgents.length; from += AT_ONCE) {
    const ids = sql.join(updateAgents.slice(from, from + AT_ONCE));
    await enqueue(sql`0`, sql`agents.id in (${ids})`);
  }
  await enqueue(
    sql`row_number() over (order by case when ${isLeft} then 0 else 1 end, agents.id)`,
    sql`not exists (select 1 from told as first where first.notification_id = ${notificationId} and first.agent_id = agents.id)`,
  );
}

function targets(target: NotificationTarget): RawBuilder<unknown> {
  if ("all" in target) return sql`1 = 1`;
  if ("domain" in target) return sql`agents.domain = ${target.domain}`;
  return sql`agents.id in (${sql.join(target.agents)})`;
}

/** Numbers of a notification's agents: at place 0, and after. */
export async function countPlaces(
  db: Db,
  notificationId: string,
): Promise<{ first: number; others: number }> {
  const rows = await db
    .selectFrom("told")
    .select((row) => [
      sql<number>`case when place = 0 then 0 else 1 end`.as("after"),
      row.fn.countAll<number>().as("count"),
    ])
    .where("notification_id", "=", notificationId)
    .groupBy("after")
    .execute();
  const count = (after: number) => Number(rows.find((row) => Number(row.after) === after)?.count ?? 0);
  return { first: count(0), others: count(1) };
}

/** Takes the agents out of a notification that it has not told. */
export async function dropUntold(tx: Tx, notificationId: string): Promise<void> {
  await tx
    .deleteFrom("told")
    .where("notification_id", "=", notificationId)
    .where("state", "in", ["waiting", "unreachable"])
    .execute();
}

/** An agent whose turn it is, and all that it takes to tell it. */
export interface DueAgent {
  notificationId: string;
  agentId: string;
  /** 0 for an Update Agent, which the others wait for. */
  place: number;
  state: ToldState;
  attempts: number;
  /** When it was first tried. */
  toldAt: number;
  addresses: string[];
  port: number | null;
  seenAt: string | null;
  polledAt: number | null;
  /** The topic that it listens to at a broker; null for none. */
  topic: string | null;
  /** Its last report. */
  reportedAt: number | null;
  outcome: string | null;
  reportedCode: string | null;
}

export interface Due {
  notificationId: string;
  /** The last place whose turn it is. */
  place: number;
  now: number;
  limit: number;
  /** Until when (ms since the epoch) nobody else takes the same agents. */
  leaseUntil: number;
}

/**
 * Takes the next agents: those to be told for the first time, then those to be tried again. They stay in the
 * queue, so that a server that is killed leaves them to the next.
 */
export async function takeDue(tx: Tx, { locksRows }: Dialect, due: Due): Promise<DueAgent[]> {
  const { notificationId, place, now, limit, leaseUntil } = due;
  const queue = (state: ToldState) =>
    tx
      .selectFrom("told")
      .select("agent_id")
      .where("notification_id", "=", notificationId)
      .where("state", "=", state)
      .where((where) => where.or([where("place", "=", 0), where("place", "<=", place)]))
      .$if(locksRows, (query) => query.forUpdate().skipLocked());
  const fresh = await queue("waiting")
    .where((where) => where.or([where("next_at", "is", null), where("next_at", "<=", now)]))
    .orderBy("place")
    .limit(limit)
    .execute();
  const again = await queue("unreachable")
    .where("next_at", "<=", now)
    .orderBy("next_at")
    .limit(limit - fresh.length)
    .execute();
  const ids = [...fresh, ...again].map((row) => row.agent_id);
  if (ids.length === 0) return [];
  await tx
    .updateTable("told")
    .set({ next_at: leaseUntil, told_at: sql<number>`coalesce(told_at, ${now})` })
    .where("notification_id", "=", notificationId)
    .where("agent_id", "in", ids)
    .execute();
  return await readDue(tx, notificationId, ids);
}

async function readDue(tx: Tx, notificationId: string, ids: string[]): Promise<DueAgent[]> {
  const rows = await tx
    .selectFrom("told")
    .innerJoin("agents", "agents.id", "told.agent_id")
    .select([
      "agent_id as agentId",
      "place",
      "told.state as state",
      "attempts",
      "told_at as toldAt",
      "addresses",
      "port",
      "seen_at as seenAt",
      "polled_at as polledAt",
      "topic",
      "reported_at as reportedAt",
      "outcome",
      "agents.code as reportedCode",
    ])
    .where("notification_id", "=", notificationId)
    .where("agent_id", "in", ids)
    .execute();
  return rows.map(({ addresses, state, toldAt, ...row }) => ({
    ...row,
    notificationId,
    state: state as ToldState,
    toldAt: toldAt ?? 0,
    addresses: JSON.parse(addresses) as string[],
  }));
}

/** The outcome of telling an agent. */
export interface Told {
  notificationId: string;
  agentId: string;
  state: ToldState;
  nextAt: number | null;
  attempts: number;
  code: string | null;
}

/** Writes outcomes, unless more is known meanwhile: agents are in none of the states `from`. */
export async function noteTold(db: Db, told: readonly Told[], from: ToldState[]): Promise<void> {
  for (const some of inParts(told)) {
    const rows = some.map((each) => [
      each.notificationId,
      each.agentId,
      each.state,
      each.nextAt,
      each.attempts,
      each.code,
    ]);
    const given = tableOf(db, ["text", "text", "text", "bigint", "bigint", "text"], rows);
    await sql`update told set state = given.column3, next_at = given.column4, attempts = given.column5,
      code = given.column6 from ${given} as given where told.notification_id = given.column1
      and told.agent_id = given.column2 and told.state in (${sql.join(from)})`.execute(db);
  }
}

/** Gives agents back that were taken and not tried, so that nobody has to wait until the lease is over. */
export async function giveBack(
  db: Db,
  notificationId: string,
  agentIds: string[],
  now: number,
): Promise<void> {
  if (agentIds.length === 0) return;
  await db
    .updateTable("told")
    .set({ next_at: now })
    .where("notification_id", "=", notificationId)
    .where("agent_id", "in", agentIds)
    .where("state", "in", ["waiting", "unreachable"])
    .execute();
}

/** Fails those that said nothing for too long. */
export async function failSilent(db: Db, notificationId: string, now: number): Promise<void> {
  await db
    .updateTable("told")
    .set({ state: "failed" satisfies ToldState, code: "SILENT", next_at: null })
    .where("notification_id", "=", notificationId)
    .where("state", "in", ["notified", "running"])
    .where("next_at", "<=", now)
    .execute();
}

/** The state of one agent in a notification that something is still to come of. */
export interface OpenTold {
  notificationId: string;
  agentId: string;
  state: ToldState;
  toldAt: number | null;
  attempts: number;
  /** It is to run even if it has what it is told already. */
  run: boolean;
}

/** The states of many agents. */
export async function openToldOfAll(
  db: Db,
  agentIds: readonly string[],
  states: ToldState[],
): Promise<OpenTold[]> {
  const found: OpenTold[] = [];
  const open = await db
    .selectFrom("notifications")
    .select(["id", "run"])
    .where("ended_at", "is", null)
    .execute();
  if (open.length === 0) return [];
  const notificationIds = open.map(({ id }) => id);
  const wishes = new Set(open.filter(({ run }) => run === 1).map(({ id }) => id));
  for (const some of inParts(agentIds)) {
    const rows = await db
      .selectFrom("told")
      .select([
        "notification_id as notificationId",
        "agent_id as agentId",
        "state",
        "told_at as toldAt",
        "attempts",
      ])
      .where("notification_id", "in", notificationIds)
      .where("agent_id", "in", fewLengths(some))
      .where("state", "in", states)
      .execute();
    found.push(
      ...rows.map((row) => ({ ...row, state: row.state as ToldState, run: wishes.has(row.notificationId) })),
    );
  }
  return found;
}

/** Writes what became of agents, by the reports of their runs. */
export async function noteSettled(
  tx: Tx,
  settled: readonly Pick<Told, "notificationId" | "agentId" | "state" | "code">[],
): Promise<void> {
  for (const some of inParts(settled)) {
    const rows = some.map((each) => [each.notificationId, each.agentId, each.state, each.code]);
    await sql`update told set state = given.column3, code = given.column4, next_at = null
      from ${tableOf(tx, ["text", "text", "text", "text"], rows)} as given
      where told.notification_id = given.column1 and told.agent_id = given.column2`.execute(tx);
  }
}

/** Remembers that agents ask for notifications. Their rows are taken in the order of their ids, as reports do. */
export async function notePolls(
  tx: Tx,
  { locksRows }: Dialect,
  agentIds: readonly string[],
  now: number,
): Promise<void> {
  for (const some of inParts(agentIds, AT_ONCE)) {
    const ids = tx
      .selectFrom("agents")
      .select("id")
      .where("id", "in", some)
      .orderBy("id")
      .$if(locksRows, (query) => query.forNoKeyUpdate());
    await tx.updateTable("agents").set({ polled_at: now, retired_at: null }).where("id", "in", ids).execute();
  }
}
