import { openDatabase } from "../../../src/server/store/database.ts";
import { MIGRATIONS, migrate } from "../../../src/server/store/migrate.ts";

/** Migrates the database of the first argument; with a second, ends in none of the steps, but stays in the last. */
const [url = "", hang] = process.argv.slice(2);
const database = await openDatabase(url, (file) => file);
const staying = {
  up: async (db: Parameters<NonNullable<(typeof MIGRATIONS)[string]>["up"]>[0]) => {
    await db.schema.createTable("half_done").addColumn("id", "text").execute();
    process.stdout.write("within\n");
    // Held open, so that the process stays.
    setInterval(() => {}, 1_000);
    await new Promise(() => {});
  },
};
await migrate(database.db, hang === undefined ? MIGRATIONS : { ...MIGRATIONS, "9999Last": staying });
await database.close();
