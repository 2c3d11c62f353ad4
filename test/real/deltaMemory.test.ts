import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DICTIONARY_LIMIT } from "../../src/core/content/manifest.ts";
import { bsdiffOf, type Delta, dczDeltaOf, frame, segmentsOf, zstdDelta } from "../support/deltas.ts";
import { upgradeOf } from "../support/deltaWorld.ts";
import { WHOLE } from "../support/extent.ts";
import { bundle } from "../support/program.ts";
import { makeWorld, noise, type World } from "../support/world.ts";

/** Most memory that an update may take, however large its files (docs/protocol.md, "Limits"), in megabytes. */
const LIMIT = 130;
/** Longer than what is left of the limit above an idle process. */
const LARGE = 60_000_000;
const PATIENCE = { timeout: 300_000 };

let world: World;
let child: string;
beforeAll(async () => {
  world = await makeWorld();
  child = await bundle(path.join(import.meta.dirname, "deltaMemoryChild.ts"));
});
afterAll(() => world.remove());

/** Bytes that compress to nothing but depend on the place: cheap to make and to find again. */
function plain(seed: string, length: number): Buffer {
  return Buffer.alloc(length, noise(seed, 65_536));
}

/** A target that is the base with its last bytes new, and a delta that says so. */
const cases: [what: string, length: number, make: (base: Buffer, target: Buffer) => Delta][] = [
  ["a dcz delta on the longest base", DICTIONARY_LIMIT, dczDeltaOf],
  [
    "a dcz-segments delta",
    LARGE,
    (base, target) => segmentsOf(base, target, { size: 4_194_304, margin: 4_194_304 }),
  ],
  ["a bsdiff delta", LARGE, (base, target) => wholeDiff(base, target)],
  ["a compressed whole", LARGE, (_, target) => zstdDelta(frame(target))],
];

function wholeDiff(base: Buffer, target: Buffer): Delta {
  const extra = target.subarray(base.length - 1_000);
  const instruction = { seek: 0, add: base.length - 1_000, insert: extra.length };
  return bsdiffOf(base, { control: [instruction], diff: Buffer.alloc(instruction.add), extra });
}

/** The long files, which take the longest to make, where all is asked for. */
const asked = cases.filter(([, length]) => WHOLE || length === DICTIONARY_LIMIT);

test.for(asked)("%s is applied in less than 130 MB", PATIENCE, async ([what, length, make]) => {
  await expectSmall(what, 1, length, make);
});

test("four dcz deltas at once are applied in less than 130 MB", PATIENCE, async () => {
  await expectSmall("four", 4, DICTIONARY_LIMIT, dczDeltaOf);
});

async function expectSmall(
  what: string,
  files: number,
  length: number,
  make: (base: Buffer, target: Buffer) => Delta,
): Promise<void> {
  const names = Array.from({ length: files }, (_, at) => `${at}.bin`);
  const bases = names.map((name) => plain(name, length));
  const targets = bases.map((base, at) =>
    Buffer.concat([base.subarray(0, -1_000), noise(`new ${at}`, 2_000)]),
  );
  const deltas = bases.map((base, at) => make(base, targets[at] as Buffer));
  const byName = <Value>(values: Value[]) =>
    Object.fromEntries(names.map((name, at) => [name, values[at] as Value]));
  const releases = [
    { files: byName(bases) },
    { files: byName(targets), alternatives: byName(deltas.map(({ alternative }) => [alternative])) },
  ];
  const { agent, source } = await upgradeOf(world, releases, deltas);
  const { stdout } = await promisify(execFile)(process.execPath, [child, agent.configFile]);
  await source.close();
  const { megabytes, ...rest } = JSON.parse(stdout);
  process.stdout.write(`${what}: ${megabytes} MB\n`);
  expect(rest).toEqual({ outcome: "updated", setbacks: [] });
  expect(megabytes).toBeLessThan(LIMIT);
}
