import type { Releases } from "../../core/settings/rollout.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { describeRole, readTrustedSet, type TrustedSet } from "../../tuf/trustedSet.ts";
import { releasesInForce } from "../../update/settings/settings.ts";

/** Rollouts, and the version of the settings' timestamp that they came with. */
export interface KnownReleases {
  releases: Releases;
  version: number;
}

/** Rollouts by a set of settings; without one, every release is for everybody. */
export function releasesOf(set: TrustedSet | undefined): KnownReleases {
  const version = describeRole(set?.files.get("timestamp.json"))?.version ?? 0;
  return { releases: releasesInForce(set), version };
}

/** Rollouts by the settings of a data directory; those that cannot be read say nothing. */
export async function releasesHeldIn(dirs: DataDir): Promise<KnownReleases> {
  return releasesOf(await readTrustedSet(dirs, "settings").catch(() => undefined));
}

/** The newer of two. */
export function newerOf(one: KnownReleases, other: KnownReleases): KnownReleases {
  return other.version > one.version ? other : one;
}
