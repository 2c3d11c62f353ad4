import type { ContentKind } from "./kind.ts";
import type { Manifest, ManifestFile, Release } from "./manifest.ts";

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
  | "held after a rollback";

/** The decision about one component. */
export type Target =
  | { action: "install"; release: Release }
  | { action: "keep"; reason: KeepReason }
  | { action: "unavailable"; reason: string };

/**
 * The release to have of a component, given its signed manifest, the installed release, the release that the
 * policy holds, and the release that failed or was rolled back here.
 *
 * Without a hold the highest release is current, and a lower one is never installed: a rollback of content is
 * a new publication under a higher number (docs/design.md §3). A policy's hold is obeyed both ways.
 */
export function target(
  manifest: Manifest,
  installed: InstalledComponent | undefined,
  holds: { policy?: number | undefined; failed?: number | undefined; rolledBack?: boolean | undefined },
): Target {
  if (holds.policy !== undefined) return heldTarget(manifest, installed, holds.policy);
  const [newest] = manifest.releases;
  if (newest === undefined) return { action: "unavailable", reason: "the manifest lists no release" };
  if (installed !== undefined && newest.release === installed.release) {
    return { action: "keep", reason: "current" };
  }
  if (installed !== undefined && newest.release < installed.release) {
    return { action: "keep", reason: "newer than offered" };
  }
  if (holds.failed !== undefined && newest.release <= holds.failed) {
    return { action: "keep", reason: holds.rolledBack ? "held after a rollback" : "held after a failure" };
  }
  return { action: "install", release: newest };
}

function heldTarget(manifest: Manifest, installed: InstalledComponent | undefined, held: number): Target {
  if (installed?.release === held) return { action: "keep", reason: "held by policy" };
  const release = manifest.releases.find((each) => each.release === held);
  if (release !== undefined) return { action: "install", release };
  return { action: "unavailable", reason: `release ${held}, which the policy holds, is not offered` };
}
