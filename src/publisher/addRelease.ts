import type { ContentKind } from "../core/kind.ts";
import { manifestTarget } from "../core/layout.ts";
import type { Release } from "../core/manifest.ts";
import { NearsourceError } from "../errors.ts";
import { encodeManifest, readReleases } from "./manifest.ts";
import { storeObject } from "./objects.ts";
import { listPayload, type PayloadFile, refuseKeysAsPayload } from "./payload.ts";
import { roleOf } from "./publication.ts";
import { type PublisherOptions, type Session, withRepository } from "./repository.ts";
import { checkComponentName, publishTarget, retiredReleases } from "./target.ts";

export interface AddReleaseOptions extends PublisherOptions {
  kind: ContentKind;
  name: string;
  /** For people; machines compare `release`. */
  version: string;
  /** A file, or a folder whose files make the release together. */
  path: string;
  /** The highest so far plus one by default. */
  release?: number | undefined;
  /** How many releases the manifest keeps; 5 by default. */
  keep?: number | undefined;
}

export interface AddedRelease {
  release: number;
  files: number;
  /** Bytes of the release as installed. */
  bytes: number;
  warnings: string[];
}

/**
 * Publishes a release of a component: its files become objects, its manifest a target of the role
 * `components` or `programs`.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID naming what is wrong with the release; nothing is
 *   changed then. Also REPOSITORY_INVALID, KEY_INVALID, LOCKED, storage errors.
 */
export async function addRelease(options: AddReleaseOptions): Promise<AddedRelease> {
  const { kind, version, keep = 5 } = options;
  const component = { kind, name: checkComponentName(options.name) };
  if (!Number.isInteger(keep) || keep < 1 || keep > 1_000) {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", "the number of releases to keep is 1 to 1000");
  }
  const payload = await listPayload(options.path);
  return withRepository(options, "content", async (session) => {
    await refuseKeysAsPayload(session.location, options.path);
    const role = roleOf(session.publication, kind);
    const target = manifestTarget(kind, component.name);
    const published = await readReleases(session.location, role, component);
    const highest = Math.max(published[0]?.release ?? 0, retiredReleases(role.signed.toJSON())[target] ?? 0);
    const release = chooseRelease(options.release, highest, target);
    // Whatever the manifest would be refused for is found before a byte is copied.
    encodeManifest(component, [{ release, version, files: payload.map(withoutBytes) }]);

    const added: Release = { release, version, files: await storeFiles(session, payload) };
    const manifest = encodeManifest(component, [added, ...published].slice(0, keep));
    await publishTarget(session, kind, target, manifest);
    return { release, files: added.files.length, bytes: sizeOf(added) };
  });
}

function chooseRelease(wanted: number | undefined, highest: number, target: string): number {
  const release = wanted ?? highest + 1;
  if (release > highest) return release;
  throw new NearsourceError(
    "REPOSITORY_INPUT_INVALID",
    `release ${release} of ${target} is not above ${highest}, the highest there ever was`,
    { hint: "a release number never goes back: publish older content under a higher one" },
  );
}

function withoutBytes(file: PayloadFile) {
  return { path: file.path, length: 0, sha256: "0".repeat(64) };
}

async function storeFiles(session: Session, payload: PayloadFile[]): Promise<Release["files"]> {
  const files: Release["files"] = [];
  for (const { path, source } of payload) {
    files.push({ path, ...(await storeObject(session.location, source, session.onFile)) });
  }
  return files;
}

function sizeOf(release: Release): number {
  return release.files.reduce((sum, file) => sum + file.length, 0);
}
