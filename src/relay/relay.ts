import type { IncomingMessage, ServerResponse } from "node:http";
import type { Config } from "../config/configSchema.ts";
import type { Log } from "../config/log.ts";
import { formatBytes } from "../core/amounts.ts";
import { type Kind, sortKinds } from "../core/content/kind.ts";
import { rateAt } from "../core/settings/rateLimit.ts";
import type { Fetcher } from "../http/fetcher.ts";
import { openFetcher } from "../http/openFetcher.ts";
import { createRateLimiter } from "../http/rateLimiter.ts";
import { oneAtATime } from "../source/oneAtATime.ts";
import { type DataDir, dataDirAt, relayDirOf } from "../store/dataDir.ts";
import { refuseLinks } from "../store/links.ts";
import { type Lock, takeLock } from "../store/lock.ts";
import { openDataDir } from "../store/openDataDir.ts";
import { pseudonymOf } from "../store/state/identity.ts";
import { sweepUnfinished } from "../store/withDataDir.ts";
import type { CatalogObject } from "../tree/catalog.ts";
import { watchDiskSpace } from "./diskSpace.ts";
import { createAbsentObjects } from "./fill/absentObjects.ts";
import { AnnouncementDelay } from "./fill/announcementDelay.ts";
import { createFillProgress } from "./fill/fillProgress.ts";
import { Objects } from "./fill/objects.ts";
import { createUpstreams } from "./fill/upstreams.ts";
import { type MetricsPage, renderMetrics } from "./metrics.ts";
import { openMirror } from "./mirror/mirror.ts";
import { leastReaderRate } from "./readerRate.ts";
import { type HealthParts, type RelayHealth, relayHealth } from "./relayHealth.ts";
import { Admission } from "./serve/admission.ts";
import { createServe } from "./serve/serve.ts";
import { newStats, type RelayStats } from "./stats.ts";
import { Upkeep } from "./upkeep.ts";

export interface RelayOptions {
  config: Config;
  /** This agent's id; a pseudonym made of it stands in headers. */
  agentId: string;
  /** The kinds that the role was granted for. */
  kinds: Kind[];
  log: Log;
  /** The reason why nobody can reach this agent; undefined when they can. */
  whyUnreached?: () => string | undefined;
  /** Time (ms) that a client waits for a timestamp to be confirmed, by hops; for a machine whose time is not its own. */
  confirmPatience?: ((hops: number) => number) | undefined;
}

/** All that a relay works with. */
interface RelayParts extends HealthParts {
  handle: Relay["handle"];
  upkeep: Upkeep;
  admission: Admission;
  fetcher: Fetcher;
  lock: Lock;
  stopping: AbortController;
  log: Log;
}

/** An Update Agent (docs/design.md §7): a verified copy of the granted content, and its service to agents. */
export class Relay {
  /** Answers one request. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly #parts: RelayParts;

  constructor(parts: RelayParts) {
    this.handle = parts.handle;
    this.#parts = parts;
  }

  /** Changes the granted kinds; without any, nothing is served. */
  grant(wanted: Kind[]): void {
    const { mirror, log } = this.#parts;
    const kinds = sortKinds(wanted);
    if (kinds.join() === mirror.kinds.join()) return;
    mirror.grant(kinds);
    log.info(`this Update Agent serves ${kinds.join(", ") || "nothing"}`);
    void this.refresh();
  }

  /**
   * Asks upstream for newer publications, and fetches the newest releases ahead of demand. It ends when there
   * is nothing left to fetch; failures are logged and tried again by the next. One at a time: callers that
   * come meanwhile share the one that follows.
   */
  async refresh(): Promise<void> {
    await this.#parts.upkeep.refresh();
  }

  health(): RelayHealth {
    return relayHealth(this.#parts);
  }

  stats(): Readonly<RelayStats> {
    return this.#parts.stats;
  }

  async metrics(): Promise<MetricsPage> {
    return await renderMetrics(this.#parts.stats, this.health());
  }

  async close(): Promise<void> {
    const { stopping, upkeep, admission, objects, fetcher, lock } = this.#parts;
    stopping.abort();
    upkeep.stop();
    admission.close();
    await objects.close();
    fetcher.close();
    lock.release();
  }
}

/**
 * Takes the role: opens the Update Agent's own data directory, `<dataDir>/relay`, and serves the content
 * there that verifies. It fetches nothing before the first `refresh`, except objects that clients ask for.
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
    return await openRelay(options, { own, dirs, lock, fetcher });
  } catch (error) {
    fetcher?.close();
    lock.release();
    throw error;
  }
}

/** All that is open before its parts are. */
interface OpenedData {
  own: DataDir;
  dirs: DataDir;
  lock: Lock;
  fetcher: Fetcher;
}

async function openRelay(options: RelayOptions, { own, dirs, lock, fetcher }: OpenedData): Promise<Relay> {
  const { config, agentId, log, whyUnreached = () => undefined } = options;
  const { minFree, maxLag, rateLimit } = config.relay;
  const stopping = new AbortController();
  const { signal } = stopping;
  const stats = newStats();
  const noSpace = `${dirs.root} has less than ${formatBytes(minFree)} free (relay.minFree)`;
  const space = watchDiskSpace(dirs.root, minFree, (enough) => {
    if (enough) log.info("there is room again: this Update Agent serves");
    else log.warn(`${noSpace}: this Update Agent does not serve until there is`);
    if (enough) void upkeep.refresh();
  });
  const upstreams = createUpstreams(config, own, agentId, log);
  const pseudonym = pseudonymOf(agentId);
  const shared = { config, log, own, dirs, fetcher, upstreams, space, stats, signal, pseudonym };
  const progress = createFillProgress();
  const fills = { absent: createAbsentObjects(), received: progress.received, inTurn: oneAtATime() };
  const objects = new Objects({ ...shared, ...fills }, log);
  const isHeld = (object: CatalogObject) => objects.isHeld(object);
  const onChange = () => upkeep.fillNewer();
  const mirror = await openMirror(
    { ...shared, isHeld, onChange, confirmPatience: options.confirmPatience },
    sortKinds(options.kinds),
  );
  await upstreams.reload();
  await objects.look(mirror.objects(true));
  await space.look();
  const limits = { ...config.relay };
  const lookAtPolicies = async () => {
    limits.minRate = await leastReaderRate(config, [own, dirs]);
  };
  await lookAtPolicies();
  const admission = new Admission(limits, stats);
  const delay = new AnnouncementDelay({ mirror, objects, progress, maxLag, log });
  const upkeep = new Upkeep({ mirror, objects, space, delay, lookAtPolicies, signal, log });
  const limiter = createRateLimiter(() => rateAt(rateLimit, new Date()));
  const served = { mirror, objects, admission, limiter, stats, pseudonym, signal, delay };
  const isOpen = () => space.isEnough();
  const handle = createServe({ ...served, isOpen, fillRate: progress.rate });
  const parts = { mirror, objects, delay, progress, stats, space, noSpace, whyUnreached };
  return new Relay({ ...parts, handle, upkeep, admission, fetcher, lock, stopping, log });
}
