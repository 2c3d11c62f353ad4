import { promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import { listFolder, makePath, syncFile, syncFolder } from "../store/durable.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { readServerConfig } from "./serverConfig.ts";
import { copyDatabase, databaseFile } from "./store/database.ts";

/** Folders that a server makes anew: of the database, of the vendor's content, or of its work at the moment. */
const MADE_ANEW = ["www", "www.mirror", "signing", "mirror", "publishing", "lock"];

/** A backup that was made. */
export interface Backup {
  folder: string;
  /** The database is in it; one of PostgreSQL is not. */
  hasDatabase: boolean;
  /** The root key is in it, which belongs on a machine that is not connected. */
  hasRootKey: boolean;
}

/**
 * Copies what makes a server into a new folder, while it runs or not: configuration, keys, the files beside them, and a
 * SQLite database as it is at one moment.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID, STORAGE_UNWRITABLE for a folder that is in use, and of the
 *   storage phase
 */
export async function backUpServer(dir: string, target: string): Promise<Backup> {
  const config = await readServerConfig(dir);
  const folder = path.resolve(target);
  refuseWithin(config.dir, folder);
  return await guardStorage(`cannot back up to ${folder}`, async () => {
    await makePath(folder, 0o700);
    if ((await listFolder(folder)).length > 0) {
      throw new NearsourceError("STORAGE_UNWRITABLE", `${folder} is not empty`, {
        hint: "name a new folder",
      });
    }
    await fs.chmod(folder, 0o700);
    const database = databaseFile(config.database, config.dir);
    await copyAll(config.dir, folder, [...MADE_ANEW, ...namesOf(config.dir, database)]);
    if (database !== undefined) {
      const copy = path.join(folder, path.basename(database));
      await copyDatabase(database, copy);
      await fs.chmod(copy, 0o600);
      await syncFile(copy);
    }
    await syncFolder(folder);
    const roots = await listFolder(path.join(folder, "keys", "root"));
    return { folder, hasDatabase: database !== undefined, hasRootKey: roots.length > 0 };
  });
}

/** A backup within the server's folder would be part of the next one. */
function refuseWithin(dir: string, folder: string): void {
  if (path.relative(dir, folder).startsWith("..")) return;
  throw new NearsourceError("USAGE", `${folder} is in the server's own folder`, {
    hint: "name a folder elsewhere, best on another disk",
  });
}

/** Names in the server's folder of a database and of what SQLite keeps beside it. */
function namesOf(dir: string, database: string | undefined): string[] {
  if (database === undefined || path.dirname(database) !== dir) return [];
  return ["", "-wal", "-shm", "-journal"].map((end) => `${path.basename(database)}${end}`);
}

/** Copies files and folders with the modes that they have; links and other things are no part of a server. */
async function copyAll(from: string, to: string, but: string[]): Promise<void> {
  for (const entry of await fs.readdir(from, { withFileTypes: true })) {
    if (but.includes(entry.name)) continue;
    const [source, copy] = [path.join(from, entry.name), path.join(to, entry.name)];
    const { mode } = await fs.lstat(source);
    if (entry.isDirectory()) {
      await makePath(copy, mode & 0o777);
      await copyAll(source, copy, []);
      await syncFolder(copy);
    } else if (entry.isFile()) {
      await fs.copyFile(source, copy, fs.constants.COPYFILE_EXCL);
      await fs.chmod(copy, mode & 0o777);
      await syncFile(copy);
    }
  }
}
