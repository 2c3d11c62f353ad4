import type { Brought, RefreshMeans } from "../source/refreshRepository.ts";
import type { Source } from "../source/source.ts";
import { raiseClockFloor } from "../tuf/clock.ts";
import { describeRole, type TrustedSet, writeTrustedSet } from "../tuf/trustedSet.ts";
import { presentOf, type Run } from "./run.ts";

/** The means with which a run refreshes a repository. */
export function meansOf(run: Run, trusted: TrustedSet, source: Source): RefreshMeans {
  const { fetcher, now, signal, state } = run;
  return { fetcher, now, signal, etag: state.etags[etagKey(trusted, source)] };
}

/**
 * Key of the ETag of a source's timestamp in the state. An ETag only speaks of the timestamp it came with,
 * and a run that died may have left a newer one trusted: so that one's version is part of the key.
 */
function etagKey({ repository, files }: TrustedSet, source: Source): string {
  return `${repository} ${describeRole(files.get("timestamp.json"))?.version ?? 0} ${source.url}`;
}

/**
 * Makes the set that a source brought the trusted one, if anything in it is new, and remembers when it was
 * confirmed, the source's ETag, and the signing time as a floor for the clock. Nothing else in a run writes
 * these.
 *
 * @throws NearsourceError of the storage phase
 */
export async function keepRefreshed(run: Run, source: Source, { set, etag }: Brought): Promise<void> {
  const { state, trusted, now } = run;
  const { repository, files } = set;
  if (set !== trusted[repository]) {
    trusted[repository] = await writeTrustedSet(run.dirs, repository, set, run.signal);
  }
  state.fresh[repository] = presentOf(run).toISOString();
  const others = Object.entries(state.etags).filter(([key]) => !key.startsWith(`${repository} `));
  const own = etag === undefined ? [] : [[etagKey(set, source), etag]];
  state.etags = Object.fromEntries([...others, ...own]);
  const timestamp = describeRole(files.get("timestamp.json"));
  if (timestamp === undefined) return;
  raiseClockFloor(state, timestamp.signedAt, now);
  // A timestamp seen before stays as it was: its life does not begin again with every look at it.
  if (state.timestamps?.[repository]?.version === timestamp.version) return;
  const from = Date.parse(timestamp.signedAt ?? now.toISOString());
  const youngUntil = new Date((from + Date.parse(timestamp.expires)) / 2).toISOString();
  state.timestamps = { ...state.timestamps, [repository]: { version: timestamp.version, youngUntil } };
}
