import path from "node:path";
import type { ServerConfig } from "../serverConfig.ts";
import { type Database, openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";

/**
 * Opens a server's database for a command beside it, brought to the newest version, and closes it whatever comes of the work.
 *
 * @throws NearsourceError CONFIG_INVALID, DATABASE_NEWER, STORAGE_FAILED, and the errors of `work`
 */
export async function withDatabase<Result>(
  { database: url, dir }: Pick<ServerConfig, "database" | "dir">,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = await openDatabase(url, (file) => path.resolve(dir, file));
  try {
    await migrate(database.db);
    return await work(database);
  } finally {
    await database.close();
  }
}
