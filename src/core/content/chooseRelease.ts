import type { Rollout } from "../settings/rollout.ts";
import type { ContentKind } from "./kind.ts";
import type { Manifest, ManifestFile, Release } from "./manifest.ts";
import { type StagedAgent, stageOf } from "./stages.ts";

/** A component as it is installed. */
export interface InstalledComponent {
  kind: ContentKind;
  name: string;
  release: number;
  version: string;
  files: ManifestFile[];
}

/** Reasons why a component stays as it is. */
export type KeepReason =
  | "current"
  | "newer than offered"
  | "held by policy"
  | "held after a failure"
  | "held after a rollback"
  | "held for a stage"
  | "held until the server has seen it"
  | "halted"
  | "pinned";

/** The release that an agent would have, were it not held back. */
export interface HeldBack {
  release: number;
  /** Absent for a pin that is not offered. */
  version?: string;
  reason: KeepReason;
  /** Number of the stage that the agent is in, from 1; absent where it is in none. */
  stage?: number;
  /** When that stage comes, in ms since the epoch. */
  from?: number;
  /** The release that is pinned. */
  pin?: number;
  /** The reason of a halt, as the server gave it. */
  why?: string;
}

/** The decision about one component. */
export type Target = (
  | { action: "install"; release: Release }
  | { action: "keep"; reason: KeepReason }
  | { action: "unavailable"; reason: string }
) & {
  /** The newest release, where it is not for this agent, or not yet. */
  heldBack?: HeldBack;
  /** When the decision will be another although nothing was published, in ms since the epoch. */
  due?: number;
};

/** All that may hold a release back. */
export interface Holds {
  /** The release that the policy holds. */
  policy?: number | undefined;
  /** The release that failed or was rolled back here. */
  failed?: number | undefined;
  rolledBack?: boolean | undefined;
  /** The rollout of the component; undefined where its releases are for everybody at once. */
  staging?: Staging | undefined;
}

export interface Staging {
  rollout: Rollout;
  agent: StagedAgent;
  /** Milliseconds since the epoch, never before the clock's floor. */
  now: number;
}

/**
 * The release to have of a component, given its signed manifest, the installed release, and all that may hold a
 * release back.
 *
 * Without a hold the highest release is current, and a lower one is never installed: a rollback of content is
 * a new publication under a higher number (docs/design.md §3). A policy's hold is obeyed both ways, before all
 * else; then a pin of the site's (§8.1). Of the others, the highest that is not halted and whose stage has come
 * for this agent counts as the highest. A release that is held for the agent and installed all the same stays.
 */
export function target(manifest: Manifest, installed: InstalledComponent | undefined, holds: Holds): Target {
  if (holds.policy !== undefined) return heldTarget(manifest, installed, holds.policy);
  const [newest] = manifest.releases;
  if (newest === undefined) return { action: "unavailable", reason: "the manifest lists no release" };
  const pin = holds.staging?.rollout.pin;
  if (pin !== undefined) return pinnedTarget(manifest, installed, { ...holds, pin });
  const { release, held, due } = entitled(manifest, holds.staging);
  const timed = due === undefined ? {} : { due };
  if (installed !== undefined && newest.release <= installed.release) {
    if (newest.release < installed.release) return { action: "keep", reason: "newer than offered" };
    if (held?.reason === "halted") return { action: "keep", reason: "halted", heldBack: held };
    return { action: "keep", reason: "current" };
  }
  const more = held === undefined ? timed : { heldBack: held, ...timed };
  if (release === undefined || (installed !== undefined && release.release <= installed.release)) {
    return { action: "keep", reason: held?.reason ?? "current", ...more };
  }
  if (holds.failed !== undefined && release.release <= holds.failed) {
    return { action: "keep", reason: heldHere(holds), ...more };
  }
  return { action: "install", release, ...more };
}

function heldHere({ rolledBack }: Holds): KeepReason {
  return rolledBack ? "held after a rollback" : "held after a failure";
}

function heldTarget(manifest: Manifest, installed: InstalledComponent | undefined, held: number): Target {
  if (installed?.release === held) return { action: "keep", reason: "held by policy" };
  const release = manifest.releases.find((each) => each.release === held);
  if (release !== undefined) return { action: "install", release };
  return { action: "unavailable", reason: `release ${held}, which the policy holds, is not offered` };
}

/** A pin is obeyed both ways, as long as the vendor still offers that release; else everything stays. */
function pinnedTarget(
  { releases }: Manifest,
  installed: InstalledComponent | undefined,
  holds: Holds & { pin: number },
): Target {
  const { pin } = holds;
  const [newest] = releases;
  const release = releases.find((each) => each.release === pin);
  if (release === undefined && installed?.release !== pin) {
    return { action: "keep", reason: "pinned", heldBack: { release: pin, reason: "pinned", pin } };
  }
  const isOlder = newest !== undefined && newest.release > pin;
  const more = isOlder ? { heldBack: { ...named(newest), reason: "pinned" as const, pin } } : {};
  if (release === undefined || installed?.release === pin) {
    return { action: "keep", reason: "pinned", ...more };
  }
  if (holds.failed === pin) return { action: "keep", reason: heldHere(holds), ...more };
  return { action: "install", release, ...more };
}

/** The highest release that is for the agent now, why the highest of all is not, and when that changes. */
function entitled(manifest: Manifest, staging: Staging | undefined) {
  const { releases } = manifest;
  if (staging === undefined) return { release: releases[0] };
  const component = `${manifest.kind}/${manifest.name}`;
  let held: HeldBack | undefined;
  let due: number | undefined;
  for (const release of releases) {
    const why = whyHeldBack(release, component, staging);
    if (why === undefined) return { release, held, due };
    held ??= why;
    if (why.from !== undefined) due = Math.min(due ?? why.from, why.from);
  }
  return { held, due };
}

function whyHeldBack(release: Release, component: string, staging: Staging): HeldBack | undefined {
  const { stages, seen, halted } = staging.rollout;
  const halt = halted.find((each) => each.release === release.release);
  if (halt !== undefined) {
    const why = halt.reason === undefined ? {} : { why: halt.reason };
    return { ...named(release), reason: "halted", ...why };
  }
  if (stages.length === 0) return undefined;
  const first = seen.find((each) => each.release === release.release);
  if (first === undefined) return { ...named(release), reason: "held until the server has seen it" };
  const own = stageOf(stages, component, staging.agent);
  if (own === undefined) return { ...named(release), reason: "held for a stage" };
  const from = first.at + own.stage.after;
  if (from <= staging.now) return undefined;
  return { ...named(release), reason: "held for a stage", stage: own.number, from };
}

function named({ release, version }: Release): { release: number; version: string } {
  return { release, version };
}

/**
 * A release that is held back, in words: "release 43 is for stage 2, from Tue 24 Nov 14:05".
 *
 * @param moment words for a time in ms
 */
export function describeHeldBack(held: HeldBack, moment: (time: number) => string): string {
  const release = `release ${held.release}`;
  switch (held.reason) {
    case "halted":
      return `${release} is halted${held.why === undefined ? "" : `: ${held.why}`}`;
    case "pinned":
      return held.pin === held.release
        ? `${release} is pinned, and is not offered`
        : `${release} waits, since release ${held.pin} is pinned`;
    case "held until the server has seen it":
      return `${release} is not in the settings yet: the server has to see it first`;
    case "held for a stage":
      return held.from === undefined
        ? `${release} is for no stage that this agent is in`
        : `${release} is for stage ${held.stage}, from ${moment(held.from)}`;
    default:
      return `${release} is ${held.reason}`;
  }
}
