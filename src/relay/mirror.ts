import { setTimeout as sleep } from "node:timers/promises";
import { openTrusted, timeOfRun } from "../agent/run.ts";
import type { Kind } from "../core/kind.ts";
import { REPOSITORIES, type Repository } from "../core/layout.ts";
import type { CatalogObject } from "../core/relayCatalog.ts";
import { viaEntry } from "../core/via.ts";
import type { Config } from "../io/config.ts";
import { type Fetcher, withHeaders } from "../io/fetch.ts";
import type { DataDir } from "../io/files.ts";
import type { Log } from "../io/log.ts";
import { readState } from "../io/state.ts";
import { describeRole, type RoleState, type TrustedSet } from "../io/trustedSet.ts";
import { createEditions, type Document } from "./editions.ts";
import { kindsOf, type Learned, learn } from "./learn.ts";
import { provenKinds } from "./provenKinds.ts";
import type { RelayStats } from "./stats.ts";
import type { Upstreams } from "./upstreams.ts";

/** The metadata that an Update Agent holds, as fresh as it can be had. */
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
   */
  confirm(repository: Repository, via: string[]): Promise<Document | undefined>;
  /** Asks upstream for what is new, now. */
  refresh(): Promise<void>;
  grant(kinds: Kind[]): void;
  /** Objects of the newest publication, and with `all` those whose names are still answered too. */
  objects(all: boolean): CatalogObject[];
  describe(): Partial<Record<Repository, MirrorState>>;
}

/** What is held of a repository. */
export interface MirrorState extends Partial<RoleState> {
  /** How long ago (ms) somebody upstream was known to have nothing newer; undefined for never. */
  confirmed: number | undefined;
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
  /** Told when something newer is served. */
  onChange(): void;
}

/** How long (ms) a client waits for a timestamp to be confirmed, before it gets the one that is held. */
const CONFIRM_PATIENCE = 3_000;
/** A confirmation that failed is tried again after so long (ms), at the earliest. */
const PAUSE = 10_000;
/** What `Age` says when there is none (RFC 9111 §1.2.2). */
const UNKNOWN_AGE = 2_147_483_648;

function timestampPath(repository: Repository): string {
  return `/${repository}/metadata/timestamp.json`;
}

/** @throws NearsourceError TRUST_ROOT_INVALID, and of the storage phase */
export async function openMirror(parts: MirrorParts, granted: Kind[]): Promise<Mirror> {
  const { config, upstreams } = parts;
  const trusted: Partial<Record<Repository, TrustedSet>> = await openTrusted(parts.dirs, config.roots);
  const confirmed = new Map<Repository, number>();
  const etags = new Map<Repository, { url: string; value: string | undefined }>();
  const editions = createEditions();
  let kinds = granted;
  /** Kinds of which what is held has been verified by this process. */
  const proven = await provenKinds(parts, trusted);
  const publish = () =>
    editions.publish(
      trusted,
      kinds.filter((kind) => proven.has(kind)),
    );
  let tried = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  publish();

  const ageOf = (repository: Repository) => performance.now() - (confirmed.get(repository) ?? -Infinity);
  const isFresh = (repository: Repository) => ageOf(repository) <= config.relay.maxStale;
  const take = (repository: Repository, source: string, wanted: Kind[], learned: Learned) => {
    const age = learned.age * 1_000;
    confirmed.set(repository, Math.max(confirmed.get(repository) ?? -Infinity, performance.now() - age));
    etags.set(repository, { url: source, value: learned.etag });
    if (learned.set === trusted[repository] && wanted.every((kind) => proven.has(kind))) return;
    for (const kind of wanted) proven.add(kind);
    trusted[repository] = learned.set;
    publish();
    parts.onChange();
  };
  const refreshRepository = async (repository: Repository, now: Date, fetcher: Fetcher) => {
    let needed = kindsOf(repository, kinds);
    for (const source of upstreams.of(needed)) {
      const wanted = source.kinds.filter((kind) => needed.includes(kind));
      const set = trusted[repository];
      if (wanted.length === 0 || set === undefined || parts.signal.aborted) continue;
      const held = etags.get(repository);
      try {
        parts.stats.upstream.refreshes++;
        const etag = held?.url === source.url ? held.value : undefined;
        const means = { dirs: parts.dirs, fetcher, now, signal: parts.signal, etag };
        const learned = await learn(set, source, wanted, means);
        take(repository, source.url, learned.kinds, learned);
        for (const failure of learned.failures) {
          parts.stats.upstream.failures++;
          upstreams.failed(source, failure, `refreshing ${repository}`);
        }
        // One that could not ask for long itself leaves the question open.
        if (learned.age * 1_000 <= config.relay.maxStale) {
          needed = needed.filter((kind) => !learned.kinds.includes(kind));
        }
      } catch (error) {
        parts.stats.upstream.failures++;
        upstreams.failed(source, error, `refreshing ${repository}`);
      }
    }
  };
  const refreshAll = async (via: string[]) => {
    tried = performance.now();
    const { clockFloor } = await readState(parts.own);
    const now = timeOfRun(new Date(), clockFloor);
    const names = [...via, parts.pseudonym].map(viaEntry).join(", ");
    const fetcher = withHeaders(parts.fetcher, { via: names });
    for (const repository of REPOSITORIES) await refreshRepository(repository, now, fetcher);
  };
  const refreshOnce = (via: string[]) => {
    running ??= refreshAll(via).finally(() => {
      running = undefined;
    });
    return running;
  };
  const timestampOf = (repository: Repository): Document | undefined => {
    const found = editions.lookUp(timestampPath(repository));
    if (found === undefined || "object" in found) return undefined;
    return { ...found, age: Math.min(Math.round(ageOf(repository) / 1_000), UNKNOWN_AGE) };
  };
  /** Of the granted repositories: there are timestamps to ask for before the first was fetched. */
  const timestamps = () =>
    new Map(REPOSITORIES.filter(isGranted).map((repository) => [timestampPath(repository), repository]));
  const isGranted = (repository: Repository) =>
    trusted[repository] !== undefined && kindsOf(repository, kinds).length > 0;
  let byTimestamp = timestamps();
  return {
    lookUp(path) {
      const timestampOf = byTimestamp.get(path);
      return timestampOf === undefined ? editions.lookUp(path) : { timestampOf };
    },
    async confirm(repository, via) {
      const isTooSoon = performance.now() - tried < Math.min(PAUSE, config.relay.maxStale);
      if (!isFresh(repository) && (running !== undefined || !isTooSoon)) {
        const patience = new AbortController();
        const late = sleep(CONFIRM_PATIENCE, undefined, { signal: patience.signal }).catch(() => {});
        await Promise.race([refreshOnce(via).catch(() => {}), late]);
        patience.abort();
      }
      return timestampOf(repository);
    },
    async refresh() {
      // One under way may have asked before what is new was there.
      await running?.catch(() => {});
      await upstreams.reload();
      await refreshOnce([]);
    },
    grant(wanted) {
      kinds = wanted;
      byTimestamp = timestamps();
      editions.clear();
      publish();
    },
    objects: editions.objects,
    describe() {
      const states: Partial<Record<Repository, MirrorState>> = {};
      for (const repository of REPOSITORIES) {
        const set = trusted[repository];
        if (set === undefined || kindsOf(repository, kinds).length === 0) continue;
        const role = describeRole(set.files.get("timestamp.json"));
        states[repository] = {
          ...role,
          confirmed: confirmed.has(repository) ? Math.round(ageOf(repository)) : undefined,
        };
      }
      return states;
    },
  };
}
