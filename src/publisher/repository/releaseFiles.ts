import { DOCUMENT_LIMIT } from "../../core/content/layout.ts";
import type { ManifestFile, Release } from "../../core/content/manifest.ts";
import { waysTo } from "../../core/content/routes.ts";
import { NearsourceError } from "../../errors.ts";
import { addAlternatives } from "./alternatives.ts";
import type { PayloadFile } from "./payload.ts";
import { type ComponentName, encodeManifest } from "./releases.ts";
import type { Session } from "./session.ts";
import { storeObject } from "./storeObject.ts";

export interface FilesOptions {
  /** Deltas are made from the same file in so many earlier releases; 5 by default. */
  deltas?: number | undefined;
  /** Publishes files although they have a private key in them. */
  allowPrivateKeys?: boolean | undefined;
  onProgress?: OnProgress | undefined;
}

/** The current step; one that takes long is reported again. */
export interface Progress {
  component: ComponentName;
  /** Path of the file in the component. */
  path: string;
  step: "copy" | "compress" | "delta";
  /** Bytes of the file, and how many of them were copied. */
  length: number;
  done: number;
}

export type OnProgress = (progress: Progress) => void;

/** Copies the files of a release into the objects. */
export async function storeFiles(
  session: Session,
  { component, payload }: { component: ComponentName; payload: PayloadFile[] },
  { allowPrivateKeys, onProgress }: FilesOptions,
): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const { path, source, length } of payload) {
    const onBytes = (done: number) => onProgress?.({ component, path, step: "copy", length, done });
    onBytes(0);
    const options = { allowPrivateKeys, onBytes };
    files.push({ path, ...(await storeObject(session.location, source, session.onFile, options)) });
  }
  return files;
}

/** The files with the cheaper ways to them: those made already for the same bytes, and new ones. */
export async function withWays(
  session: Session,
  release: { component: ComponentName; files: ManifestFile[]; published: Release[] },
  { deltas = 5, onProgress }: FilesOptions,
): Promise<ManifestFile[]> {
  const { component, files, published } = release;
  const earlier = published.flatMap((release) => release.files);
  const result: ManifestFile[] = [];
  for (const file of files) {
    const { alternatives } = earlier.find(({ sha256 }) => sha256 === file.sha256) ?? {};
    const known = alternatives === undefined ? file : { ...file, alternatives };
    const { path, length } = file;
    const onStep = (step: "compress" | "delta") =>
      onProgress?.({ component, path, step, length, done: length });
    const isUnchanged = published[0]?.files.some(({ sha256 }) => sha256 === file.sha256) === true;
    const bases = published.slice(0, deltas).flatMap((release) => release.files.filter(isOlderThan(file)));
    const unique = [...new Map(bases.map((base) => [base.sha256, base])).values()];
    // The ways to an unchanged file were made, or found not to pay, when it was new.
    const ways = isUnchanged ? (alternatives ?? []) : await addAlternatives(session, known, unique, onStep);
    result.push(ways.length === 0 ? file : { ...file, alternatives: ways });
  }
  return result;
}

function isOlderThan(file: ManifestFile): (other: ManifestFile) => boolean {
  return (other) => other.path === file.path && other.sha256 !== file.sha256;
}

/** The manifest; where it would be longer than agents read, without the deltas to the oldest releases. */
export function encodeWithinLimit(component: ComponentName, releases: Release[]) {
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

/** Bytes of a release as installed; or, given the installed files, as fetched. */
export function sizeOf(release: Release, installed?: ManifestFile[]): number {
  const held = new Map((installed ?? []).map((file) => [file.sha256, file.length]));
  const bytesOf = (file: ManifestFile) =>
    held.has(file.sha256)
      ? 0
      : (waysTo(file, { between: new Map(), held, maxBase: Infinity, fetched: () => 0 })[0]?.bytes ??
        file.length);
  const lengths = release.files.map((file) => (installed === undefined ? file.length : bytesOf(file)));
  return lengths.reduce((sum, length) => sum + length, 0);
}
