import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import type { Log } from "../config/log.ts";
import type { Kind } from "../core/content/kind.ts";
import { kindsIn, REPOSITORIES, type Repository } from "../core/content/layout.ts";
import type { NearsourceError } from "../errors.ts";
import { type Fetcher, withHeaders } from "../http/client.ts";
import type { RelayState } from "../http/relayState.ts";
import { viaEntry } from "../http/via.ts";
import { inOrder, type Tried } from "../source/inOrder.ts";
import { askingAnew, createPatience, isTimestamp, type Wait, waitingFetcher } from "../source/patience.ts";
import type { Source } from "../source/source.ts";
import type { DataDir } from "../store/dataDir.ts";
import { readState } from "../store/state/state.ts";
import type { CatalogObject } from "../tree/catalog.ts";
import { createEditions, type Document, type Editions } from "../tree/publications.ts";
import { timeOfRun } from "../tuf/clock.ts";
import { openTrusted } from "../tuf/roots.ts";
import { describeRole, type RoleState, type TrustedSet, writeTrustedSet } from "../tuf/trustedSet.ts";
import type { Upstreams } from "./fill/upstreams.ts";
import { type Learned, learn } from "./learn.ts";
import type { RelayStats } from "./stats.ts";
import { verifiedKinds } from "./verifiedKinds.ts";

/**
 * The metadata that an Update Agent holds, as fresh as it can be had. What it learns it announces only when
 * it holds the objects that its clients will ask for first, so that none of them has to go elsewhere for
 * them: until then it announces the publication before.
 */
export interface Mirror {
  /**
   * What a path names, exactly as it was sent; for a timestamp the repository, whose is to be confirmed.
   * Undefined for anything else.
   */
  lookUp(path: string): Document | { object: CatalogObject } | { timestampOf: Repository } | undefined;
  /**
   * The timestamp of a repository, confirmed upstream a moment ago where that can be done: once for all
   * who ask at the time. A failure changes nothing: what is held is as valid as it was. Undefined when
   * there is none yet.
   *
   * @param anew the client knows of something newer, and has upstream asked however lately that was
   */
  confirm(repository: Repository, via: string[], anew: boolean): Promise<Document | undefined>;
  /** Asks upstream for what is new, now. */
  refresh(): Promise<void>;
  /** Whether upstream has said since the start what is newest: until then there may be more to come than is known. */
  hasHeard(): boolean;
  /** Announces what was learnt, where its objects are all here. */
  announce(): Promise<void>;
  /** Since when (a time of `performance.now`) what was learnt is ahead of what is announced; undefined when it is not. */
  aheadSince(repository: Repository): number | undefined;
  /** What an Update Agent upstream says of itself while it is waited for; `filling` while something newer is being learnt. */
  upstreamState(): RelayState | undefined;
  grant(kinds: Kind[]): void;
  /** Objects of the newest publication that was learnt, and with `all` of all those that are answered for. */
  objects(all: boolean): CatalogObject[];
  describe(): Partial<Record<Repository, MirrorState>>;
}

/** What is announced of a repository, and what is to follow it. */
export interface MirrorState extends Partial<RoleState> {
  /** How long ago (ms) somebody upstream was known to have nothing newer; undefined for never. */
  confirmed: number | undefined;
  /** Version of the timestamp that was learnt, and is not announced yet. */
  next?: number | undefined;
}

export interface MirrorParts {
  config: Config;
  dirs: DataDir;
  /** The agent's own data directory. */
  own: DataDir;
  fetcher: Fetcher;
  upstreams: Upstreams;
  stats: RelayStats;
  signal: AbortSignal;
  log: Log;
  pseudonym: string;
  /** Whether the object is in the store. */
  isHeld(object: CatalogObject): boolean;
  /** Told when something newer was learnt. */
  onChange(): void;
}

/** One repository: what is announced, which is on disk, and what was learnt since, which is not. */
interface Copy {
  announced: TrustedSet;
  /** Kinds of which what is announced has been verified by this process. */
  announcedKinds: Set<Kind>;
  learned: TrustedSet;
  learnedKinds: Set<Kind>;
  /** What is to be announced once its objects are here, and since when that is so. */
  next: { set: TrustedSet; kinds: Set<Kind> } | undefined;
  aheadSince: number | undefined;
  /** When (`performance.now`) upstream was last known to have nothing newer than what is announced, and than what was learnt. */
  confirmed: number;
  asked: number;
  /** Under which a source last gave the timestamp that was learnt. */
  etag: { url: string; value: string | undefined } | undefined;
}

interface Mirroring extends MirrorParts {
  copies: Map<Repository, Copy>;
  editions: Editions;
  kinds: Kind[];
  byTimestamp: Map<string, Repository>;
  tried: number;
  refreshing: Promise<void> | undefined;
  announcing: Promise<void>;
  upstreamState: RelayState | undefined;
  /** Resolves once an Update Agent upstream has said that it is filling: nobody need wait to hear that. */
  told: PromiseWithResolvers<void>;
}

/**
 * How long (ms) a client waits for a timestamp to be confirmed, before it gets the one that is held; less
 * by so much for each hop that it came over, so that those at the end of a chain hear what is said at its top.
 */
const CONFIRM_PATIENCE = { first: 3_000, less: 700 };
/** A confirmation that failed is tried again after so long (ms), at the earliest; sooner for who knows of something newer. */
const PAUSE = 10_000;
const PAUSE_ANEW = 1_000;
/** How long (ms) a refresh waits for an Update Agent upstream that fills, before it asks the next; longer where the policy says so. */
const UPSTREAM_PATIENCE = 600_000;
/** What `Age` says when there is none (RFC 9111 §1.2.2). */
const UNKNOWN_AGE = 2_147_483_648;

/** @throws NearsourceError TRUST_ROOT_INVALID, and of the storage phase */
export async function openMirror(parts: MirrorParts, granted: Kind[]): Promise<Mirror> {
  const sets = await openTrusted(parts.dirs, parts.config.roots);
  const proven = await verifiedKinds(parts, sets);
  const copies = new Map(Object.values(sets).map((set) => [set.repository, copyOf(set, proven)]));
  const mirroring: Mirroring = {
    ...parts,
    copies,
    editions: createEditions(),
    kinds: granted,
    byTimestamp: new Map(),
    tried: Number.NEGATIVE_INFINITY,
    refreshing: undefined,
    announcing: Promise.resolve(),
    upstreamState: undefined,
    told: Promise.withResolvers(),
  };
  grant(mirroring, granted);
  return {
    lookUp(path) {
      const timestampOf = mirroring.byTimestamp.get(path);
      return timestampOf === undefined ? mirroring.editions.lookUp(path) : { timestampOf };
    },
    confirm: (repository, via, anew) => confirm(mirroring, repository, via, anew),
    async refresh() {
      // One under way may have asked before what is new was there.
      await mirroring.refreshing?.catch(() => {});
      await parts.upstreams.reload();
      await refreshOnce(mirroring, [], true);
    },
    hasHeard: () =>
      [...copies].every(
        ([each, { asked }]) =>
          kindsIn(each, mirroring.kinds).length === 0 || asked > Number.NEGATIVE_INFINITY,
      ),
    announce: () => announce(mirroring),
    upstreamState: () => mirroring.upstreamState,
    aheadSince: (repository) => copies.get(repository)?.aheadSince,
    grant: (wanted) => grant(mirroring, wanted),
    objects: mirroring.editions.objects,
    describe: () => describe(mirroring),
  };
}

function copyOf(set: TrustedSet, proven: ReadonlySet<Kind>): Copy {
  const kinds = kindsIn(set.repository, [...proven]);
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

function timestampPath(repository: Repository): string {
  return `/${repository}/metadata/timestamp.json`;
}

function grant(mirroring: Mirroring, wanted: Kind[]): void {
  const { copies, editions } = mirroring;
  mirroring.kinds = wanted;
  // There are timestamps to ask for before the first was fetched.
  const granted = REPOSITORIES.filter((each) => copies.has(each) && kindsIn(each, wanted).length > 0);
  mirroring.byTimestamp = new Map(granted.map((repository) => [timestampPath(repository), repository]));
  editions.clear();
  publish(mirroring);
  expect(mirroring);
}

/** Answers from what is announced of the kinds granted. */
function publish({ copies, editions, kinds }: Mirroring): void {
  const announced = [...copies].map(([repository, copy]) => [repository, copy.announced]);
  const proven = [...copies.values()].flatMap(({ announcedKinds }) => [...announcedKinds]);
  editions.publish(
    Object.fromEntries(announced),
    kinds.filter((kind) => proven.includes(kind)),
  );
}

/** Takes what was learnt for what is announced next, and answers for its objects from now on. */
function expect({ copies, editions, kinds }: Mirroring): void {
  for (const copy of copies.values()) {
    const isAhead = isAheadOf(copy, kinds);
    copy.next = isAhead ? { set: copy.learned, kinds: new Set(copy.learnedKinds) } : undefined;
    copy.aheadSince = isAhead ? (copy.aheadSince ?? performance.now()) : undefined;
  }
  const next = copies.get("content")?.next;
  editions.expect(
    next?.set,
    kinds.filter((kind) => next?.kinds.has(kind)),
  );
}

function isAheadOf(
  { announced, learned, announcedKinds, learnedKinds }: Copy,
  kinds: readonly Kind[],
): boolean {
  return learned !== announced || kinds.some((kind) => learnedKinds.has(kind) && !announcedKinds.has(kind));
}

/** One after the other: whoever comes while one is under way is served by the next. */
function announce(mirroring: Mirroring): Promise<void> {
  const next = mirroring.announcing.then(() => announceComplete(mirroring));
  mirroring.announcing = next.catch(() => {});
  return next;
}

async function announceComplete(mirroring: Mirroring): Promise<void> {
  const { copies, dirs, editions, isHeld } = mirroring;
  let changed = false;
  for (const [repository, copy] of copies) {
    const { next, announced } = copy;
    if (next === undefined) continue;
    const wanted = repository === "content" ? editions.objects(false).filter(({ current }) => current) : [];
    if (!wanted.every(isHeld)) continue;
    const written = next.set === announced ? announced : await writeTrustedSet(dirs, repository, next.set);
    // Something newer yet may have been learnt meanwhile.
    if (copy.learned === next.set) {
      copy.learned = written;
      copy.confirmed = copy.asked;
    }
    copy.announced = written;
    // What is not granted at the moment was not looked for.
    copy.announcedKinds = new Set([...next.kinds].filter((kind) => mirroring.kinds.includes(kind)));
    copy.aheadSince = undefined;
    changed = true;
  }
  if (!changed) return;
  publish(mirroring);
  expect(mirroring);
}

async function confirm(
  mirroring: Mirroring,
  repository: Repository,
  via: string[],
  anew: boolean,
): Promise<Document | undefined> {
  const { config, copies, tried } = mirroring;
  const since = performance.now() - tried;
  const asked = copies.get(repository)?.asked ?? Number.NEGATIVE_INFINITY;
  const isFresh = performance.now() - asked <= config.relay.maxStale && !anew;
  const isTooSoon = since < (anew ? PAUSE_ANEW : Math.min(PAUSE, config.relay.maxStale));
  if (!isFresh && (mirroring.refreshing !== undefined || !isTooSoon)) {
    const patience = new AbortController();
    const longest = CONFIRM_PATIENCE.first - CONFIRM_PATIENCE.less * via.length;
    const late = sleep(longest, undefined, { signal: patience.signal }).catch(() => {});
    const ended = refreshOnce(mirroring, via, anew).catch(() => {});
    await Promise.race([ended, late, mirroring.told.promise]);
    patience.abort();
  }
  const found = mirroring.editions.lookUp(timestampPath(repository));
  if (found === undefined || "object" in found) return undefined;
  return { ...found, age: Math.min(Math.round(ageOf(mirroring, repository) / 1_000), UNKNOWN_AGE) };
}

/** How long ago (ms) what is announced was known to be the newest. */
function ageOf({ copies }: Mirroring, repository: Repository): number {
  return performance.now() - (copies.get(repository)?.confirmed ?? Number.NEGATIVE_INFINITY);
}

function refreshOnce(mirroring: Mirroring, via: string[], anew: boolean): Promise<void> {
  mirroring.refreshing ??= refreshAll(mirroring, via, anew).finally(() => {
    mirroring.refreshing = undefined;
    // Whoever asked is not remembered any longer.
    mirroring.told = Promise.withResolvers();
  });
  return mirroring.refreshing;
}

async function refreshAll(mirroring: Mirroring, via: string[], anew: boolean): Promise<void> {
  mirroring.tried = performance.now();
  const { clockFloor } = await readState(mirroring.own);
  const now = timeOfRun(new Date(), clockFloor);
  const names = [...via, mirroring.pseudonym].map(viaEntry).join(", ");
  const named = withHeaders(mirroring.fetcher, { via: names });
  const patience = createPatience(Math.max(mirroring.upstreams.patience(), UPSTREAM_PATIENCE));
  const onWait = ({ state }: Wait) => {
    mirroring.upstreamState = state;
    mirroring.told.resolve();
  };
  const fetcher = waitingFetcher(anew ? askingAnew(named) : named, patience, onWait, mirroring.pseudonym);
  for (const [repository, copy] of mirroring.copies) {
    if (!(await refreshCopy(mirroring, repository, copy, now, fetcher))) continue;
    expect(mirroring);
    // What names no objects, or only those that are here, is announced at once.
    await announce(mirroring);
    mirroring.onChange();
  }
}

/** Asks source after source, until each kind that is granted was confirmed. Returns whether something was learnt. */
async function refreshCopy(
  mirroring: Mirroring,
  repository: Repository,
  copy: Copy,
  now: Date,
  fetcher: Fetcher,
): Promise<boolean> {
  const { config, upstreams, stats, signal, kinds } = mirroring;
  const needed = new Set(kindsIn(repository, kinds));
  const noticing = repository === "content" ? noticingNewer(mirroring, fetcher) : fetcher;
  let changed = false;
  const ask = async (source: Source, wanted: Kind[]): Promise<Tried> => {
    stats.upstream.refreshes++;
    const etag = copy.etag?.url === source.url ? copy.etag.value : undefined;
    try {
      const learned = await learn(copy.learned, source, wanted, { fetcher: noticing, now, signal, etag });
      if (take(copy, source.url, learned)) changed = true;
      // One that could not ask for long itself leaves the question open.
      const isRecent = learned.age * 1_000 <= config.relay.maxStale;
      return { had: isRecent ? learned.kinds : [], errors: learned.failures };
    } finally {
      mirroring.upstreamState = undefined;
      mirroring.told = Promise.withResolvers();
    }
  };
  const onErrors = (source: Source, errors: NearsourceError[]) => {
    stats.upstream.failures += errors.length;
    for (const error of errors) upstreams.failed(source, error, `refreshing ${repository}`);
  };
  await inOrder(upstreams.of([...needed]), needed, ask, { onErrors });
  return changed;
}

/** Notes that something newer is on its way: nothing else is asked for before a newer timestamp has been verified. */
function noticingNewer(mirroring: Mirroring, fetcher: Fetcher): Fetcher {
  const get: Fetcher["get"] = (url, options) => {
    if (!isTimestamp(url) && !/\/\d+\.root\.json$/.test(url))
      mirroring.upstreamState ??= { state: "filling" };
    return fetcher.get(url, options);
  };
  return { ...fetcher, get };
}

/** Takes over what a source had to say. Returns whether that was anything new. */
function take(copy: Copy, url: string, { set, kinds, age, etag }: Learned): boolean {
  copy.asked = Math.max(copy.asked, performance.now() - age * 1_000);
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

function describe(mirroring: Mirroring): Partial<Record<Repository, MirrorState>> {
  const states: Partial<Record<Repository, MirrorState>> = {};
  for (const [repository, { announced, learned, confirmed, aheadSince }] of mirroring.copies) {
    if (kindsIn(repository, mirroring.kinds).length === 0) continue;
    const next = aheadSince === undefined ? undefined : versionOf(learned);
    states[repository] = {
      ...describeRole(announced.files.get("timestamp.json")),
      confirmed: Number.isFinite(confirmed) ? Math.round(ageOf(mirroring, repository)) : undefined,
      ...(next === undefined ? {} : { next }),
    };
  }
  return states;
}

function versionOf({ files }: TrustedSet): number | undefined {
  return describeRole(files.get("timestamp.json"))?.version;
}
