import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/content/kind.ts";
import { repositoryUrls } from "../core/content/layout.ts";
import type { Manifest } from "../core/content/manifest.ts";
import { DISPOSITIONS, leavesOtherKinds } from "../core/order/disposition.ts";
import { NearsourceError, toNearsourceError } from "../errors.ts";
import { type Collected, collectManifests, type Manifests, readManifests } from "../source/manifests.ts";
import { retrying } from "../source/retry.ts";
import type { Source } from "../source/source.ts";
import { type Refreshed, refresh } from "../tuf/refresh.ts";
import { type TrustedSet, writeTrustedSet } from "../tuf/trustedSet.ts";
import type { MetadataSource } from "../tuf/updater.ts";
import type { Run } from "./run.ts";
import { etagKey, remember } from "./settings/fetchSettings.ts";

/** What signed metadata says there is to have. */
export interface Offer {
  /** Of the kinds that the source offers whole. */
  manifests: Manifests;
  empty: ContentKind[];
  /** Why it does not offer the others. */
  failures: NearsourceError[];
  /** Set when the source's own metadata is older than what is trusted; its objects may still serve. */
  stale: NearsourceError | undefined;
  address: string | undefined;
  bytes: number;
}

/**
 * Refreshes the content repository from one source, with the manifests of `kinds`, and makes what
 * verified the trusted set.
 *
 * @param needed all kinds the run still needs
 * @throws NearsourceError of the phases resolve to content, and storage
 */
export async function learnOffer(
  run: Run,
  source: Source,
  kinds: ContentKind[],
  needed: Kind[],
): Promise<Offer> {
  const trusted = run.trusted.content;
  if (trusted === undefined) throw new NearsourceError("NOT_OFFERED", "no content root is configured");
  const reached = {
    ...repositoryUrls(source.url, "content"),
    viaProxy: source.viaProxy,
    fetcher: run.fetcher,
    signal: run.signal,
    etag: run.state.etags[etagKey(trusted, source)],
  };
  let refreshed: Refreshed;
  try {
    refreshed = await retrying(run, () => refresh(trusted, reached, run.now));
  } catch (error) {
    if (!(error instanceof NearsourceError) || error.code !== "METADATA_OLDER") throw error;
    const manifests = await trustedManifests(trusted, kinds, run.now);
    if (manifests.size === 0) throw error;
    const failures = manifests.size < kinds.length ? [error] : [];
    return { manifests, empty: [], failures, stale: error, address: undefined, bytes: 0 };
  }
  const again = <Result>(work: () => Promise<Result>) => retrying(run, work);
  const collected = await collectManifests(refreshed, trusted, kinds, again);
  const { documents, manifests } = collected;
  const failures = [...collected.failures.values()];
  const empty = await emptyKinds(refreshed, needed, collected);
  // Only now is the set complete: metadata, and every manifest of the kinds that this source offers whole.
  if (refreshed.changed || !sameDocuments(trusted.documents, documents)) {
    run.trusted.content = await writeTrustedSet(
      run.dirs,
      "content",
      { files: refreshed.files, documents },
      run.signal,
    );
  }
  remember(run, "content", source, refreshed);
  const { address, bytes } = refreshed;
  return { manifests, empty, failures, stale: undefined, address, bytes };
}

/**
 * The manifests of those `kinds` for which the trusted metadata is whole and has not expired: it may still
 * say which objects to fetch, whoever has them. What is held of a kind that came from another source may
 * be older than the snapshot, and then decides nothing.
 */
async function trustedManifests(trusted: TrustedSet, kinds: ContentKind[], now: Date): Promise<Manifests> {
  try {
    const confirmed = await refresh(trusted, NOTHING_NEW, now);
    return (await collectManifests(confirmed, trusted, kinds)).manifests;
  } catch (error) {
    if (DISPOSITIONS[toNearsourceError(error).code] === "stop") throw error;
    return new Map();
  }
}

/** A source that has nothing but the very timestamp that is trusted: what it confirms is held here. */
const NOTHING_NEW: MetadataSource = {
  ...repositoryUrls("http://trusted.invalid", "content"),
  etag: "trusted",
  fetcher: {
    get: async (url, { accept = [] } = {}) => {
      if (!accept.includes(304)) throw new NearsourceError("HTTP_NOT_FOUND", `${url} is not held`);
      const nothing = { async *read() {}, discard: async () => {} };
      return { status: 304, headers: {}, url: new URL(url), address: undefined, ...nothing };
    },
    limitRate: () => {},
    close: () => {},
  },
};

/** Whether two sets hold the same documents, to the byte. */
export function sameDocuments(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  return (
    one.size === other.size && [...one].every(([name, bytes]) => other.get(name)?.equals(bytes) === true)
  );
}

/**
 * The objects that trusted manifests of `kinds` name, by SHA-256: what a run fetched of a kind that it
 * could not have whole is kept for the next one.
 */
export function namedObjects(trusted: TrustedSet | undefined, kinds: ReadonlySet<Kind>): Set<string> {
  const named = new Set<string>();
  for (const kind of CONTENT_KINDS.filter((each) => kinds.has(each))) {
    for (const manifest of heldManifests(trusted, kind)) {
      for (const file of manifest.releases.flatMap(({ files }) => files)) {
        for (const { sha256 } of [file, ...(file.alternatives ?? [])]) named.add(sha256);
      }
    }
  }
  return named;
}

/** A manifest that was damaged on disk meanwhile names nothing. */
function heldManifests(trusted: TrustedSet | undefined, kind: ContentKind): Manifest[] {
  try {
    return readManifests(trusted?.documents ?? new Map(), [kind]).get(kind) ?? [];
  } catch {
    return [];
  }
}

/** Needed content kinds that the vendor publishes nothing of. What cannot be told counts as something. */
async function emptyKinds(
  refreshed: Refreshed,
  needed: Kind[],
  { manifests, failures }: Collected,
): Promise<ContentKind[]> {
  const isSilent = [...failures.values()].some(({ code }) => !leavesOtherKinds(code));
  const empty: ContentKind[] = [];
  for (const kind of CONTENT_KINDS) {
    if (!needed.includes(kind) || failures.has(kind) || (isSilent && !manifests.has(kind))) continue;
    const names = await refreshed.names(kind).catch(() => ["unknown"]);
    if (names.length === 0) empty.push(kind);
  }
  return empty;
}
