import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { storePath } from "../../src/store/store.ts";
import type { Report } from "../../src/update/update.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  type ComponentName,
  closeAll,
  expectInstalled,
  makeAgent,
  objectOf,
  runUpdate,
  SMALL,
  sharedWorld,
} from "../support/world.ts";
import { changeConfig, on } from "./commandLine.ts";

const stage = sharedWorld({ several: true });

const open: TestSource[] = [];
afterEach(() => closeAll(open));

const BOTH: ComponentName[] = ["rules", "filters"];
const RULES = "components/rules/rules.dat";

async function serve(publication: 1 | 2, lacks: Record<string, number> = {}): Promise<TestSource> {
  const source = await startSource(stage.world.www(publication), {
    answer: ({ url = "" }, response) => {
      const [, status] = Object.entries(lacks).find(([sha256]) => url.endsWith(sha256)) ?? [];
      if (status === undefined) return false;
      response.writeHead(status).end();
      return true;
    },
  });
  open.push(source);
  return source;
}

/** An agent that has the first publication. */
function agentOf(...sources: TestSource[]): Promise<Agent> {
  const named = Object.fromEntries(sources.map(({ url }, index) => [`source-${index}`, url]));
  return makeAgent(stage.world, { sources: named, installed: 1, components: BOTH });
}

/** Has it ask these sources from now on, in this order. */
async function goesTo(agent: Agent, ...sources: TestSource[]): Promise<void> {
  const entries = sources.map(({ url }) => ({ range: "127.0.0.0/8", url }));
  await fs.writeFile(path.join(agent.folder, "list.json"), JSON.stringify({ entries }));
}

const installedFile = (agent: Agent, file = RULES) => path.join(agent.dataDir, "current", file);

/** Loses an installed file and what the store has of it. */
async function lose(agent: Agent, ...names: ComponentName[]): Promise<void> {
  for (const name of names) {
    const file = name === "rules" ? "rules.dat" : "filters.dat";
    await fs.rm(installedFile(agent, `components/${name}/${file}`));
    await fs.rm(storePath(dataDirAt(agent.dataDir), objectOf(1, name)));
  }
}

/** Writes into an installed file, which is the store's too. */
async function overwrite(agent: Agent, bytes: Buffer): Promise<void> {
  const stored = storePath(dataDirAt(agent.dataDir), objectOf(1, "rules"));
  await fs.chmod(installedFile(agent), 0o644);
  await fs.writeFile(installedFile(agent), bytes);
  await fs.rm(stored);
  await fs.link(installedFile(agent), stored);
}

function expectMended(report: Report, names: ComponentName[] = ["rules"]): void {
  expect(report).toMatchObject({ outcome: "updated", exitCode: 0 });
  expect(report.installed.map(({ component, mended }) => [component, mended]).sort()).toEqual(
    names.map((name) => [name, true]).sort(),
  );
}

describe("the next run notices, without hashing anything, an installed file", () => {
  test("that is missing, and takes it from the store", async () => {
    const source = await serve(1);
    const agent = await agentOf(source);
    await fs.rm(installedFile(agent));
    expectMended((await runUpdate(agent)).report);
    expect(source.objects()).toEqual([]);
    await expectInstalled(agent, 1, BOTH);
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    expect(await fs.readdir(path.join(agent.dataDir, "generations"))).toEqual(["2"]);
  });

  test.each([
    ["that has another length", (agent: Agent) => overwrite(agent, Buffer.from("torn"))],
    [
      "that became a folder",
      async (agent: Agent) => {
        await lose(agent, "rules");
        await fs.mkdir(installedFile(agent));
      },
    ],
    ["that the store has lost too", (agent: Agent) => lose(agent, "rules")],
  ] as const)("%s, and fetches it", async (_, damage) => {
    const source = await serve(1);
    const agent = await agentOf(source);
    await damage(agent);
    const { report } = await runUpdate(agent);
    expectMended(report);
    expect(source.objects().map(({ bytes }) => bytes)).toEqual([SMALL]);
    expect(report.bytes).toBeGreaterThanOrEqual(SMALL);
    await expectInstalled(agent, 1, BOTH);
  });

  test("and brings the newer release where there is one", async () => {
    const agent = await agentOf(await serve(2));
    await lose(agent, "rules");
    expect((await runUpdate(agent)).report.installed.some(({ mended }) => mended)).toBe(false);
    await expectInstalled(agent, 2, BOTH);
  });

  test("and also where DNS says that nothing is newer", async () => {
    // The way to that check is real/scheduled.test.ts; here it is what it goes by.
    const { looksWhole } = await import("../../src/store/installedFiles.ts");
    const agent = await agentOf(await serve(1));
    expect(looksWhole(agent.dataDir)).toBe(true);
    await overwrite(agent, Buffer.from("torn"));
    expect(looksWhole(agent.dataDir)).toBe(false);
    expect(await on(agent, "verify")).toMatchObject({ code: 8 });
    await fs.rm(installedFile(agent));
    await fs.writeFile(installedFile(agent), Buffer.alloc(SMALL));
    expect(looksWhole(agent.dataDir)).toBe(false);
  });
});

describe("what nobody has", () => {
  test("is said, ends with 8, and keeps nothing else from being updated", async () => {
    const source = await serve(2, { [objectOf(1, "rules")]: 404, [objectOf(2, "rules")]: 404 });
    const agent = await agentOf(source);
    await changeConfig(agent, { policy: "policy.json" });
    await fs.writeFile(
      path.join(agent.folder, "policy.json"),
      JSON.stringify({ holds: { "components/rules": 1 } }),
    );
    await lose(agent, "rules");
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ exitCode: 8, failure: { code: "STORE_DAMAGED" } });
    expect(report.installed.map(({ component }) => component)).toEqual(["filters"]);
    expect(await fs.readdir(path.dirname(installedFile(agent)))).toEqual(["lists"]);
    await goesTo(agent, source, await serve(1));
    expectMended((await runUpdate(agent)).report);
  });
});

describe("what verify found", () => {
  test("is mended by the next run, though the length is right", async () => {
    const agent = await agentOf(await serve(1));
    await overwrite(agent, Buffer.alloc(SMALL));
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    const found = await on(agent, "verify");
    expect(found.code).toBe(8);
    expect(found.stdout).toContain("the next run mends it");
    expectMended((await runUpdate(agent)).report);
    await expectInstalled(agent, 1, BOTH);
    expect(await on(agent, "verify")).toMatchObject({ code: 0 });
    await expect(fs.stat(path.join(agent.dataDir, "damage.json"))).rejects.toThrow();
  });

  test("is looked for by a run once `verifyEvery` days have passed", async () => {
    const agent = await agentOf(await serve(1));
    await changeConfig(agent, { policy: "policy.json" });
    await fs.writeFile(path.join(agent.folder, "policy.json"), JSON.stringify({ verifyEvery: 2 }));
    await overwrite(agent, Buffer.alloc(SMALL));
    const inDays = (days: number) => ({ now: new Date(Date.now() + days * 86_400_000) });
    expect((await runUpdate(agent, inDays(1))).report.outcome).toBe("current");
    expectMended((await runUpdate(agent, inDays(2.1))).report);
    await overwrite(agent, Buffer.alloc(SMALL));
    expect((await runUpdate(agent, inDays(4))).report.outcome).toBe("current");
    expectMended((await runUpdate(agent, inDays(4.2))).report);
  });
});

describe("what verify --repair could not mend", () => {
  test("is named, and mended by the next run, though the length is right", async () => {
    const source = await serve(1, { [objectOf(1, "rules")]: 503 });
    const agent = await agentOf(source);
    await overwrite(agent, Buffer.alloc(SMALL));
    const failed = await on(agent, "verify", "--repair");
    expect(failed.code).toBe(8);
    expect(failed.stderr).toContain("components/rules/rules.dat is damaged, and no source has it");
    expect(failed.stderr).toContain("hint: the next run tries again");
    await goesTo(agent, await serve(1));
    expectMended((await runUpdate(agent)).report);
    await expectInstalled(agent, 1, BOTH);
  });

  test("is mended by the next run also where another one held the lock", async () => {
    const agent = await agentOf(await serve(1));
    await overwrite(agent, Buffer.alloc(SMALL));
    const { takeLock } = await import("../../src/store/lock.ts");
    const lock = await takeLock(agent.dataDir, { role: "update" });
    const refused = await on(agent, "verify", "--repair").finally(() => lock.release());
    expect(refused.code).toBe(5);
    expectMended((await runUpdate(agent)).report);
  });
});

describe("a generation that is kept", () => {
  /** An agent whose two generations share the release of rules; only that of filters differs. */
  async function withTwo(): Promise<Agent> {
    const agent = await agentOf(await serve(2));
    await changeConfig(agent, { policy: "policy.json" });
    const holds = { "components/rules": 1 };
    await fs.writeFile(path.join(agent.folder, "policy.json"), JSON.stringify({ holds }));
    expect((await runUpdate(agent)).report).toMatchObject({ outcome: "updated", generation: 2 });
    await overwrite(agent, Buffer.alloc(SMALL));
    const kept = path.join(agent.dataDir, "generations/1", RULES);
    await fs.rm(kept);
    await fs.link(installedFile(agent), kept);
    return agent;
  }
  const repair = async (agent: Agent) =>
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0, stderr: "" });
  const nextRun = async (agent: Agent) => {
    await on(agent, "verify");
    expect((await runUpdate(agent)).report).toMatchObject({ generation: 3, exitCode: 0 });
  };

  test.each([
    ["verify --repair", repair],
    ["the next run", nextRun],
  ])("and shares the altered file is mended with it by %s", async (_, mend) => {
    const agent = await withTwo();
    await goesTo(agent, await serve(1), await serve(2));
    await mend(agent);
    expect(await fs.readdir(path.join(agent.dataDir, "generations"))).toEqual(["1", "3"]);
    expect(await on(agent, "rollback")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 1, BOTH);
    expect(await on(agent, "verify")).toMatchObject({ code: 0 });
  });

  test("and shares the altered file goes where a newer release replaces that, and it is said", async () => {
    const agent = await withTwo();
    await fs.writeFile(path.join(agent.folder, "policy.json"), "{}");
    await on(agent, "verify");
    const { code, stdout, stderr } = await on(agent, "update");
    expect(code).toBe(0);
    expect(stdout + stderr).toContain(
      "generation 1 is kept no longer: components/rules/rules.dat of it is damaged",
    );
    expect(await on(agent, "rollback")).toMatchObject({ code: 2 });
  });
});

describe("verify --repair walks the order as a run does:", () => {
  test.each([404, 403, 400])(
    "what a source answers with %i for one file, the next one has",
    async (status) => {
      const first = await serve(1, { [objectOf(1, "rules")]: status });
      const second = await serve(1, { [objectOf(1, "filters")]: status });
      const agent = await agentOf(first, second);
      await lose(agent, ...BOTH);
      expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
      await expectInstalled(agent, 1, BOTH);
    },
  );

  test("a request that breaks off is made once more", async () => {
    let tries = 0;
    const source = await startSource(stage.world.www(1), {
      answer: ({ url = "" }, response) => {
        if (!url.endsWith(objectOf(1, "rules")) || ++tries > 1) return false;
        response.destroy();
        return true;
      },
    });
    open.push(source);
    const agent = await agentOf(source);
    await lose(agent, ...BOTH);
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
    expect(tries).toBe(2);
  });

  test("a source is asked for the kinds that it delivers", async () => {
    const [programs, components] = [await serve(1), await serve(1)];
    const agent = await agentOf(programs, components);
    await fs.writeFile(
      path.join(agent.folder, "list.json"),
      JSON.stringify({
        entries: [
          { range: "127.0.0.0/8", url: programs.url, kinds: ["programs"] },
          { range: "127.0.0.0/8", url: components.url },
        ],
      }),
    );
    await lose(agent, "rules");
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
    expect([programs.requests.length, components.objects().length]).toEqual([0, 1]);
  });
});
