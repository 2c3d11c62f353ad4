import { statfs } from "node:fs/promises";
import { formatBytes } from "../core/amounts.ts";
import type { ContentKind } from "../core/content/kind.ts";
import { manifestTarget } from "../core/content/layout.ts";
import type { Release } from "../core/content/manifest.ts";
import { NearsourceError } from "../errors.ts";
import { checkComponentName, publishTargets, readPublished, releaseUnknown } from "./publishTargets.ts";
import { listPayload, type PayloadFile, refuseKeysAsPayload } from "./repository/payload.ts";
import { exists } from "./repository/placeFile.ts";
import {
  encodeWithinLimit,
  type FilesOptions,
  sizeOf,
  storeFiles,
  withWays,
} from "./repository/releaseFiles.ts";
import { encodeManifest } from "./repository/releases.ts";
import { type PublisherOptions, type Session, withRepository } from "./repository/session.ts";

/** A release to publish. */
export interface NewRelease {
  kind: ContentKind;
  name: string;
  /** The version for people; machines compare `release`. */
  version: string;
  /** A file, or a folder whose files make the release together. */
  path: string;
  /** The highest so far plus one by default. */
  release?: number | undefined;
}

interface AddOptions extends PublisherOptions, FilesOptions {
  /** Releases that a manifest keeps; 5 by default. */
  keep?: number | undefined;
}

export interface AddReleasesOptions extends AddOptions {
  releases: NewRelease[];
}

export type AddReleaseOptions = AddOptions & NewRelease;

export interface AddedRelease {
  release: number;
  files: number;
  /** Bytes of the release as installed. */
  bytes: number;
  /** Bytes that an agent with the release before fetches; as `bytes` if no delta pays. */
  bytesFromPrevious: number;
}

/** A release that nothing speaks against, before a byte of it is copied. */
interface Planned extends NewRelease {
  release: number;
  target: string;
  payload: PayloadFile[];
  /** Releases that are published already, highest first. */
  published: Release[];
}

/** The work of `addReleases` for one release by itself. */
export async function addRelease(options: AddReleaseOptions): Promise<AddedRelease & { warnings: string[] }> {
  const { kind, name, version, path, release } = options;
  const { added, warnings } = await addReleases({
    ...options,
    releases: [{ kind, name, version, path, release }],
  });
  const [only] = added;
  if (only === undefined) throw new Error("one release was to be added");
  return { ...only, warnings };
}

/**
 * Publishes releases of components, all in one publication: agents see all of them or none. Their files
 * become objects, their manifests targets of the roles `components` and `programs`.
 *
 * @returns `added`, in the order of `releases`
 * @throws NearsourceError REPOSITORY_INPUT_INVALID naming the fault of a release, DISK_FULL; nothing is
 *   changed then. Also REPOSITORY_INVALID, KEY_INVALID, FILE_UNSAFE, LOCKED, storage errors.
 */
export async function addReleases(
  options: AddReleasesOptions,
): Promise<{ added: AddedRelease[]; warnings: string[] }> {
  const { keep = 5 } = options;
  if (!Number.isInteger(keep) || keep < 1 || keep > 1_000) {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", "the number of releases to keep is 1 to 1000");
  }
  const targets = options.releases.map(({ kind, name }) => manifestTarget(kind, checkComponentName(name)));
  refuseTwice(targets);
  const payloads: PayloadFile[][] = [];
  for (const release of options.releases) payloads.push(await listPayload(release.path));
  return withRepository(options, "content", async (session) => {
    const planned: Planned[] = [];
    for (const [index, release] of options.releases.entries()) {
      const payload = payloads[index] ?? [];
      planned.push(await plan(session, release, { target: targets[index] ?? "", payload }));
    }
    await refuseWithoutRoom(session, planned);
    const made = [];
    for (const each of planned) made.push(await make(session, each, { ...options, keep }));
    await publishTargets(
      session,
      made.map(({ target }) => target),
    );
    return { added: made.map(({ added }) => added) };
  });
}

function refuseTwice(targets: string[]): void {
  const twice = targets.find((target, index) => targets.indexOf(target) < index);
  if (twice === undefined) return;
  throw new NearsourceError("REPOSITORY_INPUT_INVALID", `${twice.replace(/\.json$/, "")} is given twice`, {
    hint: "one publication has one new release of a component",
  });
}

/** Checks a release for every fault except those of its files' content. */
async function plan(
  session: Session,
  given: NewRelease,
  { target, payload }: Pick<Planned, "target" | "payload">,
): Promise<Planned> {
  const { kind, name, version } = given;
  await refuseKeysAsPayload(session.location, given.path);
  const { releases: published, highest, isMissing } = await readPublished(session, { kind, name });
  if (highest === undefined && given.release === undefined) throw releaseUnknown(target);
  if (isMissing) session.warnings.push(`the manifest ${target} was missing: its earlier releases are gone`);
  const release = chooseRelease(given.release, highest ?? 0, target);
  encodeManifest({ kind, name }, [{ release, version, files: payload.map(withoutBytes) }]);
  return { ...given, release, target, payload, published };
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

/** Space (bytes) that a publication needs besides the files: manifests, metadata, folders. */
const WORKING_ROOM = 1_048_576;

/**
 * Checks the free space before the first byte is copied. A file that has the length it had in the release
 * before is likely there already; compressed files and deltas are smaller than their source.
 */
async function refuseWithoutRoom({ location }: Session, planned: Planned[]): Promise<void> {
  const isLikelyStored = ({ published }: Planned, file: PayloadFile) =>
    published[0]?.files.some(({ path, length }) => path === file.path && length === file.length) === true;
  const files = planned.flatMap((each) => each.payload.filter((file) => !isLikelyStored(each, file)));
  const wanted = files.reduce((sum, { length }) => sum + length, WORKING_ROOM);
  const folder = (await exists(location.objects)) ? location.objects : location.folder;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= wanted) return;
  throw new NearsourceError(
    "DISK_FULL",
    `${folder} has ${formatBytes(bavail * bsize)} free, and this publication needs ${formatBytes(wanted)}`,
    { hint: "free some space; nothing was published" },
  );
}

/** Stores the files of a release, and writes its manifest. */
async function make(session: Session, planned: Planned, options: AddOptions & { keep: number }) {
  const { kind, name, version, release, payload, published, target } = planned;
  const component = { kind, name };
  const files = await storeFiles(session, { component, payload }, options);
  const kept = published.slice(0, options.keep - 1);
  const newest: Release = {
    release,
    version,
    files: await withWays(session, { component, files, published: kept }, options),
  };
  const { manifest, shortened } = encodeWithinLimit(component, [newest, ...kept]);
  if (shortened > 0) {
    session.warnings.push(
      `the manifest would be too long: without deltas for its ${shortened} oldest releases`,
    );
  }
  const added: AddedRelease = {
    release,
    files: files.length,
    bytes: sizeOf(newest),
    bytesFromPrevious: sizeOf(newest, published[0]?.files),
  };
  return { added, target: { role: kind, target, bytes: manifest, release } };
}
