import { statfs } from "node:fs/promises";
import pMap from "p-map";
import { formatBytes } from "../../core/amounts.ts";
import { objectPath } from "../../core/content/layout.ts";
import { isAbsent } from "../../core/order/disposition.ts";
import { NearsourceError, toNearsourceError } from "../../errors.ts";
import type { Fetcher } from "../../http/fetcher.ts";
import { downloadObject } from "../../source/download.ts";
import { retrying } from "../../source/retry.ts";
import type { Source } from "../../source/source.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { partialLength } from "../../store/partial.ts";
import { inStore } from "../../store/store.ts";
import type { CatalogObject } from "../../tree/catalog.ts";

export interface FetchMeans {
  source: Source;
  fetcher: Fetcher;
  signal: AbortSignal;
  /** Space (bytes) that is to stay free. */
  minFree: number;
  /** Called once with the bytes to fetch, and then with the length of each piece that comes. */
  onNeeded(bytes: number): void;
  onReceived(bytes: number): void;
}

/** Objects fetched at a time. */
const AT_ONCE = 4;

/**
 * Fetches the objects that are not here, those first that agents will ask for first. An object of an older
 * release may be absent at the source, and is left out then.
 *
 * @returns the objects that the source does not have
 * @throws NearsourceError the first failure, after which nothing more is begun: DISK_FULL before the first byte
 *   where there is no space for all of them
 */
export async function fetchObjects(
  dirs: DataDir,
  objects: CatalogObject[],
  means: FetchMeans,
): Promise<CatalogObject[]> {
  const missing: CatalogObject[] = [];
  for (const object of objects) {
    means.signal.throwIfAborted();
    if (!(await inStore(dirs, object))) missing.push(object);
  }
  if (missing.length === 0) return [];
  await checkSpace(dirs, missing, means);
  const failed = new AbortController();
  const signal = AbortSignal.any([means.signal, failed.signal]);
  const absent: CatalogObject[] = [];
  let failure: NearsourceError | undefined;
  const fetch = async (object: CatalogObject): Promise<void> => {
    if (signal.aborted) return;
    const { fetcher, onReceived } = means;
    const { url, viaProxy } = means.source;
    const place = `${url}/${objectPath(object.sha256)}`;
    try {
      await retrying({ signal }, () =>
        downloadObject(dirs, fetcher, place, object, { viaProxy, signal, onReceived }),
      );
    } catch (error) {
      // A transfer that ends since another failed has no reason of its own.
      if (failed.signal.aborted) return;
      const reason = toNearsourceError(error);
      if (isAbsent(reason.code) && !object.current) {
        absent.push(object);
        return;
      }
      failure = reason;
      failed.abort();
    }
  };
  const inOrder = missing.toSorted((one, other) => one.need - other.need);
  await pMap(inOrder, fetch, { concurrency: AT_ONCE });
  means.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  return absent;
}

/** @throws NearsourceError DISK_FULL */
async function checkSpace(
  dirs: DataDir,
  missing: CatalogObject[],
  { minFree, onNeeded }: FetchMeans,
): Promise<void> {
  let needed = 0;
  for (const object of missing) needed += object.length - (await partialLength(dirs, object));
  onNeeded(needed);
  const { bavail, bsize } = await statfs(dirs.root);
  const free = bavail * bsize;
  if (free - needed >= minFree) return;
  throw new NearsourceError(
    "DISK_FULL",
    `${dirs.root} has ${formatBytes(free)} free, of which ${formatBytes(minFree)} are to stay; new content needs ${formatBytes(needed)}`,
    { hint: 'free some space, or mirror fewer components with "mirror.components" in server.json' },
  );
}
