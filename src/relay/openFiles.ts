import type { DataDir } from "../store/dataDir.ts";
import type { ObjectName } from "../store/partial.ts";
import { storePath } from "../store/store.ts";
import { openVerified, type VerifiedFile } from "./verifiedFile.ts";

/** Most files open at once; each serves any number of readers. */
const MAX_OPEN = 512;

interface OpenFile {
  file: Promise<VerifiedFile>;
  /** Reads under way. */
  users: number;
  /** Whether to close it once its reads have ended. */
  dropped: boolean;
}

/** Files of the store that are open, the least recently used of which are closed for others. */
export class OpenFiles {
  readonly #dirs: DataDir;
  readonly #open = new Map<string, OpenFile>();

  constructor(dirs: DataDir) {
    this.#dirs = dirs;
  }

  /**
   * Reads the piece that begins at `index * PIECE`, verified.
   *
   * @throws DamagedError
   */
  async read(object: ObjectName, index: number, into: Buffer): Promise<void> {
    const used = this.#use(object);
    try {
      await (await used.file).read(index, into);
    } catch (error) {
      // Another may have been opened meanwhile.
      if (this.#open.get(object.sha256) === used) this.drop(object.sha256);
      throw error;
    } finally {
      used.users--;
      closeIfUnused(used);
    }
  }

  hashes(): Iterable<string> {
    return this.#open.keys();
  }

  /** Closes the file, once the reads of it have ended; the next read opens the file at its path by then. */
  drop(sha256: string): void {
    const open = this.#open.get(sha256);
    if (open === undefined) return;
    this.#open.delete(sha256);
    open.dropped = true;
    closeIfUnused(open);
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(files.map(async ({ file }) => (await file).close()));
  }

  /** The file of an object, with one more user, whom nobody closes it under. */
  #use(object: ObjectName): OpenFile {
    const { sha256 } = object;
    const found = this.#open.get(sha256);
    this.#open.delete(sha256);
    const used = found ?? {
      file: openVerified(storePath(this.#dirs, sha256), object),
      users: 0,
      dropped: false,
    };
    used.users++;
    this.#open.set(sha256, used);
    if (this.#open.size > MAX_OPEN) this.#dropOldest();
    return used;
  }

  #dropOldest(): void {
    for (const [sha256, { users }] of this.#open) {
      if (users > 0) continue;
      this.drop(sha256);
      return;
    }
  }
}

function closeIfUnused({ file, users, dropped }: OpenFile): void {
  if (dropped && users === 0) file.then((opened) => opened.close()).catch(() => {});
}
