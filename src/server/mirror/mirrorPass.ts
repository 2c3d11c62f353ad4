import { CONTENT_KINDS } from "../../core/content/kind.ts";
import type { Manifest } from "../../core/content/manifest.ts";
import { NearsourceError } from "../../errors.ts";
import { collectManifests } from "../../source/manifests.ts";
import { refreshRepository } from "../../source/refreshRepository.ts";
import { retrying } from "../../source/retry.ts";
import { sourceOf } from "../../source/source.ts";
import { withDataDir } from "../../store/withDataDir.ts";
import { type Catalog, type CatalogObject, relayCatalog } from "../../tree/catalog.ts";
import { timeOfRun } from "../../tuf/clock.ts";
import type { Refreshed } from "../../tuf/refresh.ts";
import { openTrusted } from "../../tuf/roots.ts";
import { describeRole, type TrustedSet, writeTrustedSet } from "../../tuf/trustedSet.ts";
import { type FetchMeans, fetchObjects } from "./fetchObjects.ts";
import { type MirrorPlace, withPublishedObjects } from "./mirrorPlace.ts";
import { emptyFolder, makeDurably, publishMirrored, refuseOther } from "./publishMirrored.ts";
import { removeDamaged, type Verified } from "./verifyObjects.ts";

export interface PassMeans extends Omit<FetchMeans, "source"> {
  /** The folder of the published trees. */
  www: string;
  /** Names of the components whose files are wanted; undefined for all. */
  components: string[] | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Entity tag under which the source last gave the timestamp that is held. */
  etag: string | undefined;
  /** Has all objects that are here read through first, and is told what was found; without it none are. */
  onVerified?: ((found: Omit<Verified, "at">) => Promise<void>) | undefined;
}

/** The publication that is published now. */
export interface Mirrored {
  version: number | undefined;
  catalog: Catalog;
  etag: string | undefined;
  /** Seconds since the source itself is known to have asked. */
  age: number;
  /** Objects of older releases that the source does not have. */
  absent: CatalogObject[];
}

/**
 * Mirrors what the vendor publishes at this moment: verified as by any client, its objects fetched, then
 * published. Until then the publication before is served.
 *
 * @throws NearsourceError of the phases resolve to content, storage, LOCKED while another server does the same,
 *   REPOSITORY_EXISTS
 */
export async function mirrorOnce(place: MirrorPlace, means: PassMeans): Promise<Mirrored> {
  return await withDataDir(place.home, {}, async (own) => {
    const dirs = withPublishedObjects(own, means.www);
    await makeDurably(dirs.store);
    const { content: trusted } = await openTrusted(own, { content: place.root });
    if (trusted === undefined) throw new NearsourceError("TRUST_ROOT_INVALID", "there is no root of content");
    const source = sourceOf({ rule: "active-update", name: undefined, url: place.url });
    const { fetcher, signal, etag, www } = means;
    const brought = await refreshRepository(
      trusted,
      source,
      { fetcher, now: timeNow(means, trusted), signal, etag },
      (refreshed) => collectWhole(refreshed, trusted),
      (work) => retrying({ signal }, work),
    );
    const { set, found } = brought;
    const catalog = relayCatalog(
      { content: set },
      CONTENT_KINDS,
      wantedOf(found.manifests, means.components),
    );
    await refuseOther(www, catalog);
    const objects = objectsOf(catalog);
    const { onVerified } = means;
    if (onVerified !== undefined) await onVerified(await removeDamaged(dirs, objects, signal));
    const absent = await fetchObjects(dirs, objects, { ...means, source });
    if (set !== trusted) await writeTrustedSet(own, "content", set, signal);
    await publishMirrored(www, own.tmp, catalog);
    // Parts of transfers that were given up: all objects of this publication are whole.
    await emptyFolder(own.partial);
    const version = describeRole(set.files.get("timestamp.json"))?.version;
    return { version, catalog, etag: brought.etag, age: brought.age, absent };
  });
}

/** All manifests: a publication is mirrored whole, or not at all. */
async function collectWhole(refreshed: Refreshed, trusted: TrustedSet) {
  const collected = await collectManifests(refreshed, trusted, [...CONTENT_KINDS]);
  const [failure] = collected.failures.values();
  if (failure !== undefined) throw failure;
  return { documents: collected.documents, manifests: [...collected.manifests.values()].flat() };
}

function wantedOf(manifests: Manifest[], components: string[] | undefined): Manifest[] {
  return components === undefined ? manifests : manifests.filter(({ name }) => components.includes(name));
}

/** The objects of a catalog. */
export function objectsOf(catalog: Catalog): CatalogObject[] {
  return [...catalog.values()].flatMap((served) => ("object" in served ? [served.object] : []));
}

/** A signing time this far (ms) ahead of the clock proves nothing about now. */
const AHEAD = 86_400_000;

/** The one time of a pass, which is never before the newest that was signed. */
function timeNow({ now }: PassMeans, trusted: TrustedSet): Date {
  const clock = now();
  const signedAt = describeRole(trusted.files.get("timestamp.json"))?.signedAt;
  const isCredible = signedAt !== undefined && Date.parse(signedAt) <= clock + AHEAD;
  return timeOfRun(new Date(clock), isCredible ? signedAt : undefined);
}
