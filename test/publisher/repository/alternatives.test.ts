import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { objectPath } from "../../../src/core/content/layout.ts";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { history, noise } from "../../support/world.ts";
import { newFolder, newRepository, readManifest, sha256, writeTree } from "../fixture.ts";

const component = { kind: "components", name: "rules" } as const;
const [ONE, TWO, THREE] = ([1, 2, 3] as const).map((each) => history(each)["rules.txt"] as Buffer) as [
  Buffer,
  Buffer,
  Buffer,
];

/** Publishes these as `rules.txt`, one release after the other. */
async function publish(dir: string, contents: Buffer[], options: { deltas?: number } = {}) {
  const added: Awaited<ReturnType<typeof addRelease>>[] = [];
  for (const bytes of contents) {
    const folder = await writeTree(await newFolder(), { "rules.txt": bytes });
    added.push(await addRelease({ dir, ...component, version: "1", path: folder, ...options }));
  }
  return added;
}

/** The format and the base of each way to the file of the newest release. */
async function waysIn(dir: string): Promise<[format: string, base: string | undefined][]> {
  const manifest = await readManifest(dir, "components", "rules");
  const { alternatives = [] } = manifest?.releases[0]?.files[0] ?? {};
  for (const { sha256: name, length } of alternatives) {
    const bytes = await fs.readFile(path.join(dir, objectPath(name)));
    expect([sha256(bytes), bytes.length]).toEqual([name, length]);
  }
  return alternatives.map((each) => [each.format, "base" in each ? each.base : undefined]);
}

describe("the publisher", () => {
  test("makes a compressed whole and a delta from each earlier release, and says what is saved", async () => {
    const dir = await newRepository("content");
    const added = await publish(dir, [ONE, TWO, THREE]);
    expect(await waysIn(dir)).toEqual([
      ["zstd", undefined],
      ["dcz", sha256(TWO)],
      ["dcz", sha256(ONE)],
    ]);
    expect(added[2]?.bytesFromPrevious).toBeLessThan(THREE.length / 50);
  });

  test.for([
    [0, []],
    [1, [sha256(TWO)]],
  ] as const)("with --deltas %i makes deltas from so many releases", async ([deltas, bases]) => {
    const dir = await newRepository("content");
    await publish(dir, [ONE, TWO, THREE], { deltas });
    expect((await waysIn(dir)).flatMap(([, base]) => base ?? [])).toEqual(bases);
  });

  test("makes nothing of what has nothing in common and does not compress", async () => {
    const dir = await newRepository("content");
    await publish(dir, [noise("a", 50_000), noise("b", 50_000)]);
    expect(await waysIn(dir)).toEqual([]);
  });

  test("makes nothing of files too small to matter, or empty", async () => {
    const dir = await newRepository("content");
    await publish(dir, [Buffer.alloc(0), Buffer.from("a".repeat(1_000)), Buffer.from("b".repeat(1_000))]);
    expect(await waysIn(dir)).toEqual([]);
  });

  test("keeps the ways to a file that did not change", async () => {
    const dir = await newRepository("content");
    await publish(dir, [ONE, TWO]);
    const before = await waysIn(dir);
    await publish(dir, [TWO]);
    expect(await waysIn(dir)).toEqual(before);
  });

  test("makes deltas to a file that comes back, from what was published in between", async () => {
    const dir = await newRepository("content");
    const added = await publish(dir, [ONE, TWO, ONE]);
    expect(await waysIn(dir)).toEqual([
      ["zstd", undefined],
      ["dcz", sha256(TWO)],
    ]);
    expect(added[2]?.bytesFromPrevious).toBeLessThan(ONE.length / 50);
  });

  test.for([
    ["gone", (file: string) => fs.rm(file)],
    ["altered", (file: string) => fs.writeFile(file, noise("altered", ONE.length))],
  ] as const)("makes no delta from an object that is %s, and says so", async ([, damage]) => {
    const dir = await newRepository("content");
    await publish(dir, [ONE, TWO]);
    await damage(path.join(dir, objectPath(sha256(ONE))));
    const [added] = await publish(dir, [THREE]);
    expect(added?.warnings).toEqual([expect.stringContaining(sha256(ONE))]);
    expect(await waysIn(dir)).toEqual([
      ["zstd", undefined],
      ["dcz", sha256(TWO)],
    ]);
  });
});
