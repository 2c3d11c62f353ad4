import { constants, existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { type DataDir, dataDirAt, relayDirOf } from "../store/dataDir.ts";
import { remove, rename, temporaryName } from "../store/durable.ts";
import { takeLock } from "../store/lock.ts";
import { type ObjectName, partialLength, partialPath } from "../store/partial.ts";
import { adopt, hashFile, inStore, storePath } from "../store/store.ts";

/**
 * The agent's runs and its own Update Agent have a store each, and one link: an object is fetched by one of
 * them at a time, and the other takes it over.
 */

/** A wait for the other one that is shorter (ms) is not worth telling. */
const REPORT_AFTER = 2_000;

/**
 * Fetches an object, or something of the same first two digits, while no other process of this machine does.
 * The system frees the lock when its holder dies.
 *
 * @param root of the agent's data directory
 * @param onWait called when the other one has been fetching it for a while
 * @throws the errors of `work`, and NearsourceError of the storage phase
 */
export async function fetchAlone<Result>(
  root: string,
  { sha256 }: Pick<ObjectName, "sha256">,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
  onWait?: () => void,
): Promise<Result> {
  const folder = path.join(root, "fetching", sha256.slice(0, 2));
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const timer = onWait && setTimeout(onWait, REPORT_AFTER);
  const lock = await takeLock(folder, { wait: true, signal }).finally(() => clearTimeout(timer));
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Puts a whole file that the Update Agent holds into the agent's store, once its hash is found to match its
 * name.
 */
export async function takeWhole(own: DataDir, object: ObjectName): Promise<boolean> {
  const relay = relayOf(own);
  return (await inStore(relay, object)) && (await linkOver(relay, own, object));
}

/**
 * Puts the bytes that one of the two has of an object, whole or begun, where the transfer of the other
 * continues, if they are more than it has itself.
 */
export async function takePart(from: DataDir, to: DataDir, object: ObjectName): Promise<void> {
  const copy = temporaryName(to.tmp, "copy");
  try {
    const isWhole = await inStore(from, object);
    const length = isWhole ? object.length : await partialLength(from, object);
    if (length <= (await partialLength(to, object))) return;
    const found = isWhole ? storePath(from, object.sha256) : partialPath(from, object);
    await fs.copyFile(found, copy, constants.COPYFILE_FICLONE);
    // The files of a store are for reading only.
    await fs.chmod(copy, 0o600);
    await rename(copy, partialPath(to, object));
  } catch {
    // The transfer verifies the bytes it finds, and a source has the rest.
    await remove(copy);
  }
}

/** The same in the agent's run, for the bytes that its Update Agent has. */
export async function takePartOfRelay(own: DataDir, object: ObjectName): Promise<void> {
  await takePart(relayOf(own), own, object);
}

/** Gives a file that has served its end to the Update Agent, which would fetch it for others; deletes it where there is none. */
export async function handOver(own: DataDir, file: string, object: ObjectName): Promise<void> {
  const relay = relayOf(own);
  try {
    if (existsSync(relay.store) && !(await inStore(relay, object))) await adopt(relay, file, object.sha256);
  } catch {
    // It can be fetched again.
  }
  await remove(file);
}

function relayOf(own: DataDir): DataDir {
  return dataDirAt(relayDirOf(own.root));
}

/**
 * Links an object from one store into another, once its hash is found to match its name; copies where it
 * must.
 */
export async function linkOver(from: DataDir, to: DataDir, { sha256 }: ObjectName): Promise<boolean> {
  const [source, link] = [storePath(from, sha256), temporaryName(to.tmp, "link")];
  try {
    await fs.link(source, link).catch(() => fs.copyFile(source, link));
    if ((await hashFile(link))?.sha256 !== sha256) return false;
    const handle = await fs.open(link, "r");
    await handle.sync().finally(() => handle.close());
    await adopt(to, link, sha256);
    return true;
  } catch {
    // A source may still have the object, so every fault here is ignored.
    return false;
  } finally {
    await remove(link);
  }
}
