import pMap from "p-map";
import { DISPOSITIONS } from "../core/disposition.ts";
import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/kind.ts";
import { manifestTarget, repositoryUrls } from "../core/layout.ts";
import { type Manifest, parseComponentName, parseManifest } from "../core/manifest.ts";
import { NearsourceError, toNearsourceError } from "../errors.ts";
import { type Refreshed, refresh } from "../io/metadata.ts";
import { type TrustedSet, writeTrustedSet } from "../io/trustedSet.ts";
import type { MetadataSource } from "../io/tufUpdater.ts";
import type { Run, Source } from "./run.ts";
import { etagKey, remember } from "./settingsDelivery.ts";

/** Small files that are fetched at a time: what they cost is the waiting. */
const AT_ONCE = 4;

/** What signed metadata says there is to have. */
export interface Offer {
  manifests: Map<ContentKind, Manifest[]>;
  empty: ContentKind[];
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
    refreshed = await refresh(trusted, reached, run.now);
  } catch (error) {
    if (!(error instanceof NearsourceError) || error.code !== "METADATA_OLDER") throw error;
    const manifests = await trustedManifests(trusted, kinds, run.now);
    if (manifests.size === 0) throw error;
    return { manifests, empty: [], stale: error, address: undefined, bytes: 0 };
  }
  const documents = await collectManifests(refreshed, trusted, kinds);
  const manifests = readManifests(documents, kinds);
  const empty = await emptyKinds(refreshed, needed);
  // Only now is the set complete: metadata, and every manifest of the kinds this source delivers.
  if (refreshed.changed || !sameDocuments(trusted.documents, documents)) {
    run.trusted.content = await writeTrustedSet(run.dirs, "content", { files: refreshed.files, documents });
  }
  remember(run, "content", source, refreshed);
  return { manifests, empty, stale: undefined, address: refreshed.address, bytes: refreshed.bytes };
}

/**
 * The manifests of those `kinds` for which the trusted metadata is whole and has not expired: it may still
 * say which objects to fetch, whoever has them. What is held of a kind that came from another source may
 * be older than the snapshot, and then decides nothing.
 */
async function trustedManifests(
  trusted: TrustedSet,
  kinds: ContentKind[],
  now: Date,
): Promise<Offer["manifests"]> {
  const manifests: Offer["manifests"] = new Map();
  for (const kind of kinds) {
    try {
      const confirmed = await refresh(trusted, NOTHING_NEW, now);
      const documents = await collectManifests(confirmed, trusted, [kind]);
      manifests.set(kind, readManifests(documents, [kind]).get(kind) ?? []);
    } catch (error) {
      if (DISPOSITIONS[toNearsourceError(error).code] === "stop") throw error;
    }
  }
  return manifests;
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

/** The manifests of `kinds` as this refresh names them, with what is held of other kinds. */
export async function collectManifests(
  refreshed: Refreshed,
  trusted: TrustedSet,
  kinds: ContentKind[],
): Promise<Map<string, Buffer>> {
  const isOther = (document: string) => !kinds.some((kind) => document.startsWith(`${kind}/`));
  const documents = new Map([...trusted.documents].filter(([document]) => isOther(document)));
  for (const kind of kinds) {
    const names = await refreshed.names(kind);
    for (const name of names) checkName(kind, name);
    const fetch = async (name: string) => await refreshed.document(manifestTarget(kind, name));
    const fetched = await pMap(names, fetch, { concurrency: AT_ONCE });
    for (const [index, bytes] of fetched.entries()) {
      if (bytes !== undefined) documents.set(manifestTarget(kind, names[index] ?? ""), bytes);
    }
  }
  return documents;
}

function checkName(kind: ContentKind, name: string): void {
  try {
    parseComponentName(name);
  } catch (error) {
    throw new NearsourceError(
      "MANIFEST_INVALID",
      `the target ${JSON.stringify(`${kind}/${name}.json`)} is refused`,
      {
        cause: error,
      },
    );
  }
}

/** Whether two sets hold the same documents, to the byte. */
export function sameDocuments(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  return (
    one.size === other.size && [...one].every(([name, bytes]) => other.get(name)?.equals(bytes) === true)
  );
}

/**
 * The manifests of `kinds` among verified documents, by kind.
 *
 * @throws NearsourceError MANIFEST_INVALID
 */
export function readManifests(
  documents: ReadonlyMap<string, Buffer>,
  kinds: ContentKind[],
): Offer["manifests"] {
  const manifests: Offer["manifests"] = new Map(kinds.map((kind) => [kind, []]));
  for (const [document, bytes] of documents) {
    const [kind, file = ""] = document.split("/") as [ContentKind, string?];
    manifests.get(kind)?.push(readManifest(kind, file.replace(/\.json$/, ""), bytes));
  }
  return manifests;
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

function readManifest(kind: ContentKind, name: string, bytes: Buffer): Manifest {
  try {
    return parseManifest(JSON.parse(bytes.toString()), { kind, name });
  } catch (error) {
    throw new NearsourceError("MANIFEST_INVALID", `the signed manifest of ${kind}/${name} is refused`, {
      cause: error,
      hint: "tell the publisher; no source can mend it",
    });
  }
}

/** Needed content kinds that the vendor publishes nothing of. What cannot be told counts as something. */
async function emptyKinds(refreshed: Refreshed, needed: Kind[]): Promise<ContentKind[]> {
  const empty: ContentKind[] = [];
  for (const kind of CONTENT_KINDS) {
    if (!needed.includes(kind)) continue;
    const names = await refreshed.names(kind).catch(() => ["unknown"]);
    if (names.length === 0) empty.push(kind);
  }
  return empty;
}
