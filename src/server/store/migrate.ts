import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { explainError, NearsourceError } from "../../errors.ts";
import * as first from "./migrations/0001First.ts";
import * as policies from "./migrations/0002Policies.ts";
import type { Tables } from "./tables.ts";

/** Every step there ever was, in order. A record, since one executable has no folder of them. */
export const MIGRATIONS: Record<string, Migration> = { "0001First": first, "0002Policies": policies };

/**
 * Brings a database to the newest version, in one transaction a step. Several servers that start at once
 * wait for the one that does it.
 *
 * @throws NearsourceError REPOSITORY_INVALID for a database of a newer program
 */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (/corrupted migrations/.test((error as Error).message)) {
    throw new NearsourceError("DATABASE_NEWER", "the database is of a newer version of this program", {
      cause: explainError(error),
      hint: "start the newer program, or put the backup from before it back",
    });
  }
  throw new NearsourceError("STORAGE_FAILED", "the database could not be brought to this version", {
    cause: error,
    hint: "nothing was changed by the step that failed",
  });
}
