import type { ContentKind } from "../core/content/kind.ts";
import { manifestTarget } from "../core/content/layout.ts";
import { parseComponentName, type Release } from "../core/content/manifest.ts";
import { NearsourceError } from "../errors.ts";
import { documentTarget } from "./repository/checkDocument.ts";
import { roleOf } from "./repository/publication.ts";
import { publishNext } from "./repository/publish.ts";
import { type ComponentName, isTargetMissing, readReleases } from "./repository/releases.ts";
import { type PublisherOptions, type Session, withRepository } from "./repository/session.ts";
import { describeBytes, type Json } from "./repository/signedParts.ts";

/** Agents read a target whole; beyond this many bytes the publisher warns. */
const LARGE_TARGET = 524_288;

/** A target to publish, a new one or in place of the one before. */
export interface NewTarget {
  /** The role that signs it. */
  role: string;
  target: string;
  bytes: Buffer;
  /** Highest release of a manifest: it is signed beside it, and known also when the manifest is lost. */
  release?: number;
}

/** Publishes targets, all in one publication. */
export async function publishTargets(session: Session, targets: NewTarget[]): Promise<void> {
  const roles = new Map<string, Json>();
  for (const { role, target, bytes, release } of targets) {
    if (bytes.length > LARGE_TARGET) {
      session.warnings.push(`${target} is ${bytes.length} bytes; beyond ${LARGE_TARGET} updates become slow`);
    }
    const signed = roles.get(role) ?? roleOf(session.publication, role).signed.toJSON();
    const custom = release === undefined ? {} : { custom: { release } };
    const listed = signed.targets as Record<string, unknown>;
    listed[target] = { ...describeBytes(bytes), ...custom };
    roles.set(role, signed);
  }
  await publishNext(session, {
    roles,
    files: new Map(targets.map(({ target, bytes }) => [target, bytes])),
  });
}

export interface RemoveTargetOptions extends PublisherOptions {
  kind: ContentKind | "settings";
  name: string;
}

/**
 * Takes a component or a settings document out of the repository. A component that comes back later
 * goes on above its last release number.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID when it is not there
 */
export async function removeTarget(options: RemoveTargetOptions): Promise<{ warnings: string[] }> {
  const { kind, name } = options;
  const target = kind === "settings" ? documentTarget(name) : manifestTarget(kind, checkComponentName(name));
  return withRepository(options, kind === "settings" ? "settings" : "content", async (session) => {
    const role = roleOf(session.publication, kind);
    if (role.signed.targets[target] === undefined) {
      throw new NearsourceError("REPOSITORY_INPUT_INVALID", `${kind}/${name} is not published here`, {
        hint: "list what is with: nearsource repo show",
      });
    }
    const signed = role.signed.toJSON();
    const { [target]: _, ...targets } = signed.targets as Json;
    const next: Json = { ...signed, targets };
    if (kind !== "settings") {
      const { highest, isMissing } = await readPublished(session, { kind, name });
      if (highest === undefined) throw releaseUnknown(target);
      if (isMissing) session.warnings.push(`the manifest ${target} was missing`);
      next.retired = { ...retiredReleases(signed), [target]: highest };
    }
    await publishNext(session, { roles: new Map([[kind, next]]) });
    return {};
  });
}

/** The published manifest of a component, and the highest release number there ever was. */
export interface Published {
  /** Highest first. */
  releases: Release[];
  /** 0 if there was none; undefined if it is no longer known. */
  highest: number | undefined;
  /** The manifest is listed, and its file is gone: the published releases are not known. */
  isMissing: boolean;
}

/**
 * Reads the published manifest of a component.
 *
 * @throws NearsourceError REPOSITORY_INVALID when its manifest was altered
 */
export async function readPublished(session: Session, component: ComponentName): Promise<Published> {
  const { location, publication } = session;
  const role = roleOf(publication, component.kind);
  const target = manifestTarget(component.kind, component.name);
  const retired = retiredReleases(role.signed.unrecognizedFields)[target] ?? 0;
  if (await isTargetMissing(location, role, target)) {
    const { release } = (role.signed.targets[target]?.custom ?? {}) as { release?: number };
    return { releases: [], highest: release, isMissing: true };
  }
  const releases = await readReleases(location, role, component);
  return { releases, highest: Math.max(releases[0]?.release ?? 0, retired), isMissing: false };
}

/** The error where the number of the next release would be a guess. */
export function releaseUnknown(target: string): NearsourceError {
  return new NearsourceError(
    "REPOSITORY_INVALID",
    `the manifest ${target} is missing, and its release numbers with it`,
    {
      hint: "put it back from a backup of the web root, or publish it again with --release N above all before",
    },
  );
}

/** Highest releases of components that were removed, by target; a field of ours in the role's metadata. */
function retiredReleases(signed: { retired?: unknown }): Record<string, number> {
  return (signed.retired ?? {}) as Record<string, number>;
}

/**
 * `name` itself, if a component may have it.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID with the reason
 */
export function checkComponentName(name: string): string {
  try {
    return parseComponentName(name);
  } catch (error) {
    throw new NearsourceError(
      "REPOSITORY_INPUT_INVALID",
      `${JSON.stringify(name)} ${(error as Error).message}`,
    );
  }
}
