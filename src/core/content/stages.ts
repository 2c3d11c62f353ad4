import type { Rollout, Stage } from "../settings/rollout.ts";

/** An agent, as far as stages depend on it. */
export interface StagedAgent {
  /** Empty for one that has none yet: it is behind all others. */
  id: string;
  domain: string;
}

/** Place of an agent without an id: in no stage but those for all of a domain or a fleet. */
const LAST = 99.999_999_999;

/**
 * Place of an agent among those that a component is for, from 0 up to but not including 100: it is in the first
 * `percent` of a stage when its place is below that. The same agent has the same place for every release of a
 * component, and another for the next component, so that not the same machines are always first. FNV-1a over
 * the UTF-16 units of `<kind>/<name>`, a line feed and the id, its bits then mixed as MurmurHash3 does: the same
 * on an agent, a server and in a browser (docs/releases.md has an example to test another program by).
 */
export function placeInPercent(component: string, id: string): number {
  if (id === "") return LAST;
  const text = `${component}\n${id}`;
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000) * 100;
}

/** Whether a stage is for the agents of a domain at a place in the percent. */
export function isInStage({ domains, percent }: Stage, domain: string, place: number): boolean {
  return place < percent && (domains === undefined || domains.includes(domain));
}

/** Number, from 1, of the first stage that an agent is in, with that stage; undefined where it is in none. */
export function stageOf(
  stages: readonly Stage[],
  component: string,
  { id, domain }: StagedAgent,
): { number: number; stage: Stage } | undefined {
  const place = placeInPercent(component, id);
  const index = stages.findIndex((each) => isInStage(each, domain, place));
  const stage = stages[index];
  return stage === undefined ? undefined : { number: index + 1, stage };
}

/**
 * The releases of a component that some agent may ask for, now or when the next stage comes: from the newest
 * that is not halted down to the first that is open to every agent; of a pin, that release alone. An Update
 * Agent has these before it announces (docs/releases.md).
 *
 * @param offered numbers of the releases on offer, highest first
 * @param now milliseconds since the epoch
 */
export function wantedReleases(
  offered: readonly number[],
  rollout: Rollout | undefined,
  now: number,
): Set<number> {
  if (rollout?.pin !== undefined && offered.includes(rollout.pin)) return new Set([rollout.pin]);
  const wanted = new Set<number>();
  for (const release of offered) {
    if (rollout?.halted.some((each) => each.release === release)) continue;
    wanted.add(release);
    if (isOpenToAll(rollout, release, now)) break;
  }
  return wanted;
}

function isOpenToAll(rollout: Rollout | undefined, release: number, now: number): boolean {
  if (rollout === undefined || rollout.stages.length === 0) return true;
  const seen = rollout.seen.find((each) => each.release === release);
  const whole = rollout.stages.find(({ domains, percent }) => domains === undefined && percent === 100);
  return seen !== undefined && whole !== undefined && seen.at + whole.after <= now;
}
