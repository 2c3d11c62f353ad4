import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Alternative, type ManifestFile, parseManifest } from "../../src/core/content/manifest.ts";
import { BSDIFF_HEADER, readBsdiffHeader, readInstructions } from "../../src/delta/bsdiffFormat.ts";
import { dczDelta, zstd } from "../../src/delta/dczMake.ts";
import { inflate } from "../../src/delta/inflate.ts";
import { rebuild } from "../../src/delta/rebuild.ts";
import { packBsdiff } from "../../src/publisher/repository/alternatives.ts";
import { storePath } from "../../src/store/store.ts";
import { dczDeltaOf, named, store } from "../support/deltas.ts";
import { newDataDir, newFolder, noise, sha256 } from "../support/world.ts";

const VECTORS = path.join(import.meta.dirname, "..", "..", "fixtures", "deltas");
const read = (name: string) => fs.readFile(path.join(VECTORS, name));
const base = await read("base");
const target = await read("target");
const file: ManifestFile = JSON.parse((await read("file.json")).toString());
const OBJECTS: Record<Alternative["format"], string> = {
  zstd: "target.zst",
  dcz: "target.dcz",
  bsdiff: "target.bsdiff",
  "dcz-segments": "target.dcz-segments",
};

async function expectTarget(alternative: Alternative, object: string): Promise<void> {
  const dirs = await newDataDir();
  await store(dirs, base);
  await rebuild(dirs, alternative, object, file);
  expect((await fs.readFile(storePath(dirs, file.sha256))).equals(target)).toBe(true);
}

describe("the test vectors", () => {
  test("are listed as a manifest lists them", () => {
    const component = { kind: "components", name: "vectors" } as const;
    const manifest = { ...component, releases: [{ release: 1, version: "1", files: [file] }] };
    expect(parseManifest(manifest, component).releases[0]?.files[0]).toEqual(file);
    expect(file).toMatchObject(named(target));
  });

  test.for(Object.entries(OBJECTS))("%s leads to the target", async ([format, name]) => {
    const alternative = file.alternatives?.find((each) => each.format === format);
    if (alternative === undefined) throw new Error(`file.json has no ${format}`);
    expect(alternative).toMatchObject(named(await read(name)));
    await expectTarget(alternative, path.join(VECTORS, name));
  });

  test("have a control stream of the instructions that the protocol's example shows", async () => {
    const name = path.join(VECTORS, "target.bsdiff");
    const object = await fs.readFile(name);
    const { control } = readBsdiffHeader(object.subarray(0, BSDIFF_HEADER), object.length);
    const stream = inflate({ file: name, start: BSDIFF_HEADER, length: control });
    const instructions = await Array.fromAsync(readInstructions(stream));
    expect(instructions).toEqual([
      { seek: 0, add: 1500, insert: 33 },
      { seek: -100, add: 2600, insert: 0 },
      { seek: -4000, add: 300, insert: 0 },
    ]);
  });

  test("are what our encoders still make, or better", async () => {
    const folder = await newFolder();
    const dcz = await dczDelta(base, target);
    const made = {
      zstd: await zstd(target, 19),
      dcz: dcz?.bytes ?? Buffer.alloc(0),
      bsdiff: await packBsdiff(base, target),
    };
    for (const [format, object] of Object.entries(made)) {
      const name = path.join(folder, format);
      await fs.writeFile(name, object);
      const from = format === "zstd" ? {} : { base: sha256(base) };
      await expectTarget({ format, ...from, ...named(object) } as Alternative, name);
      const known = (await read(OBJECTS[format as keyof typeof made])).length;
      expect(object.length, format).toBeLessThanOrEqual(known * 1.02);
    }
  });
});

const hasZstd = (() => {
  try {
    execFileSync("zstd", ["--version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
})();

function zstdCommand(parameters: string[]): void {
  execFileSync("zstd", ["-q", ...parameters], { stdio: "pipe" });
}

describe("the zstd command", () => {
  test.for([
    ["the test vector", base, target],
    [
      "files of two megabytes",
      noise("base", 2_000_000),
      Buffer.concat([noise("new", 999), noise("base", 2_000_000)]),
    ],
  ] as const)("reads what our publisher makes, header and all: %s", async ([, from, to], { skip }) => {
    if (!hasZstd) skip("no zstd command is installed here");
    const folder = await newFolder();
    const made = await dczDelta(from, to);
    await fs.writeFile(`${folder}/base`, from);
    await fs.writeFile(`${folder}/delta`, made?.bytes ?? "");
    zstdCommand(["-d", `--patch-from=${folder}/base`, `${folder}/delta`, "-o", `${folder}/made`]);
    expect((await fs.readFile(`${folder}/made`)).equals(to)).toBe(true);
  });

  test.for([["-1"], ["-19"], ["--ultra", "-22"]])(
    "makes deltas that we read, less the header: %s",
    async (level, { skip }) => {
      if (!hasZstd) skip("no zstd command is installed here");
      const folder = await newFolder();
      await fs.writeFile(`${folder}/base`, base);
      await fs.writeFile(`${folder}/target`, target);
      zstdCommand([...level, `--patch-from=${folder}/base`, `${folder}/target`, "-o", `${folder}/body`]);
      const { alternative, object } = dczDeltaOf(base, target, await fs.readFile(`${folder}/body`));
      await fs.writeFile(`${folder}/object`, object);
      await expectTarget(alternative, `${folder}/object`);
    },
  );
});
