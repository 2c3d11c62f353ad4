import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Migrator } from "kysely/migration";
import { describe, expect, test } from "vitest";
import type { Database } from "../../../src/server/store/database.ts";
import { withSameColumns } from "../../../src/server/store/dialect.ts";
import { MIGRATIONS, migrate } from "../../../src/server/store/migrate.ts";
import { databases, openUntilEnd } from "../../support/databases.ts";

const CHILD = path.join(import.meta.dirname, "migrateChild.ts");

function startChild(...words: string[]) {
  return spawn(process.execPath, [CHILD, ...words], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Every column of every table, and the steps that were taken. */
async function stateOf({ db }: Database) {
  const tables = await db.introspection.getTables();
  const columns = tables.flatMap(({ name, columns }) =>
    columns.map((column) => [name, column.name, column.dataType, column.isNullable].join(" ")),
  );
  const steps = await db
    .selectFrom("kysely_migration" as "domains")
    .select("name")
    .execute();
  return { columns: columns.toSorted(), steps: steps.map(({ name }) => name) };
}

describe.for(databases())("on $name", ({ isHere, isShared, makeUrl }) => {
  describe.skipIf(!isHere)("a database", () => {
    const fresh = async () => {
      const database = await openUntilEnd(await makeUrl());
      await migrate(database.db);
      return await stateOf(database);
    };

    test("that was brought on step by step, over the years, is as one that was made today", async () => {
      const database = await openUntilEnd(await makeUrl());
      for (const _ of Object.keys(MIGRATIONS)) {
        const provider = { getMigrations: async () => MIGRATIONS };
        const { error } = await new Migrator({ db: withSameColumns(database.db), provider }).migrateUp();
        expect(error).toBeUndefined();
      }
      const made = await fresh();
      expect(await stateOf(database)).toEqual(made);
      expect(made.steps).toEqual(Object.keys(MIGRATIONS));
    });

    test("stays as it is when it is brought on again, with all that is in it", async () => {
      const database = await openUntilEnd(await makeUrl());
      await migrate(database.db);
      await database.db.insertInto("domains").values({ name: "berlin", created_at: 1 }).execute();
      const before = await stateOf(database);
      await migrate(database.db);
      expect(await stateOf(database)).toEqual(before);
      expect(await database.db.selectFrom("domains").selectAll().execute()).toMatchObject([
        { name: "berlin", created_at: 1 },
      ]);
    });

    test("keeps no token for somebody of whom only the name is known, and only for who was there", async () => {
      const database = await openUntilEnd(await makeUrl());
      const { "0020Actors": last, ...before } = MIGRATIONS;
      const older = Object.fromEntries(Object.entries(before).filter(([name]) => name < "0020"));
      await migrate(database.db, older);
      const { db } = database;
      const user = { role: "administrator", password_hash: "x", disabled_at: null };
      const token = { role: "viewer", expires_at: null, used_at: null, scope: null };
      const rows = [
        ["kept", "ada", "u1", 20],
        ["of one who was deleted", "eve", null, 20],
        ["of one of whom only the name came again", "grace", "u2", 20],
        ["a program", "ada", "u1", 20],
        ["made by a token that is called like a user", "a program", "u3", 20],
      ] as const;
      for (const [id, name, created_at] of [
        ["u1", "ada", 10],
        ["u2", "grace", 30],
        ["u3", "a program", 10],
      ] as const)
        await db
          .insertInto("users")
          .values({ ...user, id, name, created_at })
          .execute();
      for (const [name, created_by, maker_id, created_at] of rows)
        await db
          .insertInto("api_tokens")
          .values({ ...token, id: name, name, token_hash: name, created_by, maker_id, created_at })
          .execute();
      await migrate(db, { ...older, "0020Actors": last as never });
      const makers = await db.selectFrom("api_tokens").select(["name", "maker_id"]).execute();
      expect(Object.fromEntries(makers.map(({ name, maker_id }) => [name, maker_id]))).toEqual({
        kept: "u1",
        "a program": "u1",
        "of one who was deleted": null,
        "of one of whom only the name came again": null,
        "made by a token that is called like a user": null,
      });
    });

    test("of a newer program is refused, and stays as it is", async () => {
      const database = await openUntilEnd(await makeUrl());
      await migrate(database.db);
      const row = { name: "9998FromTheFuture", timestamp: new Date().toISOString() };
      await database.db
        .insertInto("kysely_migration" as "domains")
        .values(row as never)
        .execute();
      const before = await stateOf(database);
      await expect(migrate(database.db)).rejects.toMatchObject({ code: "DATABASE_NEWER" });
      expect(await stateOf(database)).toEqual(before);
    });

    test("of which a step fails has none of that step, nor of those before it in the same go", async () => {
      const database = await openUntilEnd(await makeUrl());
      const failing = {
        up: async (db: Parameters<NonNullable<(typeof MIGRATIONS)[string]>["up"]>[0]) => {
          await db.schema.createTable("half_done").addColumn("id", "text").execute();
          throw new Error("no");
        },
      };
      const steps = { ...MIGRATIONS, "9999Last": failing };
      await expect(migrate(database.db, steps)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
      expect((await stateOf(database)).columns.filter((each) => !each.startsWith("kysely"))).toEqual([]);
      await migrate(database.db);
      expect(await stateOf(database)).toEqual(await fresh());
    });

    test.runIf(isShared)("is brought on once by two servers that start at the same time", async () => {
      const url = await makeUrl();
      const ends = [startChild(url), startChild(url)].map((child) => once(child, "exit"));
      expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0]);
      expect(await stateOf(await openUntilEnd(url))).toEqual(await fresh());
    });

    test.runIf(isShared)(
      "whose server is killed within a step is as it was, and can be brought on",
      async () => {
        const url = await makeUrl();
        const child = startChild(url, "stay");
        await once(child.stdout, "data");
        child.kill("SIGKILL");
        await once(child, "exit");
        const database = await openUntilEnd(url);
        await migrate(database.db);
        expect(await stateOf(database)).toEqual(await fresh());
      },
    );
  });
});

test("which kind of database it is, nobody asks but the store's files that open it", () => {
  const SERVER = path.join(import.meta.dirname, "..", "..", "..", "src", "server");
  const files = readdirSync(SERVER, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const asking = files.filter((file) => {
    const code = readFileSync(path.join(SERVER, file), "utf8")
      .replaceAll(/\/\*[\s\S]*?\*\//g, "")
      .replaceAll(/\/\/.*$/gm, "");
    return /sqlite|postgres|"pg"|dialect\.name/i.test(code);
  });
  expect(asking.toSorted()).toEqual([
    "store/database.ts",
    "store/dialect.ts",
    "store/postgresListener.ts",
    "store/sqliteDriver.ts",
    "store/sqliteThread.ts",
  ]);
});
