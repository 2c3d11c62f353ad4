import type { SeenPublication } from "../../../core/fleet/agentState.ts";
import type { Db, Tx } from "../transaction.ts";

/** Writes down that a publication is there, unless that is known. */
export async function noteSeen(tx: Tx, { repository, version, seenAt }: SeenPublication): Promise<void> {
  await tx
    .insertInto("publications")
    .values({ repository, version, seen_at: seenAt })
    .onConflict((conflict) => conflict.columns(["repository", "version"]).doNothing())
    .execute();
}

export async function listSeen(db: Db): Promise<SeenPublication[]> {
  return await db
    .selectFrom("publications")
    .select(["repository", "version", "seen_at as seenAt"])
    .orderBy("repository")
    .orderBy("version")
    .execute();
}

/** Forgets publications from before a time, but for the newest of those of each repository. */
export async function dropSeen(tx: Tx, before: number): Promise<void> {
  const newest = await tx
    .selectFrom("publications")
    .select((row) => ["repository", row.fn.max("version").as("version")])
    .where("seen_at", "<", before)
    .groupBy("repository")
    .execute();
  for (const { repository, version } of newest) {
    await tx
      .deleteFrom("publications")
      .where("repository", "=", repository)
      .where("version", "<", version)
      .where("seen_at", "<", before)
      .execute();
  }
}

/** A fact of the site as a whole. */
export async function findMark(db: Db, name: string): Promise<string | undefined> {
  const found = await db.selectFrom("marks").select("value").where("name", "=", name).executeTakeFirst();
  return found?.value;
}

export async function putMark(tx: Tx, name: string, value: string): Promise<void> {
  await tx
    .insertInto("marks")
    .values({ name, value })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
    .execute();
}
