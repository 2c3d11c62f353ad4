import { describe, expect, test } from "vitest";
import {
  MAX_FILES,
  parseComponentName,
  parseFilePath,
  parseManifest,
} from "../../../src/core/content/manifest.ts";
import { DocumentError } from "../../../src/core/document.ts";

const HASH = "0123456789abcdef".repeat(4);
const OTHER = "fedcba9876543210".repeat(4);
const PATTERN = { kind: "components", name: "virus-pattern" } as const;

const file = { path: "lpt.dat", length: 63, sha256: HASH };
const release = { release: 42, version: "17.123.00", files: [file] };
const manifest = { ...PATTERN, releases: [release] };

const withFiles = (...files: unknown[]) => ({ ...PATTERN, releases: [{ ...release, files }] });
const withFile = (fields: object) => withFiles({ ...file, ...fields });
const withPaths = (...paths: string[]) => withFiles(...paths.map((path) => ({ ...file, path })));
const way = { format: "dcz", base: OTHER, length: 7, sha256: OTHER };
const withWay = (fields: object) => withFile({ alternatives: [{ ...way, ...fields }] });
const withSegments = (fields: object) =>
  withWay({ format: "dcz-segments", segments: { size: 32, margin: 8, lengths: [3, 4], ...fields } });
const withRelease = (fields: object) => ({ ...PATTERN, releases: [{ ...release, ...fields }] });

describe("a manifest is read", () => {
  test("with its releases highest first, whatever their order in the document", () => {
    const releases = [2, 44, 7].map((number) => ({ ...release, release: number }));
    const read = parseManifest({ ...PATTERN, releases }, PATTERN);
    expect(read.releases.map((each) => each.release)).toEqual([44, 7, 2]);
  });

  test("without the fields and ways that it does not know", () => {
    const alternatives = [{ format: "xdelta", length: 21, sha256: OTHER, window: {} }];
    const newer = { ...withFile({ alternatives, mode: "0644" }), note: "for people" };
    expect(parseManifest(newer, PATTERN)).toEqual(parseManifest(withFile({ alternatives: [] }), PATTERN));
  });

  test("with the ways that it knows, whatever else they say and whatever stands beside them", () => {
    const zstd = { format: "zstd", length: 21, sha256: OTHER };
    const dcz = { format: "dcz", base: OTHER, length: 7, sha256: HASH };
    const bsdiff = { ...dcz, format: "bsdiff" };
    const segments = { size: 32, margin: 0, lengths: [3, 4] };
    const inSegments = { ...dcz, format: "dcz-segments", segments };
    const known = [zstd, dcz, bsdiff, inSegments];
    const written = [
      { format: "xdelta" },
      ...known.map((each) => ({ ...each, note: "new" })),
      { format: "" },
      { format: 7 },
      { length: 7, sha256: HASH },
    ];
    expect(parseManifest(withFile({ alternatives: written }), PATTERN)).toEqual(
      withFile({ alternatives: known }),
    );
  });

  test("with blocks that add up to the length of the file", () => {
    const blocks = { size: 32, sha256: [HASH, OTHER] };
    expect(parseManifest(withFile({ blocks }), PATTERN).releases[0]?.files[0]).toEqual({ ...file, blocks });
  });

  test("with a file of no bytes, and no blocks to it", () => {
    const blocks = { size: 32, sha256: [] };
    expect(parseManifest(withFile({ length: 0, blocks }), PATTERN).releases[0]?.files[0]?.length).toBe(0);
  });

  test("with several files side by side and in folders", () => {
    const paths = ["lpt.dat", "rules/a.dat", "rules/deep/b.dat", "rules-2/a.dat"];
    const read = parseManifest(withPaths(...paths), PATTERN);
    expect(read.releases[0]?.files.map((each) => each.path)).toEqual(paths);
  });
});

describe("a manifest is refused", () => {
  test.for([
    [
      "in the place of another component",
      { ...manifest, name: "other" },
      "is not the manifest of components/virus",
    ],
    ["of another kind", { ...manifest, kind: "programs" }, "is not the manifest of components/virus-pattern"],
    ["of a kind that has no manifests", { ...manifest, kind: "settings" }, "kind: must be one of"],
    ["without releases", { ...PATTERN, releases: [] }, "releases: has no releases"],
    ["with a release twice", { ...PATTERN, releases: [release, release] }, "lists a release number twice"],
    ["with a release of 0", withRelease({ release: 0 }), "releases[0].release: must be 1 or more, not 0"],
    ["with a release of 1.5", withRelease({ release: 1.5 }), "releases[0].release: must be a whole number"],
    ["with a release beyond exact numbers", withRelease({ release: 2 ** 53 }), "must be a whole number"],
    [
      "with a release in text",
      withRelease({ release: "42" }),
      'releases[0].release: must be a number, not "42"',
    ],
    ["with an empty version", withRelease({ version: "" }), "1 to 100 printable ASCII characters"],
    [
      "with a version over two lines",
      withRelease({ version: "1\n2" }),
      "1 to 100 printable ASCII characters",
    ],
    ["with a version that moves the cursor", withRelease({ version: "\u001b[2J" }), "printable ASCII"],
    ["with a version too long", withRelease({ version: "1".repeat(101) }), "1 to 100 printable ASCII"],
    ["with a release of no files", withFiles(), "releases[0].files: has no files"],
    ["with a negative length", withFile({ length: -1 }), "files[0].length: must be 0 or more, not -1"],
    [
      "with a hash in upper case",
      withFile({ sha256: HASH.toUpperCase() }),
      "is not a SHA-256 in lower-case hex",
    ],
    ["with a hash cut short", withFile({ sha256: HASH.slice(1) }), "files[0].sha256: is not a SHA-256"],
    ["with a path in place of a hash", withFile({ sha256: "../../etc/passwd" }), "is not a SHA-256"],
    [
      "with fewer blocks than the length",
      withFile({ blocks: { size: 32, sha256: [HASH] } }),
      "do not add up",
    ],
    [
      "with more blocks than the length",
      withFile({ blocks: { size: 63, sha256: [HASH, HASH] } }),
      "do not add up",
    ],
    ["with blocks of no size", withFile({ blocks: { size: 0, sha256: [] } }), "must be 1 or more, not 0"],
    ["with ways that are no list", withFile({ alternatives: {} }), "alternatives: must be a list"],
    ["with a way of negative length", withWay({ length: -1 }), "alternatives[0].length: must be 0 or more"],
    ["with a way of no hash", withWay({ sha256: "abc" }), "alternatives[0].sha256: is not a SHA-256"],
    ["with a delta from nothing", withWay({ base: undefined }), "alternatives[0].base"],
    [
      "with a delta from a path",
      withWay({ base: "../../etc/passwd" }),
      "alternatives[0].base: is not a SHA-256",
    ],
    [
      "with a bsdiff delta from nothing",
      withWay({ format: "bsdiff", base: undefined }),
      "alternatives[0].base",
    ],
    [
      "with segments that nothing is said of",
      withWay({ format: "dcz-segments" }),
      "alternatives[0].segments",
    ],
    ["with segments of no size", withSegments({ size: 0 }), "segments.size: must be 1 or more, not 0"],
    [
      "with segments too large for memory",
      withSegments({ size: 4_194_304, margin: 4_194_305 }),
      "too large to be held",
    ],
    ["with fewer segments than the file has", withSegments({ lengths: [7] }), "do not add up"],
    ["with more segments than the file has", withSegments({ lengths: [3, 3, 1] }), "do not add up"],
    ["with segments beyond the object", withSegments({ lengths: [3, 5] }), "do not add up"],
    ["with a segment of no bytes", withSegments({ lengths: [7, 0] }), "must be 1 or more, not 0"],
    [
      "with more ways than anybody makes",
      withFile({ alternatives: Array(1_001).fill({ format: "x" }) }),
      "1000",
    ],
    ["with a path that leaves its folder", withFile({ path: "../x" }), 'files[0].path: segment ".."'],
    ["with a path twice", withPaths("a.dat", "a.dat"), "lists a.dat twice"],
    ["with paths that differ in letter case", withPaths("a.dat", "A.dat"), "lists A.dat twice (letter case"],
    [
      "with a file that is another's folder",
      withPaths("rules", "rules/a.dat"),
      "both as a file and as a folder",
    ],
    [
      "with a folder that is another file",
      withPaths("rules/a.dat", "Rules"),
      "both as a file and as a folder",
    ],
    [
      "with more files than any release has",
      withFiles(...Array(MAX_FILES + 1).fill(file)),
      "more than 10000",
    ],
  ] as const)("%s", ([, value, reason]) => {
    expect(() => parseManifest(value, PATTERN)).toThrow(DocumentError);
    expect(() => parseManifest(value, PATTERN)).toThrow(reason);
  });
});

describe("the name of a component", () => {
  test.for(["virus-pattern", "a", "A.b_c-9", "a..b", "com", "con1", "lpt.dat", "x.con", "a".repeat(100)])(
    "may be %s",
    (name) => {
      expect(parseComponentName(name)).toBe(name);
    },
  );

  test.for([
    ["", "1 to 100 of the characters"],
    ["a".repeat(101), "1 to 100 of the characters"],
    ["a b", "1 to 100 of the characters"],
    ["a/b", "1 to 100 of the characters"],
    ["a\\b", "1 to 100 of the characters"],
    ["a:b", "1 to 100 of the characters"],
    ["a\u0000", "1 to 100 of the characters"],
    ["muster-größe", "1 to 100 of the characters"],
    [".", "may not start or end with a dot"],
    ["..", "may not start or end with a dot"],
    [".hidden", "may not start or end with a dot"],
    ["a.", "may not start or end with a dot"],
    ["CON", "Windows reserves"],
    ["nul.txt", "Windows reserves"],
    ["Com1", "Windows reserves"],
    ["lpt9.dat", "Windows reserves"],
    ["aux.tar.gz", "Windows reserves"],
  ])("may not be %j: it %s", ([name = "", reason = ""]) => {
    expect(() => parseComponentName(name)).toThrow(reason);
  });
});

describe("the path of a file", () => {
  test.for(["lpt.dat", "rules/a.dat", "a/b/c/d", "1", `${"a".repeat(100)}/${"b".repeat(100)}`])(
    "may be %s",
    (path) => {
      expect(parseFilePath(path)).toBe(path);
    },
  );

  test.for([
    ["", 'segment ""'],
    ["/etc/passwd", 'segment ""'],
    ["a//b", 'segment ""'],
    ["a/", 'segment ""'],
    ["../a", 'segment ".."'],
    ["a/../b", 'segment ".."'],
    ["a/./b", 'segment "."'],
    ["a/.git", 'segment ".git"'],
    ["a\\b", 'segment "a\\\\b"'],
    ["C:/a", 'segment "C:"'],
    ["a/nul", 'segment "nul" is a name that Windows reserves'],
    [`${"a".repeat(100)}/`.repeat(2) + "b".repeat(39), "is longer than 240 characters"],
  ])("may not be %j: %s", ([path = "", reason = ""]) => {
    expect(() => parseFilePath(path)).toThrow(reason);
  });
});
