import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import { findMark, putMark } from "../store/fleet/publicationStore.ts";
import { type Db, type Tx, transact } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";

const HOUR = 3_600_000;
const MARK = "enrolments";

/** Enrolments of an hour: the number of the hour since 1970, and theirs. */
interface Enrolments {
  hour: number;
  count: number;
}

async function enrolmentsOf(db: Db, hour: number): Promise<Enrolments> {
  const kept = JSON.parse((await findMark(db, MARK)) ?? "null") as Enrolments | null;
  return kept?.hour === hour ? kept : { hour, count: 0 };
}

/**
 * Refuses a machine once so many were enrolled within this hour as `enrolmentsPerHour` says, and tells administrators:
 * each makes rows that nobody takes away, in the audit log too.
 *
 * @throws Problem TOO_MANY
 */
export async function refuseBeyondHour(context: Context): Promise<void> {
  const { config, database, now } = context;
  const at = now();
  const { count } = await enrolmentsOf(database.db, Math.floor(at / HOUR));
  if (count < config.enrolmentsPerHour) return;
  const message = `${count} machines were enrolled within an hour, and no more are: enrolmentsPerHour in server.json`;
  await transact(database.db, (tx) =>
    raiseEvent(tx, context, { type: "limit.reached", subject: "enrolment", message }),
  );
  throw tooMany(at);
}

/**
 * Counts a machine that is enrolled, in its transaction.
 *
 * @throws Problem TOO_MANY
 */
export async function countEnrolment({ config, now }: Context, tx: Tx): Promise<void> {
  await takeTurn(tx, MARK);
  const at = now();
  const { hour, count } = await enrolmentsOf(tx, Math.floor(at / HOUR));
  if (count >= config.enrolmentsPerHour) throw tooMany(at);
  await putMark(tx, MARK, JSON.stringify({ hour, count: count + 1 }));
}

function tooMany(at: number): Problem {
  const retryAfter = Math.ceil((HOUR - (at % HOUR)) / 1_000);
  return new Problem("TOO_MANY", "this server takes no more machines within this hour", { retryAfter });
}
