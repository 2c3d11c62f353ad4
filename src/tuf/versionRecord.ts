import type { Repository } from "../core/content/layout.ts";
import type { HeldTimestamp } from "../store/state/stateFormat.ts";

/** A version record (docs/configuration.md): the version of each repository's newest timestamp. */
export type VersionRecord = Partial<Record<Repository, number>>;

/** Writes `content=12;settings=7`. */
export function formatVersionRecord(record: VersionRecord): string {
  const known = (["content", "settings"] as const).filter((repository) => record[repository] !== undefined);
  return known.map((repository) => `${repository}=${record[repository]}`).join(";");
}

/** Reads `content=12;settings=7`; parts that are not of that form say nothing. */
export function parseVersionRecord(text: string): VersionRecord {
  const record: VersionRecord = {};
  for (const part of text.split(";")) {
    const [, name, version] = /^\s*(content|settings)=(\d{1,15})\s*$/.exec(part) ?? [];
    if (name !== undefined) record[name as Repository] = Number(version);
  }
  return record;
}

/**
 * Whether a version record says that nothing is newer than the held metadata, for each of `repositories`. It
 * comes over DNS and proves nothing: it can only spare a run, and only while the held metadata is younger
 * than half its life. So a forged record delays an update by that at most.
 */
export function saysNothingNewer(
  record: VersionRecord,
  held: Partial<Record<Repository, HeldTimestamp>>,
  repositories: Repository[],
  now: Date,
): boolean {
  return repositories.every((repository) => {
    const said = record[repository];
    const known = held[repository];
    if (said === undefined || known === undefined) return false;
    return said <= known.version && now < new Date(known.youngUntil);
  });
}
