import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/content/kind.ts";
import type { Manifest } from "../core/content/manifest.ts";
import { objectsOf } from "../core/content/manifestObjects.ts";
import { leavesOtherKinds, stopOr } from "../core/order/disposition.ts";
import { NearsourceError } from "../errors.ts";
import { heldSource } from "../source/heldSource.ts";
import { type Collected, collectManifests, type Manifests, readManifests } from "../source/manifests.ts";
import { refreshRepository } from "../source/refreshRepository.ts";
import { retrying } from "../source/retry.ts";
import type { Source } from "../source/source.ts";
import type { Refreshed } from "../tuf/refresh.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";
import { keepRefreshed, meansOf } from "./keepRefreshed.ts";
import type { Run } from "./run.ts";

/** The components that signed metadata offers. */
export interface Offer {
  /** Manifests of the kinds that the source offers whole. */
  manifests: Manifests;
  empty: ContentKind[];
  /** The reasons why it does not offer the others. */
  failures: NearsourceError[];
  /** Set when the source's own metadata is older than the trusted one; its objects may still serve. */
  stale: NearsourceError | undefined;
  address: string | undefined;
  bytes: number;
}

/**
 * Refreshes the content repository from one source, with the manifests of `kinds`, and makes the verified
 * files the trusted set.
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
  const again = <Result>(work: () => Promise<Result>) => retrying(run, work);
  let isOlder = true;
  const collect = async (refreshed: Refreshed) => {
    isOlder = false;
    const collected = await collectManifests(refreshed, trusted, kinds, again);
    return { ...collected, empty: await emptyKinds(refreshed, needed, collected) };
  };
  try {
    const brought = await refreshRepository(trusted, source, meansOf(run, trusted, source), collect, again);
    // Only now is the set complete: metadata, and every manifest of the kinds that this source offers whole.
    await keepRefreshed(run, source, brought);
    const { address, bytes, found } = brought;
    const { manifests, empty, failures } = found;
    return { manifests, empty, failures: [...failures.values()], stale: undefined, address, bytes };
  } catch (error) {
    if (!isOlder || !(error instanceof NearsourceError) || error.code !== "METADATA_OLDER") throw error;
    const manifests = await trustedManifests(run, trusted, kinds);
    if (manifests.size === 0) throw error;
    const failures = manifests.size < kinds.length ? [error] : [];
    return { manifests, empty: [], failures, stale: error, address: undefined, bytes: 0 };
  }
}

/**
 * The manifests of those `kinds` for which the trusted metadata is whole and has not expired: it may still
 * say which objects to fetch, from any source. Held documents of a kind that came from another source may be
 * older than the snapshot, and then decide nothing.
 */
async function trustedManifests(
  { now, signal }: Run,
  trusted: TrustedSet,
  kinds: ContentKind[],
): Promise<Manifests> {
  const { source, fetcher } = heldSource(trusted);
  const collect = (refreshed: Refreshed) => collectManifests(refreshed, trusted, kinds);
  try {
    const { found } = await refreshRepository(trusted, source, { fetcher, now, signal }, collect);
    return found.manifests;
  } catch (error) {
    stopOr(error);
    return new Map();
  }
}

/**
 * The objects that trusted manifests of `kinds` name, by SHA-256: files fetched for a kind that did not
 * become whole are kept for the next run.
 */
export function namedObjects(trusted: TrustedSet | undefined, kinds: ReadonlySet<Kind>): Set<string> {
  const manifests = CONTENT_KINDS.filter((kind) => kinds.has(kind)).flatMap((kind) =>
    heldManifests(trusted, kind),
  );
  return objectsOf(manifests.flatMap(({ releases }) => releases));
}

/** A manifest that was damaged on disk meanwhile names nothing. */
function heldManifests(trusted: TrustedSet | undefined, kind: ContentKind): Manifest[] {
  try {
    return readManifests(trusted?.documents ?? new Map(), [kind]).get(kind) ?? [];
  } catch {
    return [];
  }
}

/**
 * Needed content kinds of which the vendor publishes nothing. A kind that is not known to be empty counts as
 * something.
 */
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
