import { statfs } from "node:fs/promises";
import { formatBytes } from "../core/amounts.ts";
import { NearsourceError } from "../errors.ts";
import { toStorageError } from "../store/storageErrors.ts";

/** Whether there is disk enough to be an Update Agent. */
export interface DiskSpace {
  /** Free bytes as they were last looked at. */
  free(): number;
  /** False when there is too little; looks again when the last look is a while ago. */
  isEnough(): boolean;
  /** Looks at the disk now. */
  look(): Promise<boolean>;
  /**
   * Whether `bytes` more still leave enough.
   *
   * @throws NearsourceError DISK_FULL when they do not
   */
  require(bytes: number): Promise<void>;
}

/** A look at the disk holds for this long (ms). */
const LOOK_TIME = 5_000;

/**
 * @param minFree bytes that stay free @param onChange called when the space becomes too little, or enough
 *   again
 */
export function watchDiskSpace(
  folder: string,
  minFree: number,
  onChange: (enough: boolean) => void,
): DiskSpace {
  let free = Number.POSITIVE_INFINITY;
  let looked = Number.NEGATIVE_INFINITY;
  let enough = true;
  const look = async () => {
    looked = performance.now();
    try {
      const { bavail, bsize } = await statfs(folder);
      free = bavail * bsize;
    } catch (error) {
      throw toStorageError(`cannot look at the disk of ${folder}`, error);
    }
    if (enough !== free >= minFree) {
      enough = !enough;
      onChange(enough);
    }
    return enough;
  };
  return {
    free: () => free,
    isEnough() {
      if (performance.now() - looked >= LOOK_TIME) look().catch(() => {});
      return enough;
    },
    look,
    async require(bytes) {
      await look();
      if (free - bytes >= minFree) return;
      throw new NearsourceError(
        "DISK_FULL",
        `${folder} has ${formatBytes(free)} free, and ${formatBytes(bytes)} more would leave less than relay.minFree (${formatBytes(minFree)})`,
        { hint: "free some space, or lower relay.minFree" },
      );
    },
  };
}
