import * as v from "valibot";
import { byteLength, parsedBy, positiveInteger, readDocument } from "../document.ts";
import { CONTENT_KINDS, type ContentKind } from "./kind.ts";

/** One file of a release: the bytes are named by their SHA-256, wherever they come from. */
export interface ManifestFile {
  /** Path of the file in the installed component; see `parseFilePath`. */
  path: string;
  /** Bytes. */
  length: number;
  /** Lower-case hex. */
  sha256: string;
  /** SHA-256 of each block of `size` bytes (the last may be shorter), for files over 4 MiB. */
  blocks?: { size: number; sha256: string[] } | undefined;
  /** Cheaper ways to the same bytes; each must result in `length` and `sha256`. */
  alternatives?: Alternative[] | undefined;
}

/** A way to a file's bytes: an object, and the format it is in (docs/protocol.md). */
export type Alternative = { length: number; sha256: string } & (
  | { format: "zstd" }
  /** `base`: SHA-256 of the file it starts from. */
  | { format: "dcz" | "bsdiff"; base: string }
  | { format: "dcz-segments"; base: string; segments: Segments }
);

/** No dictionary is longer (bytes), since a reader has it in memory twice; a longer base is used in segments. */
export const DICTIONARY_LIMIT = 12_582_912;

/** A delta in pieces: each segment of `size` bytes of the file by itself, `margin` bytes of the base to both sides. */
export interface Segments {
  size: number;
  margin: number;
  /** Bytes of each segment's piece of the object, in order. */
  lengths: number[];
}

/** A release of a component: machines compare `release`, people read `version`. */
export interface Release {
  release: number;
  version: string;
  files: ManifestFile[];
}

/** The vendor's document of one component: its releases, highest first. */
export interface Manifest {
  kind: ContentKind;
  name: string;
  releases: Release[];
}

/** Most files in one release; more is a mistake or an attack. */
export const MAX_FILES = 10_000;

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "!is not a SHA-256 in lower-case hex"));

const object = { length: byteLength, sha256 };
const segments = v.pipe(
  v.object({
    size: positiveInteger,
    margin: byteLength,
    lengths: v.pipe(v.array(positiveInteger), v.maxLength(65_536)),
  }),
  v.check(({ size, margin }) => size + 2 * margin <= DICTIONARY_LIMIT, "!are too large to be held in memory"),
);
const alternativeSchema = v.variant("format", [
  v.object({ format: v.literal("zstd"), ...object }),
  v.object({ format: v.picklist(["dcz", "bsdiff"]), base: sha256, ...object }),
  v.object({ format: v.literal("dcz-segments"), base: sha256, segments, ...object }),
]);
const KNOWN_FORMATS: Record<Alternative["format"], true> = {
  zstd: true,
  dcz: true,
  bsdiff: true,
  "dcz-segments": true,
};

/** Formats that this program does not know are passed over; a known one must be as the protocol says. */
const alternativesSchema = v.pipe(
  v.array(v.looseObject({ format: v.optional(v.unknown()) })),
  v.maxLength(1_000),
  v.transform((all) =>
    all.filter(({ format }) => typeof format === "string" && Object.hasOwn(KNOWN_FORMATS, format)),
  ),
  v.array(alternativeSchema),
);

const fileSchema = v.pipe(
  v.object({
    path: parsedBy(parseFilePath),
    length: byteLength,
    sha256,
    blocks: v.optional(v.object({ size: positiveInteger, sha256: v.array(sha256) })),
    alternatives: v.optional(alternativesSchema),
  }),
  v.check(
    ({ blocks, length }) => blocks === undefined || blocks.sha256.length === Math.ceil(length / blocks.size),
    "!has blocks that do not add up to its length",
  ),
  v.check(
    ({ alternatives = [], length }) =>
      alternatives.every((each) => each.format !== "dcz-segments" || addsUp(each, length)),
    "!has a delta whose segments do not add up",
  ),
);

function addsUp({ segments, length }: { segments: Segments; length: number }, fileLength: number): boolean {
  const bytes = segments.lengths.reduce((sum, each) => sum + each, 0);
  return segments.lengths.length === Math.ceil(fileLength / segments.size) && bytes === length;
}

/** A release as a document lists it, with files that can stand side by side on every platform. */
export const releaseSchema = v.object({
  release: positiveInteger,
  version: v.pipe(
    v.string(),
    v.regex(/^[\x20-\x7e]{1,100}$/, "!must be 1 to 100 printable ASCII characters"),
  ),
  files: v.pipe(
    v.array(fileSchema),
    v.minLength(1, "!has no files"),
    v.maxLength(MAX_FILES, `!has more than ${MAX_FILES} files`),
    v.rawCheck(({ dataset, addIssue }) => {
      const clash = dataset.typed ? pathClash(dataset.value.map((file) => file.path)) : undefined;
      if (clash !== undefined) addIssue({ message: `!${clash}` });
    }),
  ),
});

const manifestSchema = v.object({
  kind: v.picklist(CONTENT_KINDS),
  name: parsedBy(parseComponentName),
  releases: v.pipe(v.array(releaseSchema), v.minLength(1, "!has no releases"), v.maxLength(1_000)),
});

/**
 * Reads a manifest (docs/design.md §3) that stood as the TUF target `kind/name.json`. Unknown fields and
 * formats are ignored. Releases come back highest first, in any order in the document.
 *
 * @throws DocumentError naming the place and the reason
 */
export function parseManifest(value: unknown, expected: { kind: ContentKind; name: string }): Manifest {
  const matches = v.pipe(
    manifestSchema,
    v.check(
      ({ kind, name }) => kind === expected.kind && name === expected.name,
      `!is not the manifest of ${expected.kind}/${expected.name}`,
    ),
    v.check(
      ({ releases }) => new Set(releases.map((each) => each.release)).size === releases.length,
      "!lists a release number twice",
    ),
  );
  const manifest: Manifest = readDocument(matches, value);
  manifest.releases.sort((a, b) => b.release - a.release);
  return manifest;
}

const RESERVED_ON_WINDOWS = /^(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(\.|$)/i;

/**
 * A component's name: it becomes a folder on every platform, so 1 to 100 of `[A-Za-z0-9._-]`, not
 * starting or ending with a dot, and none of the names that Windows keeps for devices.
 *
 * @throws Error with the reason
 */
export function parseComponentName(name: string): string {
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(name)) {
    throw new Error("is not a component name: 1 to 100 of the characters A-Z a-z 0-9 . _ -");
  }
  if (name.startsWith(".") || name.endsWith(".")) throw new Error("may not start or end with a dot");
  if (RESERVED_ON_WINDOWS.test(name)) throw new Error("is a name that Windows reserves for a device");
  return name;
}

/**
 * A file's path inside its component: relative, segments joined by `/`, each segment with the rules
 * of a component's name, 240 characters in all.
 *
 * @throws Error with the reason
 */
export function parseFilePath(path: string): string {
  if (path.length > 240) throw new Error("is longer than 240 characters");
  for (const segment of path.split("/")) {
    try {
      parseComponentName(segment);
    } catch (error) {
      throw new Error(`segment ${JSON.stringify(segment)} ${(error as Error).message}`);
    }
  }
  return path;
}

/**
 * The reason why these paths cannot stand side by side on every file system: a path twice, two that differ
 * only in case, or one that is a folder of another. Undefined when they can.
 */
function pathClash(paths: string[]): string | undefined {
  const seen = new Set<string>();
  for (const path of paths) {
    const folded = path.toLowerCase();
    if (seen.has(folded)) return `lists ${path} twice (letter case does not tell files apart)`;
    seen.add(folded);
  }
  for (const path of seen) {
    for (let cut = path.indexOf("/"); cut !== -1; cut = path.indexOf("/", cut + 1)) {
      if (seen.has(path.slice(0, cut))) return `lists ${path.slice(0, cut)} both as a file and as a folder`;
    }
  }
  return undefined;
}
