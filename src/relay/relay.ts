import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Config } from "../config/config.ts";
import type { Log } from "../config/log.ts";
import { formatBytes } from "../core/amounts.ts";
import { type Kind, sortKinds } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import { rateAt } from "../core/settings/rateLimit.ts";
import { explainError } from "../errors.ts";
import type { Fetcher } from "../http/fetcher.ts";
import { openFetcher } from "../http/openFetcher.ts";
import { createRateLimiter } from "../http/rateLimiter.ts";
import { oneAtATime } from "../source/oneAtATime.ts";
import { type DataDir, dataDirAt, relayDirOf } from "../store/dataDir.ts";
import { refuseLinks } from "../store/links.ts";
import { type Lock, takeLock } from "../store/lock.ts";
import { openDataDir } from "../store/openDataDir.ts";
import { sweepUnfinished } from "../store/withDataDir.ts";
import type { CatalogObject } from "../tree/catalog.ts";
import { Admission } from "./admission.ts";
import { createRoom } from "./diskSpace.ts";
import { createFillProgress } from "./fill/fillProgress.ts";
import { Holdup } from "./fill/holdup.ts";
import { createLacking } from "./fill/lacking.ts";
import { Objects } from "./fill/objects.ts";
import { fillAhead } from "./fill/prefetch.ts";
import { createUpstreams } from "./fill/upstreams.ts";
import { type MetricsPage, renderMetrics } from "./metrics.ts";
import { openMirror } from "./mirror/mirror.ts";
import type { MirrorState } from "./mirror/repositoryCopy.ts";
import { leastReaderRate } from "./readerRate.ts";
import { createServe } from "./serve.ts";
import { newStats, type RelayStats } from "./stats.ts";

export interface RelayOptions {
  config: Config;
  /** This agent's id; a pseudonym made of it stands in `Via`. */
  agentId: string;
  /** What the role was granted for. */
  kinds: Kind[];
  log: Log;
  /** Why nobody can reach this agent; undefined when they can. */
  whyUnreached?: () => string | undefined;
}

/** What people and monitors are told of an Update Agent. */
export interface RelayHealth {
  serving: boolean;
  /** Why it does not serve. */
  reason?: string;
  kinds: Kind[];
  repositories: Partial<Record<Repository, MirrorState>>;
  /** Objects of the newest releases: those that are held, those that are not yet, and of these the ones on their way. */
  held: number;
  missing: number;
  filling: number;
  /** Bytes that are missing, how many come in a second, and how long (s) that takes; absent while unknown. */
  missingBytes: number;
  fillRate?: number;
  secondsLeft?: number;
  /** Object transfers under way. */
  transfers: number;
  /** Free disk in bytes. */
  free: number;
}

/** An Update Agent (docs/design.md §7): a verified copy of what was granted, and who it serves. */
export interface Relay {
  /** Answers one request. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Changes what is granted; with nothing, nothing is served. */
  grant(kinds: Kind[]): void;
  /**
   * Asks upstream for what is new, and fetches the newest releases ahead of demand. It ends when there is
   * no more to be had; what fails is logged and tried again by the next. One at a time: those who ask
   * meanwhile share the one that follows.
   */
  refresh(): Promise<void>;
  health(): RelayHealth;
  stats(): Readonly<RelayStats>;
  metrics(): Promise<MetricsPage>;
  close(): Promise<void>;
}

/**
 * Takes the role: opens the Update Agent's own data directory, `<dataDir>/relay`, and serves what is
 * there and verifies. It fetches nothing before the first `refresh`, but for what clients ask for.
 *
 * @throws NearsourceError LOCKED, TRUST_ROOT_INVALID, CONFIG_INVALID, and of the storage phase
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { config } = options;
  const own = dataDirAt(config.dataDir);
  await openDataDir(config.dataDir);
  const dirs = await openDataDir(relayDirOf(config.dataDir));
  const lock = await takeLock(dirs.root);
  let fetcher: Fetcher | undefined;
  try {
    await refuseLinks(dirs);
    await sweepUnfinished(dirs);
    fetcher = await openFetcher(config);
    return await runRelay(options, own, dirs, lock, fetcher);
  } catch (error) {
    fetcher?.close();
    lock.release();
    throw error;
  }
}

async function runRelay(
  { config, agentId, log, kinds: granted, whyUnreached = () => undefined }: RelayOptions,
  own: DataDir,
  dirs: DataDir,
  lock: Lock,
  fetcher: Fetcher,
): Promise<Relay> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const stats = newStats();
  const pseudonym = `nearsource-${createHash("sha256").update(agentId).digest("hex").slice(0, 16)}`;
  const room = createRoom(dirs.root, config.relay.minFree, (enough) => {
    if (enough) log.info("there is room again: this Update Agent serves");
    else log.warn(`${noRoom()}: this Update Agent does not serve until there is`);
    if (enough) void refresh();
  });
  const noRoom = () => `${dirs.root} has less than ${formatBytes(config.relay.minFree)} free (relay.minFree)`;
  const upstreams = createUpstreams(config, own, agentId, log);
  const progress = createFillProgress();
  const lacking = createLacking();
  const shared = { dirs, own, fetcher, upstreams, room, stats, signal, pseudonym };
  const fills = { lacking, received: progress.received, inTurn: oneAtATime() };
  const objects = new Objects({ ...shared, ...fills }, log);
  let kinds = sortKinds(granted);
  const isHeld = (object: CatalogObject) => objects.isHeld(object);
  const onChange = () => {
    // What a newer publication has replaced before it was announced, the link need not carry to its end.
    objects.abandonOthers(mirror.objects(false).filter(({ current }) => current));
    void refill();
  };
  const mirror = await openMirror({ ...shared, config, log, isHeld, onChange }, kinds);
  await upstreams.reload();
  await objects.look(mirror.objects(true));
  await room.look();
  const limits = { ...config.relay };
  const lookAtPolicies = async () => {
    limits.minRate = await leastReaderRate(config, [own, dirs]);
  };
  await lookAtPolicies();
  const admission = new Admission(limits, stats);
  const limiter = createRateLimiter(() => rateAt(config.relay.rateLimit, new Date()));
  const isOpen = () => room.isEnough();
  const holdup = new Holdup({ mirror, objects, progress, maxLag: config.relay.maxLag, log });
  const fillRate = progress.rate;
  const parts = { mirror, objects, admission, limiter, stats, isOpen, pseudonym, signal, holdup, fillRate };
  const handle = createServe(parts);
  let again: NodeJS.Timeout | undefined;

  /** Fetches what the newest publication names and is not here; sweeps what nobody is answered with any more. */
  const refill = shareNext(async () => {
    clearTimeout(again);
    try {
      await objects.look(mirror.objects(true));
      await mirror.announce();
      // What came before a restart is of a publication that is to be learnt again.
      if (mirror.hasHeard()) await objects.keepOnly(mirror.objects(true));
      await fillAhead(() => mirror.objects(false), objects, log, signal);
      await mirror.announce();
    } finally {
      if (mirror.aheadSince("content") !== undefined && !signal.aborted) {
        holdup.state();
        again = setTimeout(() => void refill(), FILL_AGAIN).unref();
      }
    }
  }, mayFill);
  const learn = shareNext(async () => {
    await mirror.refresh();
    await lookAtPolicies();
  }, mayFill);
  /** What is new is learnt while what was learnt before is still coming. */
  const refresh = async () => {
    await learn();
    await refill();
  };
  return {
    handle,
    grant(wanted) {
      const sorted = sortKinds(wanted);
      if (sorted.join() === kinds.join()) return;
      kinds = sorted;
      mirror.grant(kinds);
      log.info(`this Update Agent serves ${kinds.join(", ") || "nothing"}`);
      void refresh();
    },
    refresh,
    health,
    stats: () => stats,
    metrics: () => renderMetrics(stats, health()),
    async close() {
      stopping.abort();
      clearTimeout(again);
      admission.close();
      await objects.close();
      fetcher.close();
      lock.release();
    },
  };

  async function mayFill(work: () => Promise<void>): Promise<void> {
    try {
      if (kinds.length > 0 && !signal.aborted && (await room.look())) await work();
    } catch (error) {
      if (!signal.aborted) log.error(`this Update Agent could not refresh: ${explainError(error)}`);
    }
  }

  function health(): RelayHealth {
    const enough = room.isEnough();
    const isLate = holdup.state()?.state === "late";
    const late = isLate ? "it could not fetch what is newest in time" : undefined;
    const hindered = enough ? (late ?? whyUnreached()) : noRoom();
    const reason = kinds.length === 0 ? "the role is not granted" : hindered;
    const newest = mirror.objects(false).filter(({ current }) => current);
    const missing = newest.filter((each) => !objects.isHeld(each));
    const missingBytes = objects.missing(missing);
    const rate = progress.rate();
    return {
      serving: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      kinds,
      repositories: mirror.describe(),
      held: newest.length - missing.length,
      missing: missing.length,
      missingBytes,
      ...(rate === undefined || missingBytes === 0
        ? {}
        : { fillRate: Math.round(rate), secondsLeft: Math.ceil(missingBytes / rate) }),
      filling: objects.filling(),
      transfers: stats.active,
      free: room.free(),
    };
  }
}

/** What could not be fetched for an announcement is tried again after so long (ms). */
const FILL_AGAIN = 15_000;

/** `work` within `guard`, one at a time: whoever asks while it is under way shares the next. */
function shareNext(
  work: () => Promise<void>,
  guard: (work: () => Promise<void>) => Promise<void>,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = () => {
    running = guard(work).finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running.then(() => {
      next = undefined;
      return start();
    });
    return next;
  };
}
