import { NO_RELEASES, type Releases } from "../../core/settings/rollout.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { readTrustedSet, type TrustedSet } from "../../tuf/trustedSet.ts";
import { releasesInForce } from "../../update/settings/settings.ts";

/** Rollouts by the settings of a data directory; those that cannot be read say nothing. */
export async function releasesHeldIn(dirs: DataDir): Promise<Releases> {
  const set = await readTrustedSet(dirs, "settings").catch(() => undefined);
  return set === undefined ? NO_RELEASES : releasesInForce(set);
}

/** The newer of those known already and those of a set. */
export function newerReleases(known: Releases, set: TrustedSet | undefined): Releases {
  const other = releasesInForce(set);
  return other.version > known.version ? other : known;
}
