import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { countAttempt } from "../../../src/server/access/signInLimit.ts";
import { dropOldAudit, insertAudit, listAudit } from "../../../src/server/store/auditStore.ts";
import type { Database } from "../../../src/server/store/database.ts";
import { migrate } from "../../../src/server/store/migrate.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { databases, openUntilEnd } from "../../support/databases.ts";

const DAY = 86_400_000;
const ADA = { actor: "ada", actorKind: "user", actorId: "u1" } as const;

describe.for(databases())("on $name", ({ isHere, isShared, makeUrl, open }) => {
  const add = async ({ db }: Database, subject: string, at = Date.now()) =>
    await transact(db, (tx) =>
      insertAudit(tx, { at, ...ADA, address: "", operation: "test", subject, detail: null }),
    );

  test.skipIf(!isHere)(
    "entries of the audit log are neither changed nor deleted, whoever asks the database",
    async () => {
      const database = await open();
      await add(database, "one");
      await add(database, "old", Date.now() - 91 * DAY);
      for (const statement of ["update audit set actor = 'eve'", "delete from audit where subject = 'one'"]) {
        await expect(sql.raw(statement).execute(database.db)).rejects.toThrow("never changed");
      }
      await expect(transact(database.db, (tx) => dropOldAudit(tx, Date.now() + DAY))).rejects.toThrow(
        "never changed",
      );
      await transact(database.db, (tx) => dropOldAudit(tx, Date.now() - 90 * DAY));
      const left = await listAudit(database.db, { limit: 10 });
      expect(left.map(({ subject, actor }) => [subject, actor])).toEqual([["one", "ada"]]);
    },
  );

  test.skipIf(!isHere || !isShared)("whoever has read an entry has missed none before it", async () => {
    const url = await makeUrl();
    const [one, other] = [await openUntilEnd(url), await openUntilEnd(url)];
    await migrate(one.db);
    const entry = { at: 1, ...ADA, address: "", operation: "test", detail: null };
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: written, resolve: wrote } = Promise.withResolvers<void>();
    const slow = transact(one.db, async (tx) => {
      await insertAudit(tx, { ...entry, subject: "first" });
      wrote();
      await held;
    });
    await written;
    const fast = transact(other.db, (tx) => insertAudit(tx, { ...entry, subject: "second" }));
    expect(await listAudit(one.db, { since: 0, limit: 10 }).catch(() => [])).toEqual([]);
    release();
    await Promise.all([slow, fast]);
    const all = await listAudit(other.db, { since: 0, limit: 10 });
    expect(all.map(({ subject }) => subject)).toEqual(["first", "second"]);
  });

  test.skipIf(!isHere || !isShared)(
    "guesses are counted for all servers on one database together",
    async () => {
      const url = await makeUrl();
      const servers = [await openUntilEnd(url), await openUntilEnd(url)].map((database) => ({
        database,
        now: () => 1_000,
      }));
      await migrate(servers[0]?.database.db as Database["db"]);
      const waits = [];
      for (let guess = 0; guess < 8; guess++) {
        const server = servers[guess % 2] as (typeof servers)[number];
        waits.push((await countAttempt(server, `198.51.100.${guess}`, "ada")).wait);
      }
      expect(waits).toEqual([0, 0, 0, 0, 0, 1_000, 1_000, 1_000]);
    },
  );
});
