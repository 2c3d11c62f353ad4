import { repositoryUrls } from "../core/content/layout.ts";
import type { Fetcher } from "../http/fetcher.ts";
import { type Refreshed, refresh } from "../tuf/refresh.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";
import type { Source } from "./source.ts";

export interface RefreshMeans {
  fetcher: Fetcher;
  /** The one time of the run, for everything that expires. */
  now: Date;
  signal: AbortSignal | undefined;
  /** ETag under which this source last gave the trusted timestamp. */
  etag?: string | undefined;
}

/** The content of a repository that a source has: verified, in memory, and written nowhere. */
export interface Brought {
  /** The very set that was given, where the source has nothing else. */
  set: TrustedSet;
  /** The entity tag of the source's timestamp. */
  etag: string | undefined;
  /** Seconds since the source itself is known to have asked. */
  age: number;
  address: string | undefined;
  /** Body bytes received. */
  bytes: number;
}

/**
 * Refreshes one repository from one source. Nothing is written, and `trusted` stays as it is: the caller
 * keeps the result, once it finds it complete.
 *
 * @param collect fetches the wanted documents of it, and returns them with any further findings
 * @param again makes the refresh, and makes it once more where that helps
 * @throws NearsourceError of the phases resolve to content, and the errors of `collect`
 */
export async function refreshRepository<Found extends { documents: ReadonlyMap<string, Buffer> }>(
  trusted: TrustedSet,
  source: Source,
  { fetcher, now, signal, etag }: RefreshMeans,
  collect: (refreshed: Refreshed) => Promise<Found>,
  again: <Result>(work: () => Promise<Result>) => Promise<Result> = (work) => work(),
): Promise<Brought & { found: Found }> {
  const { url, viaProxy } = source;
  const reached = { ...repositoryUrls(url, trusted.repository), viaProxy, fetcher, signal, etag };
  const refreshed = await again(() => refresh(trusted, reached, now));
  const found = await collect(refreshed);
  const isSame = !refreshed.changed && sameDocuments(trusted.documents, found.documents);
  return {
    set: isSame ? trusted : { ...trusted, files: refreshed.files, documents: new Map(found.documents) },
    etag: refreshed.etag,
    age: refreshed.age ?? 0,
    address: refreshed.address,
    bytes: refreshed.bytes,
    found,
  };
}

/** Whether two sets hold the same documents, to the byte. */
function sameDocuments(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  return (
    one.size === other.size && [...one].every(([name, bytes]) => other.get(name)?.equals(bytes) === true)
  );
}

/** The documents of some targets; of those that are not signed, none. */
export async function fetchDocuments(
  refreshed: Pick<Refreshed, "document">,
  targets: Iterable<string>,
): Promise<Map<string, Buffer>> {
  const documents = new Map<string, Buffer>();
  for (const target of targets) {
    const bytes = await refreshed.document(target);
    if (bytes !== undefined) documents.set(target, bytes);
  }
  return documents;
}
