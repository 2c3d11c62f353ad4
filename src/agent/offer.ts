import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/kind.ts";
import { manifestTarget, repositoryUrls } from "../core/layout.ts";
import { type Manifest, parseComponentName, parseManifest } from "../core/manifest.ts";
import { NearsourceError } from "../errors.ts";
import { type Refreshed, refresh } from "../io/metadata.ts";
import { describeRole, type TrustedSet, writeTrustedSet } from "../io/trustedSet.ts";
import type { Run, Source } from "./run.ts";
import { remember } from "./settingsDelivery.ts";

/** What signed metadata says there is to have. */
export interface Offer {
  manifests: Map<ContentKind, Manifest[]>;
  empty: Kind[];
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
  const etagKey = `content ${source.url}`;
  const reached = {
    ...repositoryUrls(source.url, "content"),
    viaProxy: source.viaProxy,
    fetcher: run.fetcher,
    signal: run.signal,
    etag: run.state.etags[etagKey],
  };
  let refreshed: Refreshed;
  try {
    refreshed = await refresh(trusted, reached, run.now);
  } catch (error) {
    const older = error instanceof NearsourceError && error.code === "METADATA_OLDER";
    if (!older || !isUsable(trusted, kinds, run.now)) throw error;
    const manifests = readManifests(trusted.documents, kinds);
    return { manifests, empty: [], stale: error, address: undefined, bytes: 0 };
  }
  const documents = await collectManifests(refreshed, trusted, kinds);
  const manifests = readManifests(documents, kinds);
  const empty = await emptyKinds(refreshed, needed);
  // Only now is the set complete: metadata, and every manifest of the kinds this source delivers.
  if (refreshed.changed || !sameDocuments(trusted.documents, documents)) {
    run.trusted.content = await writeTrustedSet(run.dirs, "content", { files: refreshed.files, documents });
  }
  remember(run, "content", etagKey, refreshed);
  return { manifests, empty, stale: undefined, address: refreshed.address, bytes: refreshed.bytes };
}

/** Metadata that has not expired may still say which objects to fetch, whoever has them. */
function isUsable(trusted: TrustedSet, kinds: ContentKind[], now: Date): boolean {
  const delegated = kinds.filter((kind) => trusted.files.has(`${kind}.json`));
  return ["timestamp", "snapshot", "targets", ...delegated].every((role) => {
    const state = describeRole(trusted.files.get(`${role}.json`));
    return state !== undefined && Date.parse(state.expires) > now.getTime();
  });
}

/** The manifests of `kinds` as this refresh names them, with what is held of other kinds. */
async function collectManifests(
  refreshed: Refreshed,
  trusted: TrustedSet,
  kinds: ContentKind[],
): Promise<Map<string, Buffer>> {
  const isOther = (document: string) => !kinds.some((kind) => document.startsWith(`${kind}/`));
  const documents = new Map([...trusted.documents].filter(([document]) => isOther(document)));
  for (const kind of kinds) {
    for (const name of await refreshed.names(kind)) {
      checkName(kind, name);
      const bytes = await refreshed.document(manifestTarget(kind, name));
      if (bytes !== undefined) documents.set(manifestTarget(kind, name), bytes);
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

function sameDocuments(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  return (
    one.size === other.size && [...one].every(([name, bytes]) => other.get(name)?.equals(bytes) === true)
  );
}

function readManifests(documents: ReadonlyMap<string, Buffer>, kinds: ContentKind[]): Offer["manifests"] {
  const manifests: Offer["manifests"] = new Map(kinds.map((kind) => [kind, []]));
  for (const [document, bytes] of documents) {
    const [kind, file = ""] = document.split("/") as [ContentKind, string?];
    manifests.get(kind)?.push(readManifest(kind, file.replace(/\.json$/, ""), bytes));
  }
  return manifests;
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
async function emptyKinds(refreshed: Refreshed, needed: Kind[]): Promise<Kind[]> {
  const empty: Kind[] = [];
  for (const kind of CONTENT_KINDS) {
    if (!needed.includes(kind)) continue;
    const names = await refreshed.names(kind).catch(() => ["unknown"]);
    if (names.length === 0) empty.push(kind);
  }
  return empty;
}
