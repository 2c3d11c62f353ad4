import type { Kind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import type { DiskSpace } from "./diskSpace.ts";
import type { AnnouncementDelay } from "./fill/announcementDelay.ts";
import type { FillProgress } from "./fill/fillProgress.ts";
import type { Objects } from "./fill/objects.ts";
import type { Mirror } from "./mirror/mirror.ts";
import type { MirrorState } from "./mirror/repositoryCopy.ts";
import type { RelayStats } from "./stats.ts";

/** The health of an Update Agent, for people and monitors. */
export interface RelayHealth {
  serving: boolean;
  /** The reason why it does not serve. */
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

export interface HealthParts {
  mirror: Mirror;
  objects: Objects;
  delay: AnnouncementDelay;
  progress: FillProgress;
  stats: RelayStats;
  space: DiskSpace;
  /** There is too little of it, in words. */
  noSpace: string;
  /** The reason why nobody can reach this agent; undefined when they can. */
  whyUnreached(): string | undefined;
}

export function relayHealth(parts: HealthParts): RelayHealth {
  const { mirror, objects, progress, stats, space } = parts;
  const reason = whyNotServing(parts);
  const newest = mirror.objects(false).filter(({ current }) => current);
  const missing = newest.filter((each) => !objects.isHeld(each));
  const missingBytes = objects.missing(missing);
  const rate = progress.rate();
  return {
    serving: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    kinds: [...mirror.kinds],
    repositories: mirror.describe(),
    held: newest.length - missing.length,
    missing: missing.length,
    missingBytes,
    ...(rate === undefined || missingBytes === 0
      ? {}
      : { fillRate: Math.round(rate), secondsLeft: Math.ceil(missingBytes / rate) }),
    filling: objects.filling(),
    transfers: stats.active,
    free: space.free(),
  };
}

function whyNotServing({ mirror, delay, space, noSpace, whyUnreached }: HealthParts): string | undefined {
  const isLate = delay.state()?.state === "late";
  if (mirror.kinds.length === 0) return "the role is not granted";
  if (!space.isEnough()) return noSpace;
  return isLate ? "it could not fetch what is newest in time" : whyUnreached();
}
