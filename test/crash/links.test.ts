import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { verifyCommand } from "../../src/cli/verifyCommand.ts";
import { readConfig } from "../../src/config/config.ts";
import { SILENT } from "../../src/config/log.ts";
import { NearsourceError } from "../../src/errors.ts";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { storePath } from "../../src/store/store.ts";
import { rollback } from "../../src/update/repair/rollback.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  makeAgent,
  makeWorld,
  objectOf,
  payload,
  runUpdate,
  sha256,
  type World,
} from "../support/world.ts";
import { copyAgent, expectWhole, inMemory, PATIENCE, published, type Tree } from "./harness.ts";

let world: World;
let source: TestSource;
let template: Agent;

beforeAll(async () => {
  world = await makeWorld({ within: inMemory() });
  source = await startSource(world.www(2));
  template = await makeAgent(world, { sources: { only: source.url }, installed: 1 });
  await runUpdate(template);
  source.root = world.www(3);
  // With what a run that died leaves: a partial object, and litter.
  await fs.writeFile(path.join(template.dataDir, "partial", objectOf(3, "rules")), Buffer.alloc(1_000));
  await fs.mkdir(path.join(template.dataDir, "tmp", "generation.1.abc"));
  await fs.writeFile(path.join(template.dataDir, "tmp", "generation.1.abc", "manifest.json"), "{}");
});

afterAll(async () => {
  await source.close();
  await world.remove();
});

interface Action {
  name: string;
  run: (agent: Agent) => Promise<unknown>;
  /** The files that it brings if it is not refused. */
  brings: Tree;
}

const actions: Action[] = [
  { name: "an update", run: runUpdate, brings: published(3, ["rules"]) },
  {
    name: "a rollback",
    run: async (agent) => rollback(await readConfig(agent.configFile, process.env), SILENT),
    brings: published(1, ["rules"]),
  },
  { name: "a repair", run: repair, brings: published(2, ["rules"]) },
];

describe.for(actions)("$name", ({ name, run, brings }) => {
  test("follows no link that stands in the place of any file or folder of ours", PATIENCE, async () => {
    const places = await fs.readdir(template.dataDir, { recursive: true });
    expect(places.length).toBeGreaterThan(30);
    for (const [index, place] of places.entries()) {
      const agent = await copyAgent(template, `${template.folder}-${name.slice(-6)}-${index}`);
      const outside = `${agent.folder}-outside`;
      if (run === repair) await damage(agent);
      // A lost folder has no place to plant a link in.
      if (!(await fs.readdir(agent.dataDir, { recursive: true })).includes(place)) continue;
      await plant(agent, place, outside);
      const before = await pictureOf(outside);
      const error = await run(agent).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      const when = `${name} with a link at ${place}`;
      expect(await pictureOf(outside), `${when} changes nothing outside`).toEqual(before);
      if (error === undefined) {
        await expectWhole(agent, [brings], when);
        expect(await linksOf(agent), `${when}: the link is gone`).toEqual(["current"]);
      } else {
        expect(error, when).toBeInstanceOf(NearsourceError);
        const { code, hint } = error as NearsourceError;
        // Without its own `current` there is nothing to go back from, or to repair.
        expect(code, when).toBe(place === "current" ? "GENERATION_NOT_FOUND" : "STORAGE_UNSAFE");
        expect(hint, when).toBeTypeOf("string");
      }
      await fs.rm(agent.folder, { recursive: true, force: true });
      await fs.rm(outside, { recursive: true, force: true });
    }
  });
});

/** The installed set has lost a file, in the store too, so that there is something to repair. */
async function damage(agent: Agent): Promise<void> {
  const lost = sha256(payload(2, "rules")["lists/extra.txt"] ?? Buffer.alloc(0));
  await fs.rm(path.join(agent.dataDir, "current", "components/rules/lists/extra.txt"));
  await fs.rm(storePath(dataDirAt(agent.dataDir), lost));
}

async function repair(agent: Agent): Promise<void> {
  const print = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await verifyCommand({ config: agent.configFile, repair: true, quiet: true });
  } finally {
    print.mockRestore();
  }
}

/** Moves what stands at `place` out of the data directory, and leaves a link to it. */
async function plant(agent: Agent, place: string, outside: string): Promise<void> {
  const planted = path.join(agent.dataDir, place);
  await fs.mkdir(outside);
  await fs.writeFile(path.join(outside, "bystander"), "precious");
  const moved = path.join(outside, path.basename(place));
  if (place === "current") {
    await fs.cp(await fs.realpath(planted), path.join(outside, "generations", "2"), { recursive: true });
    await fs.rm(planted);
    return await fs.symlink(path.join(outside, "generations", "2"), planted);
  }
  await fs.rename(planted, moved);
  await fs.symlink(moved, planted);
}

/** Every name below `folder`, with what it is and holds. */
async function pictureOf(folder: string): Promise<Record<string, string>> {
  const picture: Record<string, string> = {};
  for (const name of await fs.readdir(folder, { recursive: true })) {
    const file = path.join(folder, name);
    const { mode } = await fs.lstat(file);
    const text = await fs.readFile(file, "latin1").catch((error: NodeJS.ErrnoException) => error.code);
    picture[name] = `${mode.toString(8)} ${text}`;
  }
  return picture;
}

/** The symbolic links below the data directory. */
async function linksOf(agent: Agent): Promise<string[]> {
  const entries = await fs.readdir(agent.dataDir, { recursive: true, withFileTypes: true });
  const links = entries.filter((entry) => entry.isSymbolicLink());
  return links.map((entry) => path.relative(agent.dataDir, path.join(entry.parentPath, entry.name))).sort();
}
