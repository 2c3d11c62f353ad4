import type { Kind } from "../../core/content/kind.ts";
import { kindsIn } from "../../core/content/layout.ts";
import { describeRole, type RoleState, type TrustedSet } from "../../tuf/trustedSet.ts";
import type { Learned } from "./learn.ts";

/** A set, and the kinds of it that are held whole. */
export interface HeldSet {
  set: TrustedSet;
  kinds: Set<Kind>;
}

/**
 * The copy of one repository: the announced publication, which is on disk, and the one learnt since, which is
 * not. Times are those of a clock that only goes forward, in ms.
 */
export interface RepositoryCopy {
  announced: TrustedSet;
  /** Kinds of which the announced documents have been verified by this process. */
  announcedKinds: Set<Kind>;
  learned: TrustedSet;
  learnedKinds: Set<Kind>;
  /** The publication to announce once its objects are here, and the time since which it waits. */
  next: HeldSet | undefined;
  aheadSince: number | undefined;
  /**
   * The time when upstream was last known to have nothing newer than the announced publication, and than the
   * learnt one.
   */
  confirmed: number;
  asked: number;
  /** ETag under which a source last gave the timestamp that was learnt. */
  etag: { url: string; value: string | undefined } | undefined;
}

/** The state of the announced publication of a repository, and of the one to follow it. */
export interface MirrorState extends Partial<RoleState> {
  /** Time (ms) since a source upstream was known to have nothing newer; undefined for never. */
  confirmed: number | undefined;
  /** Version of the timestamp that was learnt, and is not announced yet. */
  next?: number | undefined;
}

/** @param verified the kinds of which the documents on disk were found whole */
export function copyOf(set: TrustedSet, verified: ReadonlySet<Kind>): RepositoryCopy {
  const kinds = kindsIn(set.repository, [...verified]);
  return {
    announced: set,
    announcedKinds: new Set(kinds),
    learned: set,
    learnedKinds: new Set(kinds),
    next: undefined,
    aheadSince: undefined,
    confirmed: Number.NEGATIVE_INFINITY,
    asked: Number.NEGATIVE_INFINITY,
    etag: undefined,
  };
}

/** Takes over the content that the source at `url` has. Returns whether any of it was new. */
export function take(copy: RepositoryCopy, url: string, learned: Learned, now: number): boolean {
  const { set, kinds, age, etag } = learned;
  copy.asked = Math.max(copy.asked, now - age * 1_000);
  copy.etag = { url, value: etag };
  const isNew = set !== copy.learned || kinds.some((kind) => !copy.learnedKinds.has(kind));
  // Of a newer publication, only the documents that came with it are known.
  const isNewer = !sameFile(set, copy.learned, "snapshot.json");
  copy.learnedKinds = new Set(isNewer ? kinds : [...copy.learnedKinds, ...kinds]);
  copy.learned = set;
  // The announced publication is known to be the newest as long as nothing newer was learnt.
  if (copy.learned === copy.announced) copy.confirmed = copy.asked;
  return isNew;
}

function sameFile(one: TrustedSet, other: TrustedSet, name: string): boolean {
  const [bytes, others] = [one.files.get(name), other.files.get(name)];
  return bytes === others || (bytes !== undefined && others !== undefined && bytes.equals(others));
}

/** Makes the learnt publication the next to announce, if it is ahead in any of the kinds granted. */
export function lookAhead(copy: RepositoryCopy, granted: readonly Kind[], now: number): void {
  const { announced, announcedKinds, learned, learnedKinds } = copy;
  const isAhead =
    learned !== announced || granted.some((kind) => learnedKinds.has(kind) && !announcedKinds.has(kind));
  copy.next = isAhead ? { set: learned, kinds: new Set(learnedKinds) } : undefined;
  copy.aheadSince = isAhead ? (copy.aheadSince ?? now) : undefined;
}

/** @param written the publication that was to be announced next, as it is on disk now */
export function noteAnnounced(
  copy: RepositoryCopy,
  next: HeldSet,
  written: TrustedSet,
  granted: readonly Kind[],
): void {
  // Something newer yet may have been learnt meanwhile.
  if (copy.learned === next.set) {
    copy.learned = written;
    copy.confirmed = copy.asked;
  }
  copy.announced = written;
  // Kinds that are not granted at the moment were not looked for.
  copy.announcedKinds = new Set(granted.filter((kind) => next.kinds.has(kind)));
  copy.aheadSince = undefined;
}

export function describeCopy(copy: RepositoryCopy, now: number): MirrorState {
  const { announced, learned, confirmed, aheadSince } = copy;
  const next = aheadSince === undefined ? undefined : versionOf(learned);
  return {
    ...describeRole(announced.files.get("timestamp.json")),
    confirmed: Number.isFinite(confirmed) ? Math.round(now - confirmed) : undefined,
    ...(next === undefined ? {} : { next }),
  };
}

function versionOf({ files }: TrustedSet): number | undefined {
  return describeRole(files.get("timestamp.json"))?.version;
}
