import type { ContentKind } from "../core/kind.ts";
import { DOCUMENT_LIMIT, manifestTarget } from "../core/layout.ts";
import type { ManifestFile, Release } from "../core/manifest.ts";
import { waysTo } from "../core/ways.ts";
import { NearsourceError } from "../errors.ts";
import { addAlternatives } from "./alternatives.ts";
import { type ComponentName, encodeManifest, readReleases } from "./manifest.ts";
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
  /** Deltas are made from the same file in so many earlier releases; 5 by default. */
  deltas?: number | undefined;
}

export interface AddedRelease {
  release: number;
  files: number;
  /** Bytes of the release as installed. */
  bytes: number;
  /** What an agent with the release before fetches, in bytes; as `bytes` where no delta pays. */
  bytesFromPrevious: number;
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
  const { kind, version, keep = 5, deltas = 5 } = options;
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

    const files = await storeFiles(session, payload);
    const kept = published.slice(0, keep - 1);
    const added: Release = { release, version, files: await withWays(session, files, kept, deltas) };
    const { manifest, shortened } = encodeWithinLimit(component, [added, ...kept]);
    if (shortened > 0) {
      session.warnings.push(
        `the manifest would be too long: without deltas for its ${shortened} oldest releases`,
      );
    }
    await publishTarget(session, kind, target, manifest);
    const bytesFromPrevious = sizeOf(added, published[0]?.files);
    return { release, files: files.length, bytes: sizeOf(added), bytesFromPrevious };
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

/** The files with the cheaper ways to them: those made already for the same bytes, and new ones. */
async function withWays(
  session: Session,
  files: ManifestFile[],
  published: Release[],
  deltas: number,
): Promise<ManifestFile[]> {
  const earlier = published.flatMap((release) => release.files);
  const result: ManifestFile[] = [];
  for (const file of files) {
    const { alternatives } = earlier.find(({ sha256 }) => sha256 === file.sha256) ?? {};
    const known = alternatives === undefined ? file : { ...file, alternatives };
    const isUnchanged = published[0]?.files.some(({ sha256 }) => sha256 === file.sha256) === true;
    const bases = published.slice(0, deltas).flatMap((release) => release.files.filter(isOlderThan(file)));
    const unique = [...new Map(bases.map((base) => [base.sha256, base])).values()];
    // Whatever leads to an unchanged file was made, or found not to pay, when it was new.
    const ways = isUnchanged ? (alternatives ?? []) : await addAlternatives(session, known, unique);
    result.push(ways.length === 0 ? file : { ...file, alternatives: ways });
  }
  return result;
}

function isOlderThan(file: ManifestFile): (other: ManifestFile) => boolean {
  return (other) => other.path === file.path && other.sha256 !== file.sha256;
}

/** The manifest; where it would be longer than agents read, without the deltas to the oldest releases. */
function encodeWithinLimit(component: ComponentName, releases: Release[]) {
  const oldestFirst = releases.toReversed();
  for (let without = 0; ; without++) {
    const shortened = releases.map((release) =>
      oldestFirst.indexOf(release) < without ? withoutWays(release) : release,
    );
    const manifest = encodeManifest(component, shortened);
    if (manifest.length <= DOCUMENT_LIMIT) return { manifest, shortened: without };
    if (without < releases.length) continue;
    throw new NearsourceError(
      "REPOSITORY_INPUT_INVALID",
      `the manifest of ${component.kind}/${component.name} would be ${manifest.length} bytes long, and agents read ${DOCUMENT_LIMIT}`,
      { hint: "publish fewer files in one component, or keep fewer releases with --keep" },
    );
  }
}

function withoutWays(release: Release): Release {
  return { ...release, files: release.files.map(({ alternatives: _, ...file }) => file) };
}

/** Bytes of a release as installed; or, given what is installed, as fetched. */
function sizeOf(release: Release, installed?: ManifestFile[]): number {
  const held = new Map((installed ?? []).map((file) => [file.sha256, file.length]));
  const bytesOf = (file: ManifestFile) =>
    held.has(file.sha256)
      ? 0
      : (waysTo(file, { between: new Map(), held, maxBase: Infinity, fetched: () => 0 })[0]?.bytes ??
        file.length);
  const lengths = release.files.map((file) => (installed === undefined ? file.length : bytesOf(file)));
  return lengths.reduce((sum, length) => sum + length, 0);
}
