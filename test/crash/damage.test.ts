import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { storePath } from "../../src/store/store.ts";
import { WHOLE } from "../support/extent.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  type ComponentName,
  makeAgent,
  makeWorld,
  payload,
  runUpdate,
  sha256,
  type World,
} from "../support/world.ts";
import {
  ALL,
  copyAgent,
  expectHealed,
  expectSet,
  expectWhole,
  inMemory,
  missingBytes,
  PATIENCE,
  published,
  type Tree,
} from "./harness.ts";

const BOTH: ComponentName[] = ["rules", "filters"];
/** After the last publication `rules` alone changes again. */
const NEXT_RULES = Buffer.from("the fourth rules");
const NEXT: Tree = { ...published(3, ["filters"]), "rules/rules.dat": NEXT_RULES };
const [RULES, FILTERS] = [NEXT_RULES, payload(3, "filters")["filters.dat"] ?? NEXT_RULES].map(sha256) as [
  string,
  string,
];

let world: World;
let source: TestSource;

beforeAll(async () => {
  world = await makeWorld({ several: true, within: inMemory() });
  const file = path.join(world.folder, "rules.dat");
  await fs.writeFile(file, NEXT_RULES);
  await addRelease({
    dir: path.join(world.folder, "www"),
    kind: "components",
    name: "rules",
    version: "4.0",
    path: file,
  });
  source = await startSource(path.join(world.folder, "www"));
});

afterAll(async () => {
  await source.close();
  await world.remove();
});

async function endpoint(): Promise<Agent> {
  return await makeAgent(world, { sources: { only: source.url }, components: BOTH, installed: 3 });
}

const storeFile = (agent: Agent, hash: string) => storePath(dataDirAt(agent.dataDir), hash);

describe("behind our back", () => {
  const damages: [what: string, damage: (agent: Agent) => Promise<void>][] = [
    ["a store file that stays in use is deleted", (agent) => fs.rm(storeFile(agent, FILTERS))],
    [
      "it is deleted, and the installed file with it",
      async (agent) => {
        await fs.rm(storeFile(agent, FILTERS));
        await fs.rm(path.join(agent.dataDir, "current/components/filters/filters.dat"));
      },
    ],
    ["it is cut short", (agent) => fs.truncate(storeFile(agent, FILTERS), 100)],
    [
      "the whole store is emptied of one folder",
      (agent) => fs.rm(path.dirname(storeFile(agent, FILTERS)), { recursive: true }),
    ],
    [
      "a file of the new release is in the store, altered",
      async (agent) => {
        await fs.mkdir(path.dirname(storeFile(agent, RULES)), { recursive: true });
        await fs.writeFile(storeFile(agent, RULES), Buffer.alloc(NEXT_RULES.length, "x"));
      },
    ],
    [
      "a folder stands in the place of a store file",
      async (agent) => {
        await fs.mkdir(storeFile(agent, RULES), { recursive: true });
      },
    ],
    [
      "a folder stands in the place of a partial file",
      async (agent) => {
        await fs.mkdir(path.join(agent.dataDir, "partial", "0".repeat(64), "x"), { recursive: true });
      },
    ],
  ];

  test.for(damages)("%s: the update heals it", async ([, damage]) => {
    const agent = await endpoint();
    await damage(agent);
    await expectHealed(agent, NEXT, "damaged");
    expect(await missingBytes(agent, NEXT)).toBe(0);
  });
});

test("the whole store deleted behind our back: the update brings the new set all the same", async () => {
  const agent = await endpoint();
  await fs.rm(path.join(agent.dataDir, "store"), { recursive: true });
  expect((await runUpdate(agent)).report.outcome).toBe("updated");
  await expectWhole(agent, [NEXT], "without a store");
  expect(await missingBytes(agent, NEXT)).toBe(0);
});

test("the litter of a thousand dead runs is gone after one run", async () => {
  const agent = await endpoint();
  for (let run = 0; run < 1_000; run++) {
    await fs.mkdir(path.join(agent.dataDir, "tmp", `generation.${run}.abc`));
    await fs.symlink("generations/9", path.join(agent.dataDir, "tmp", `current.${run}.abc`));
    await fs.writeFile(path.join(agent.dataDir, "tmp", `generation.${run}.abc`, "manifest.json"), "{");
    await fs.writeFile(path.join(agent.dataDir, "partial", sha256(Buffer.from(`${run}`))), "x");
  }
  await expectHealed(agent, NEXT, "full of litter");
});

describe("torn at any byte", () => {
  /** Every length of a file, or as many as CI has time for. */
  const lengths = (size: number) => {
    const step = ALL ? 1 : Math.ceil(size / (WHOLE ? 9 : 3));
    return Array.from({ length: Math.ceil(size / step) }, (_, index) => index * step);
  };

  test("the state: the next run ends well, and the set stays", PATIENCE, async () => {
    const agent = await endpoint();
    await runUpdate(agent);
    const file = path.join(agent.dataDir, "state.json");
    const whole = await fs.readFile(file);
    for (const length of lengths(whole.length)) {
      await fs.writeFile(file, whole.subarray(0, length));
      await expectHealed(agent, NEXT, `the state after ${length} of ${whole.length} bytes`);
    }
  });

  test(
    "any file of the trusted metadata: trust is proven anew, and nothing older is installed",
    PATIENCE,
    async () => {
      const template = await endpoint();
      await runUpdate(template);
      const home = path.join(template.dataDir, "metadata", "content");
      const [set = ""] = await fs.readdir(home);
      const entries = await fs.readdir(path.join(home, set), { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(template.folder, path.join(entry.parentPath, entry.name)));
      expect(files.length).toBe(7);
      for (const file of files) {
        const whole = await fs.readFile(path.join(template.folder, file));
        for (const length of lengths(whole.length)) {
          const when = `${file} after ${length} of ${whole.length} bytes`;
          const agent = await copyAgent(template, `${template.folder}-torn`);
          await fs.writeFile(path.join(agent.folder, file), whole.subarray(0, length));
          // An older source first: what the torn file said is forgotten, what is installed is not.
          source.root = world.www(2);
          await runUpdate(agent);
          await expectSet(agent, [NEXT], `${when}, from an older source`);
          source.root = path.join(world.folder, "www");
          await expectHealed(agent, NEXT, when);
          await fs.rm(agent.folder, { recursive: true });
        }
      }
    },
  );
});
