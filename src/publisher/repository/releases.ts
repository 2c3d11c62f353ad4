import { promises as fs } from "node:fs";
import path from "node:path";
import type { Metadata, Targets } from "@tufjs/models";
import type { ContentKind } from "../../core/content/kind.ts";
import { hashedTargetPath, manifestTarget } from "../../core/content/layout.ts";
import { parseManifest, type Release } from "../../core/content/manifest.ts";
import { objectsOf } from "../../core/content/manifestObjects.ts";
import { DocumentError } from "../../core/document.ts";
import { NearsourceError } from "../../errors.ts";
import { sha256 } from "../../store/sha256.ts";
import type { Location } from "./location.ts";
import { exists } from "./placeFile.ts";

/** A component by kind and name. */
export interface ComponentName {
  kind: ContentKind;
  name: string;
}

/**
 * The bytes of a target that `role` lists, checked against its length and hash.
 *
 * @throws NearsourceError REPOSITORY_INVALID when the file is missing or altered
 */
export async function readTarget(
  location: Location,
  role: Metadata<Targets>,
  target: string,
): Promise<Buffer | undefined> {
  const listed = role.signed.targets[target];
  if (listed === undefined) return undefined;
  const hash = listed.hashes.sha256 ?? "";
  const file = targetFile(location, target, hash);
  const bytes = await fs.readFile(file).catch(() => undefined);
  if (bytes?.length === listed.length && sha256(bytes) === hash) return bytes;
  throw new NearsourceError("REPOSITORY_INVALID", `${file} is missing or was altered`, {
    hint: "put it back from a backup of the web root; without one, delete it, and publish it again or remove it",
  });
}

/** Whether `role` lists a target whose file is gone. */
export async function isTargetMissing(
  location: Location,
  role: Metadata<Targets>,
  target: string,
): Promise<boolean> {
  const listed = role.signed.targets[target];
  return listed !== undefined && !(await exists(targetFile(location, target, listed.hashes.sha256 ?? "")));
}

/** Path of the bytes of a target, by its hash. */
export function targetFile(location: Location, target: string, hash: string): string {
  return path.join(location.targets, ...hashedTargetPath(target, hash).split("/"));
}

/**
 * The published releases of a component, highest first; none when it is not published. Fields that this
 * program does not know are kept, so that fields of a newer one survive.
 *
 * @throws NearsourceError REPOSITORY_INVALID
 */
export async function readReleases(
  location: Location,
  role: Metadata<Targets>,
  component: ComponentName,
): Promise<Release[]> {
  const target = manifestTarget(component.kind, component.name);
  const bytes = await readTarget(location, role, target);
  if (bytes === undefined) return [];
  try {
    const manifest = JSON.parse(bytes.toString("utf8"));
    parseManifest(manifest, component);
    return (manifest.releases as Release[]).sort((a, b) => b.release - a.release);
  } catch (error) {
    throw new NearsourceError("REPOSITORY_INVALID", `the published manifest ${target} is not valid`, {
      cause: error,
    });
  }
}

/**
 * The bytes of a component's manifest, checked by the rules of agents.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID naming the place and the reason
 */
export function encodeManifest(component: ComponentName, releases: Release[]): Buffer {
  const manifest = { kind: component.kind, name: component.name, releases };
  try {
    parseManifest(manifest, component);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const what = `${component.kind}/${component.name}`;
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", `${what} cannot be published: ${error.message}`);
  }
  return Buffer.from(JSON.stringify(manifest));
}

/** SHA-256 of every object that a manifest leads to, also one with other fields. */
export function objectsOfManifest(manifest: Uint8Array): Set<string> {
  return objectsOf(JSON.parse(Buffer.from(manifest).toString("utf8")).releases);
}
