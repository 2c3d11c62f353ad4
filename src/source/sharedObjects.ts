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
const WHILE = 2_000;

/**
 * Fetches an object, or something of the same first two digits, while no other process of this machine
 * does. The system frees the lock when its holder dies.
 *
 * @param root of the agent's data directory
 * @param onWait told when the other one has been fetching it for a while
 * @throws what `work` throws, and NearsourceError of the storage phase
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
  const timer = onWait && setTimeout(onWait, WHILE);
  const lock = await takeLock(folder, { wait: true, signal }).finally(() => clearTimeout(timer));
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** Puts a whole file that the Update Agent holds into the agent's store, once it is known to be what it is called. */
export async function takeWhole(own: DataDir, object: ObjectName): Promise<boolean> {
  const relay = dataDirAt(relayDirOf(own.root));
  return (await inStore(relay, object)) && (await linkOver(relay, own, object));
}

/** Puts what one of the two has begun to fetch where the other goes on with it, when that is more than it has itself. */
export async function takeBegun(from: DataDir, to: DataDir, object: ObjectName): Promise<void> {
  const copy = temporaryName(to.tmp, "copy");
  try {
    if ((await partialLength(from, object)) <= (await partialLength(to, object))) return;
    await fs.copyFile(partialPath(from, object), copy, constants.COPYFILE_FICLONE);
    await rename(copy, partialPath(to, object));
  } catch {
    // The transfer verifies what it finds, and a source has the rest.
    await remove(copy);
  }
}

/** The same in the agent's run, of what its Update Agent has begun. */
export async function takeBegunOfRelay(own: DataDir, object: ObjectName): Promise<void> {
  await takeBegun(dataDirAt(relayDirOf(own.root)), own, object);
}

/** Puts what the Update Agent holds of a means to a file where the agent's transfer of it would have left it. */
export async function takePart(own: DataDir, object: ObjectName): Promise<void> {
  const relay = dataDirAt(relayDirOf(own.root));
  if (!(await inStore(relay, object))) return;
  const copy = temporaryName(own.tmp, "copy");
  try {
    await fs.copyFile(storePath(relay, object.sha256), copy, constants.COPYFILE_FICLONE);
    await fs.chmod(copy, 0o644);
    await rename(copy, partialPath(own, object));
  } catch {
    // The transfer verifies what it finds, and a source has the rest.
    await remove(copy);
  }
}

/** Gives a file that has served its end to the Update Agent, which would fetch it for others; deletes it where there is none. */
export async function handOver(own: DataDir, file: string, object: ObjectName): Promise<void> {
  const relay = dataDirAt(relayDirOf(own.root));
  try {
    if (existsSync(relay.store) && !(await inStore(relay, object))) await adopt(relay, file, object.sha256);
  } catch {
    // It can be fetched again.
  }
  await remove(file);
}

/** Links an object from one store into another, once it is known to be what it is called; copies where it must. */
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
    // Whatever is wrong there, a source may still have it.
    return false;
  } finally {
    await remove(link);
  }
}
