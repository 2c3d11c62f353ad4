import type { Config } from "../../config/configSchema.ts";
import type { Kind } from "../../core/content/kind.ts";
import { kindsIn } from "../../core/content/layout.ts";
import type { NearsourceError } from "../../errors.ts";
import { withHeaders } from "../../http/client.ts";
import type { Fetcher } from "../../http/fetcher.ts";
import { viaEntry } from "../../http/via.ts";
import { inOrder, type Tried } from "../../source/inOrder.ts";
import { createPatience, revalidating, type Wait, waitingFetcher } from "../../source/patience.ts";
import type { Source } from "../../source/source.ts";
import type { Upstreams } from "../fill/upstreams.ts";
import type { RelayStats } from "../stats.ts";
import { learn } from "./learn.ts";
import { type RepositoryCopy, take } from "./repositoryCopy.ts";
import type { UpstreamState } from "./upstreamState.ts";

export interface RefreshParts {
  config: Config;
  upstreams: Upstreams;
  stats: RelayStats;
  signal: AbortSignal;
  upstream: UpstreamState;
}

/** Asks source after source, until each kind that is granted was confirmed. Returns whether something was learnt. */
export async function refreshCopy(
  { config, upstreams, stats, signal, upstream }: RefreshParts,
  copy: RepositoryCopy,
  granted: readonly Kind[],
  { fetcher, now }: { fetcher: Fetcher; now: Date },
): Promise<boolean> {
  const { repository } = copy.learned;
  const needed = new Set(kindsIn(repository, granted));
  const noticing = repository === "content" ? upstream.noticing(fetcher) : fetcher;
  let changed = false;
  const ask = async (source: Source, wanted: Kind[]): Promise<Tried> => {
    stats.upstream.refreshes++;
    const etag = copy.etag?.url === source.url ? copy.etag.value : undefined;
    try {
      const learned = await learn(copy.learned, source, wanted, { fetcher: noticing, now, signal, etag });
      if (take(copy, source.url, learned, performance.now())) changed = true;
      // One that could not ask for long itself leaves the question open.
      const isRecent = learned.age * 1_000 <= config.relay.maxStale;
      return { delivered: isRecent ? learned.kinds : [], errors: learned.failures };
    } finally {
      upstream.clear();
    }
  };
  const onErrors = (source: Source, errors: NearsourceError[]) => {
    stats.upstream.failures += errors.length;
    for (const error of errors) upstreams.failed(source, error, `refreshing ${repository}`);
  };
  await inOrder(upstreams.of([...needed]), needed, ask, { onErrors });
  return changed;
}

/**
 * Time (ms) that a refresh waits for an Update Agent upstream that fills, before it asks the next; longer if
 * the policy says so.
 */
const UPSTREAM_PATIENCE = 600_000;

/**
 * The fetcher of a refresh for all clients that ask: it waits for an Update Agent upstream that fills.
 *
 * @param via the names that the request that caused it came through
 */
export function refreshFetcher(
  { fetcher, upstreams, pseudonym }: { fetcher: Fetcher; upstreams: Upstreams; pseudonym: string },
  upstream: UpstreamState,
  via: string[],
  revalidate: boolean,
): Fetcher {
  const names = [...via, pseudonym].map(viaEntry).join(", ");
  const named = withHeaders(fetcher, { via: names });
  const patience = createPatience(Math.max(upstreams.patience(), UPSTREAM_PATIENCE));
  const onWait = ({ state }: Wait) => upstream.waitsFor(state);
  return waitingFetcher(revalidate ? revalidating(named) : named, patience, onWait, pseudonym);
}
