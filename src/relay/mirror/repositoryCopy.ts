import type { Kind } from "../../core/content/kind.ts";
import { kindsIn } from "../../core/content/layout.ts";
import { describeRole, type RoleState, type TrustedSet } from "../../tuf/trustedSet.ts";
import type { Learned } from "./learn.ts";

/** A set, and the kinds of it that are held whole. */
export interface Edition {
  set: TrustedSet;
  kinds: Set<Kind>;
}

/**
 * One repository: what is announced, which is on disk, and what was learnt since, which is not. Times are
 * those of a clock that only goes forward, in ms.
 */
export interface RepositoryCopy {
  announced: TrustedSet;
  /** Kinds of which what is announced has been verified by this process. */
  announcedKinds: Set<Kind>;
  learned: TrustedSet;
  learnedKinds: Set<Kind>;
  /** What is to be announced once its objects are here, and since when that is so. */
  next: Edition | undefined;
  aheadSince: number | undefined;
  /** When upstream was last known to have nothing newer than what is announced, and than what was learnt. */
  confirmed: number;
  asked: number;
  /** Under which a source last gave the timestamp that was learnt. */
  etag: { url: string; value: string | undefined } | undefined;
}

/** What is announced of a repository, and what is to follow it. */
export interface MirrorState extends Partial<RoleState> {
  /** How long ago (ms) somebody upstream was known to have nothing newer; undefined for never. */
  confirmed: number | undefined;
  /** Version of the timestamp that was learnt, and is not announced yet. */
  next?: number | undefined;
}

/** @param verified the kinds of which what is on disk was found whole */
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

/** Takes over what the source at `url` had to say. Returns whether that was anything new. */
export function take(copy: RepositoryCopy, url: string, learned: Learned, now: number): boolean {
  const { set, kinds, age, etag } = learned;
  copy.asked = Math.max(copy.asked, now - age * 1_000);
  copy.etag = { url, value: etag };
  const isNew = set !== copy.learned || kinds.some((kind) => !copy.learnedKinds.has(kind));
  // Of a newer publication, only what came with it is known.
  const isNewer = !sameFile(set, copy.learned, "snapshot.json");
  copy.learnedKinds = new Set(isNewer ? kinds : [...copy.learnedKinds, ...kinds]);
  copy.learned = set;
  // What is announced is known to be the newest as long as nothing newer was learnt.
  if (copy.learned === copy.announced) copy.confirmed = copy.asked;
  return isNew;
}

function sameFile(one: TrustedSet, other: TrustedSet, name: string): boolean {
  const [bytes, others] = [one.files.get(name), other.files.get(name)];
  return bytes === others || (bytes !== undefined && others !== undefined && bytes.equals(others));
}

/** Takes what was learnt for what is announced next, where that is ahead in any of the kinds granted. */
export function lookAhead(copy: RepositoryCopy, granted: readonly Kind[], now: number): void {
  const { announced, announcedKinds, learned, learnedKinds } = copy;
  const isAhead =
    learned !== announced || granted.some((kind) => learnedKinds.has(kind) && !announcedKinds.has(kind));
  copy.next = isAhead ? { set: learned, kinds: new Set(learnedKinds) } : undefined;
  copy.aheadSince = isAhead ? (copy.aheadSince ?? now) : undefined;
}

/** @param written what was to be announced next, as it is on disk now */
export function noteAnnounced(
  copy: RepositoryCopy,
  next: Edition,
  written: TrustedSet,
  granted: readonly Kind[],
): void {
  // Something newer yet may have been learnt meanwhile.
  if (copy.learned === next.set) {
    copy.learned = written;
    copy.confirmed = copy.asked;
  }
  copy.announced = written;
  // What is not granted at the moment was not looked for.
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
