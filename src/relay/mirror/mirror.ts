import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../config/log.ts";
import type { Kind } from "../../core/content/kind.ts";
import { kindsIn, REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import type { Fetcher } from "../../http/fetcher.ts";
import type { RelayState } from "../../http/relayState.ts";
import { oneAtATime } from "../../source/oneAtATime.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { readState } from "../../store/state/state.ts";
import type { CatalogObject, CatalogStaging } from "../../tree/catalog.ts";
import { createPublications, type Document } from "../../tree/publications.ts";
import { timeOfRun } from "../../tuf/clock.ts";
import { openTrusted } from "../../tuf/roots.ts";
import { writeTrustedSet } from "../../tuf/trustedSet.ts";
import { type KnownReleases, newerOf, releasesHeldIn, releasesOf } from "./announcedReleases.ts";
import { confirmPatience, isToBeAsked } from "./confirmation.ts";
import { type RefreshParts, refreshCopy, refreshFetcher } from "./refreshCopy.ts";
import {
  copyOf,
  describeCopy,
  lookAhead,
  type MirrorState,
  noteAnnounced,
  type RepositoryCopy,
} from "./repositoryCopy.ts";
import { UpstreamState } from "./upstreamState.ts";
import { verifiedKinds } from "./verifiedKinds.ts";

export interface MirrorParts extends Omit<RefreshParts, "upstream"> {
  dirs: DataDir;
  /** The agent's own data directory. */
  own: DataDir;
  fetcher: Fetcher;
  log: Log;
  pseudonym: string;
  /** Whether the object is in the store. */
  isHeld(object: CatalogObject): boolean;
  /** Called when something newer was learnt. */
  onChange(): void;
  /** Time (ms) that a client waits for a confirmation, by the hops that its request came over. */
  confirmPatience: ((hops: number) => number) | undefined;
}

/** The `Age` of a timestamp that is not known to have been confirmed (RFC 9111 §1.2.2). */
const UNKNOWN_AGE = 2_147_483_648;

/**
 * Opens the copy on disk, and verifies it.
 *
 * @throws NearsourceError TRUST_ROOT_INVALID, and of the storage phase
 */
export async function openMirror(parts: MirrorParts, granted: Kind[]): Promise<Mirror> {
  const sets = await openTrusted(parts.dirs, parts.config.roots);
  const verified = await verifiedKinds(parts, sets);
  const copies = Object.values(sets).map((set) => [set.repository, copyOf(set, verified)] as const);
  return new Mirror(parts, new Map(copies), granted, await releasesHeldIn(parts.own));
}

/**
 * The metadata that an Update Agent holds, as fresh as its sources have it. It announces a new publication
 * only when it holds the objects that its clients will ask for first, so that none of them has to go
 * elsewhere for them: until then it announces the publication before.
 */
export class Mirror {
  readonly #parts: MirrorParts;
  readonly #copies: Map<Repository, RepositoryCopy>;
  readonly #publications = createPublications();
  readonly #upstream = new UpstreamState();
  /** An announcement at a time: a caller that comes while one is under way is served by the next. */
  readonly #inTurn = oneAtATime();
  #kinds: Kind[] = [];
  /** Rollouts by the agent's own settings. */
  #releases: KnownReleases;
  #byTimestamp = new Map<string, Repository>();
  /** The time (`performance.now`) when upstream was last asked, with any result. */
  #tried = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(
    parts: MirrorParts,
    copies: Map<Repository, RepositoryCopy>,
    granted: Kind[],
    releases: KnownReleases,
  ) {
    this.#parts = parts;
    this.#releases = releases;
    this.#copies = copies;
    this.grant(granted);
  }

  /**
   * The document or object of a path, exactly as it was sent; for a timestamp the repository, whose timestamp
   * is to be confirmed. Undefined for anything else.
   */
  lookUp(path: string): Document | { object: CatalogObject } | { timestampOf: Repository } | undefined {
    const timestampOf = this.#byTimestamp.get(path);
    return timestampOf === undefined ? this.#publications.lookUp(path) : { timestampOf };
  }

  /**
   * The timestamp of a repository, confirmed upstream a moment ago if possible: once for all clients that ask
   * at the time. A failure changes nothing: the held one is as valid as it was. Undefined when there is none
   * yet.
   *
   * @param revalidate if the client knows of something newer, and has upstream asked even if it was asked a
   *   moment ago
   */
  async confirm(repository: Repository, via: string[], revalidate: boolean): Promise<Document | undefined> {
    const { maxStale } = this.#parts.config.relay;
    const never = Number.NEGATIVE_INFINITY;
    const copy = this.#copies.get(repository);
    const sinceAsked = performance.now() - (copy?.asked ?? never);
    const sinceTried = performance.now() - this.#tried;
    const isRefreshing = this.#refreshing !== undefined;
    if (isToBeAsked({ sinceAsked, sinceTried, isRefreshing, revalidate, maxStale }))
      await this.#askInTime(via, revalidate);
    const found = this.#publications.lookUp(timestampPath(repository));
    if (found === undefined || "object" in found) return undefined;
    const age = Math.round((performance.now() - (copy?.confirmed ?? never)) / 1_000);
    return { ...found, age: Math.min(age, UNKNOWN_AGE) };
  }

  /** Asks upstream for newer publications, now. */
  async refresh(): Promise<void> {
    // A refresh under way may have asked before the newer publication was there.
    await this.#refreshing?.catch(() => {});
    await this.#parts.upstreams.reload();
    await this.#refreshOnce([], true);
  }

  /**
   * Whether upstream has answered since the start which publication is newest: until then there may be more
   * to come than is known.
   */
  hasHeard(): boolean {
    return [...this.#copies].every(
      ([repository, { asked }]) => !this.#isGranted(repository) || asked > Number.NEGATIVE_INFINITY,
    );
  }

  /** Announces the learnt publication, if its objects are all here. */
  async announce(): Promise<void> {
    await this.#inTurn(() => this.#announceComplete());
  }

  /**
   * The time (of `performance.now`) since which the learnt publication is ahead of the announced one;
   * undefined when it is not.
   */
  aheadSince(repository: Repository): number | undefined {
    return this.#copies.get(repository)?.aheadSince;
  }

  /**
   * The state that an Update Agent upstream reports while it is waited for; `filling` while something newer
   * is being learnt.
   */
  upstreamState(): RelayState | undefined {
    return this.#upstream.state;
  }

  /** The kinds that are served. */
  get kinds(): readonly Kind[] {
    return this.#kinds;
  }

  /** Answers for these kinds from now on. */
  grant(kinds: Kind[]): void {
    this.#kinds = kinds;
    // There are timestamps to ask for before the first was fetched.
    const granted = REPOSITORIES.filter((each) => this.#copies.has(each) && this.#isGranted(each));
    this.#byTimestamp = new Map(granted.map((repository) => [timestampPath(repository), repository]));
    this.#publications.clear();
    this.#publish();
    this.#lookAhead();
  }

  /** Objects of the newest publication that was learnt, and with `all` of all those that are answered for. */
  objects(all: boolean): CatalogObject[] {
    return this.#publications.objects(all);
  }

  describe(): Partial<Record<Repository, MirrorState>> {
    const granted = [...this.#copies].filter(([repository]) => this.#isGranted(repository));
    const now = performance.now();
    return Object.fromEntries(granted.map(([repository, copy]) => [repository, describeCopy(copy, now)]));
  }

  #isGranted(repository: Repository): boolean {
    return kindsIn(repository, this.#kinds).length > 0;
  }

  /** Serves the announced publication of the kinds granted. */
  #publish(): void {
    const announced = [...this.#copies].map(([repository, copy]) => [repository, copy.announced]);
    const verified = [...this.#copies.values()].flatMap(({ announcedKinds }) => [...announcedKinds]);
    this.#publications.publish(
      Object.fromEntries(announced),
      this.#kinds.filter((kind) => verified.includes(kind)),
      this.#staging(),
    );
  }

  /** Makes the learnt publication the next to announce, and serves its objects from now on. */
  #lookAhead(): void {
    for (const copy of this.#copies.values()) lookAhead(copy, this.#kinds, performance.now());
    const next = this.#copies.get("content")?.next;
    this.#publications.expect(
      next?.set,
      this.#kinds.filter((kind) => next?.kinds.has(kind)),
      this.#staging(),
    );
  }

  /** Rollouts by the newest settings held here: those of the agent, or those that it serves. */
  #staging(): CatalogStaging {
    const served = releasesOf(this.#copies.get("settings")?.learned);
    return { releases: newerOf(this.#releases, served).releases, now: Date.now() };
  }

  /** Looks at the agent's own settings again: other releases may be asked for by now. */
  async #lookAtReleases(): Promise<void> {
    const before = this.#releases;
    this.#releases = await releasesHeldIn(this.#parts.own);
    if (JSON.stringify(this.#releases.releases) === JSON.stringify(before.releases)) return;
    this.#publish();
    this.#lookAhead();
    this.#parts.onChange();
  }

  async #announceComplete(): Promise<void> {
    let changed = false;
    for (const [repository, copy] of this.#copies) {
      const { next, announced } = copy;
      if (next === undefined || !this.#isComplete(repository)) continue;
      const isWritten = next.set === announced;
      const written = isWritten ? announced : await writeTrustedSet(this.#parts.dirs, repository, next.set);
      noteAnnounced(copy, next, written, this.#kinds);
      changed = true;
    }
    if (!changed) return;
    this.#publish();
    this.#lookAhead();
  }

  /** Whether the objects that clients will ask for first are here, of the publication to be announced. */
  #isComplete(repository: Repository): boolean {
    if (repository !== "content") return true;
    return this.#publications.objects(false).every((each) => !each.current || this.#parts.isHeld(each));
  }

  /** Asks upstream, for as long as a client waits. */
  async #askInTime(via: string[], revalidate: boolean): Promise<void> {
    const patience = new AbortController();
    const longest = (this.#parts.confirmPatience ?? confirmPatience)(via.length);
    const late = sleep(longest, undefined, { signal: patience.signal }).catch(() => {});
    const ended = this.#refreshOnce(via, revalidate).catch(() => {});
    await Promise.race([ended, late, this.#upstream.mustWait]);
    patience.abort();
  }

  #refreshOnce(via: string[], revalidate: boolean): Promise<void> {
    this.#refreshing ??= this.#refreshAll(via, revalidate).finally(() => {
      this.#refreshing = undefined;
      this.#upstream.forget();
    });
    return this.#refreshing;
  }

  async #refreshAll(via: string[], revalidate: boolean): Promise<void> {
    this.#tried = performance.now();
    const { clockFloor } = await readState(this.#parts.own);
    const now = timeOfRun(new Date(), clockFloor);
    await this.#lookAtReleases();
    const fetcher = refreshFetcher(this.#parts, this.#upstream, via, revalidate);
    const parts = { ...this.#parts, upstream: this.#upstream };
    for (const copy of this.#copies.values()) {
      if (!(await refreshCopy(parts, copy, this.#kinds, { fetcher, now }))) continue;
      this.#lookAhead();
      // A publication that names no objects, or only those that are here, is announced at once.
      await this.announce();
      this.#parts.onChange();
    }
  }
}

function timestampPath(repository: Repository): string {
  return `/${repository}/metadata/timestamp.json`;
}
