import assert from "node:assert/strict";
import path from "node:path";
import fc from "fast-check";
import { CONTENT_KINDS, type ContentKind } from "../../src/core/content/kind.ts";
import {
  type Alternative,
  type Manifest,
  type ManifestFile,
  parseComponentName,
  parseManifest,
} from "../../src/core/content/manifest.ts";
import { DocumentError, parseJson } from "../../src/core/document.ts";
import { type FuzzTarget, jsonOf, objectOf, toJsonBytes, unlessRefused } from "./target.ts";

export function manifestTarget(): FuzzTarget {
  return {
    name: "manifest",
    json: true,
    made: madeManifest(),
    check: (input) => checkManifest(input.toString()),
  };
}

function madeManifest(): fc.Arbitrary<Buffer> {
  const segment = fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9._-]{1,8}$/),
    fc.constantFrom("a", "A", "..", "con", "b."),
    fc.string(),
  );
  const sha256 = fc.oneof(fc.stringMatching(/^[0-9a-f]{64}$/), fc.stringMatching(/^[0-9A-Fa-fx]{1,70}$/));
  const number = fc.oneof(fc.nat(5), fc.double(), fc.maxSafeInteger());
  const alternative = fc.record(
    {
      format: fc.constantFrom("zstd", "dcz", "bsdiff", "dcz-segments", "other"),
      length: number,
      sha256,
      base: sha256,
      segments: fc.record({ size: number, margin: number, lengths: fc.array(number, { maxLength: 3 }) }),
    },
    { requiredKeys: ["format", "length", "sha256"] },
  );
  const file = fc.record(
    {
      path: fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/")),
      length: number,
      sha256,
      blocks: fc.record({ size: number, sha256: fc.array(sha256, { maxLength: 3 }) }),
      alternatives: fc.array(alternative, { maxLength: 3 }),
    },
    { requiredKeys: ["path", "length", "sha256"] },
  );
  const release = fc.record({
    release: number,
    version: fc.string(),
    files: fc.array(file, { maxLength: 4 }),
  });
  const kind = fc.constantFrom(...CONTENT_KINDS, "settings");
  const manifest = fc.record({ kind, name: segment, releases: fc.array(release, { maxLength: 4 }) });
  return fc.oneof(manifest, fc.jsonValue()).map(toJsonBytes);
}

/** An accepted manifest is that of the component asked for, and can be installed on any platform. */
function checkManifest(text: string): boolean {
  const claimed = objectOf(jsonOf(text));
  const kind = CONTENT_KINDS.find((each) => each === claimed?.kind) ?? "components";
  const name = typeof claimed?.name === "string" ? claimed.name : "virus-pattern";
  const manifest = unlessRefused(DocumentError, () => parseManifest(parseJson(text), { kind, name }));
  const other: ContentKind = kind === "components" ? "programs" : "components";
  assert.throws(() => parseManifest(parseJson(text), { kind: other, name }), DocumentError);
  if (manifest === undefined) return false;
  assert.deepEqual([manifest.kind, manifest.name], [kind, name]);
  assert.equal(parseComponentName(name), name);
  checkReleases(manifest);
  assert.deepEqual(parseManifest(parseJson(JSON.stringify(manifest)), { kind, name }), manifest);
  return true;
}

function checkReleases({ releases }: Manifest): void {
  assert(releases.length > 0);
  let above = Number.POSITIVE_INFINITY;
  for (const { release, version, files } of releases) {
    assert(Number.isSafeInteger(release) && release >= 1 && release < above);
    above = release;
    assert.match(version, /^[\x20-\x7e]{1,100}$/);
    assert(files.length > 0);
    checkFiles(files);
    for (const file of files) checkBlocks(file);
    for (const file of files) for (const each of file.alternatives ?? []) checkAlternative(file, each);
  }
}

/** Files that stand side by side below one folder, on every platform. */
export function checkFiles(files: Pick<ManifestFile, "path" | "length" | "sha256">[]): void {
  for (const file of files) {
    checkInside(file.path);
    assert.match(file.sha256, /^[0-9a-f]{64}$/);
    assert(Number.isSafeInteger(file.length) && file.length >= 0);
  }
  checkNoClash(files.map((file) => file.path));
}

const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)$/i;

/** Joined to a folder, the path is below it, is itself, and names no device. */
function checkInside(file: string): void {
  assert.equal(path.posix.resolve("/base", file), `/base/${file}`);
  assert.equal(path.win32.resolve("C:\\base", file), `C:\\base\\${file.replaceAll("/", "\\")}`);
  for (const segment of file.split("/")) {
    assert(!/[. ]$/.test(segment), `Windows drops the end of ${segment}`);
    assert(!DEVICE.test(segment.split(".")[0] ?? ""), `${segment} is a device`);
  }
}

/** No path is another in another case, or a folder of another. */
function checkNoClash(paths: string[]): void {
  const folded = paths.map((each) => each.toLowerCase()).sort();
  const all = new Set(folded);
  assert.equal(all.size, folded.length, "two paths are one where case does not matter");
  for (const each of folded) {
    for (let folder = path.posix.dirname(each); folder !== "."; folder = path.posix.dirname(folder)) {
      assert(!all.has(folder), `${folder} is a file and a folder`);
    }
  }
}

function checkBlocks({ blocks, length }: ManifestFile): void {
  if (blocks === undefined) return;
  assert(Number.isSafeInteger(blocks.size) && blocks.size >= 1);
  const count = blocks.sha256.length;
  assert(count * blocks.size >= length && (count - 1) * blocks.size < Math.max(length, 1));
}

/** A way that is kept is one that can be gone, with what it needs. */
function checkAlternative(file: ManifestFile, alternative: Alternative): void {
  assert.match(alternative.sha256, /^[0-9a-f]{64}$/);
  assert(Number.isSafeInteger(alternative.length) && alternative.length >= 0);
  if (alternative.format === "zstd") return;
  assert(["dcz", "bsdiff", "dcz-segments"].includes(alternative.format));
  assert.match(alternative.base, /^[0-9a-f]{64}$/);
  if (alternative.format !== "dcz-segments") return;
  const { size, margin, lengths } = alternative.segments;
  assert(size >= 1 && margin >= 0 && size + 2 * margin <= 12_582_912);
  assert.equal(lengths.length, Math.ceil(file.length / size));
  assert.equal(
    lengths.reduce((sum, each) => sum + each, 0),
    alternative.length,
  );
}
