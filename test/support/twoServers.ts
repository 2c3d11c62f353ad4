import { promises as fs } from "node:fs";
import path from "node:path";
import { initServer } from "../../src/server/initServer.ts";
import { newHome } from "./repositories.ts";

/** Folders of servers that share a database. */
export interface ServerFolders {
  dirs: string[];
  /** Of the set-up link. */
  token: string;
}

/**
 * Folders of `count` servers of one database: the first made by `server init`, the others as docs/scale.md has it,
 * by copying configuration and online keys.
 */
export async function makeServerFolders(
  count: number,
  database: string,
  settings: Record<string, unknown> = {},
): Promise<ServerFolders> {
  const home = await newHome("servers");
  const dirs = Array.from({ length: count }, (_, index) => path.join(home, `server-${index + 1}`));
  const [first = "", ...others] = dirs;
  const place = { host: "127.0.0.1", port: 0 };
  const { token, config } = await initServer({ dir: first, database, console: place, agents: place });
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  await fs.writeFile(config, JSON.stringify({ ...written, ...settings }));
  for (const dir of others) await joinServer(first, dir);
  return { dirs, token };
}

/** Makes the folder of another server of the same database. */
export async function joinServer(from: string, dir: string): Promise<void> {
  await fs.mkdir(path.join(dir, "keys"), { recursive: true, mode: 0o700 });
  await fs.copyFile(path.join(from, "server.json"), path.join(dir, "server.json"));
  await fs.cp(path.join(from, "keys", "settings"), path.join(dir, "keys", "settings"), { recursive: true });
}
