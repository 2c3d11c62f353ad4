import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import { type SourceOptions, startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  type AgentOptions,
  expectInstalled,
  expectTidy,
  makeAgent,
  makeWorld,
  objectOf,
  type Publication,
  payload,
  SMALL,
  type World,
  writeJson,
} from "../support/world.ts";
import { makeAuthority } from "./certificates.ts";
import { type Ended, nearsource, on, start } from "./commandLine.ts";

let world: World;
/** Honest sources of every publication, which nobody changes. */
const honest: TestSource[] = [];
beforeAll(async () => {
  world = await makeWorld();
  for (const publication of [1, 2, 3] as const) honest.push(await startSource(world.www(publication)));
});
afterAll(async () => {
  await Promise.all(honest.map((source) => source.close()));
  await world.remove();
});

const urlOf = (publication: Publication) => honest[publication - 1]?.url ?? "";

/** An agent of the honest source with \`publication\`. */
const agentOf = (publication: Publication, options: Partial<AgentOptions> = {}) =>
  makeAgent(world, { sources: { good: urlOf(publication) }, ...options });

/** Lets an agent's only source be that of another publication. */
async function turnTo(agent: Agent, publication: Publication): Promise<void> {
  const entries = [{ range: "127.0.0.0/8", name: "good", url: urlOf(publication) }];
  await writeJson(path.join(agent.folder, "list.json"), {
    version: 2,
    entries,
    serverFallback: { enabled: false },
  });
}

async function changeConfig(agent: Agent, change: object): Promise<void> {
  const config = JSON.parse(await fs.readFile(agent.configFile, "utf8"));
  await writeJson(agent.configFile, { ...config, ...change });
}

/** The one JSON document that stdout must be. */
function json<Document = Record<string, unknown>>({ stdout }: Ended): Document {
  expect(stdout.endsWith("}\n")).toBe(true);
  return JSON.parse(stdout);
}

/** One line of error, with its prefix, no stack, and a hint where there is something to do. */
function expectError({ stderr, stdout }: Ended, message: string | RegExp): void {
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^nearsource: [^A-Z]/);
  expect(stderr).not.toMatch(/\n {4}at /);
}

describe.concurrent("nearsource update", () => {
  test("updates, then finds everything current: exit 0 both times, and says so", async () => {
    const agent = await agentOf(2);
    const first = await on(agent, "update");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("updated: generation 1 is installed");
    expect(first.stdout).not.toContain("\u001b");
    await expectInstalled(agent, 2);
    const second = await on(agent, "update");
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).toContain("already current: generation 1 is installed");
  });

  test("--json prints one document and nothing else, however the run ends", async () => {
    const agent = await agentOf(2);
    const updated = json<Report>(await on(agent, "update", "--json"));
    expect(updated).toMatchObject({
      outcome: "updated",
      trigger: "manual",
      exitCode: 0,
      generation: 1,
      undelivered: [],
    });
    expect(updated.installed).toMatchObject([
      { component: "rules", kind: "components", toVersion: "2.0", via: "full" },
    ]);
    expect(json(await on(agent, "update", "--json"))).toMatchObject({ outcome: "current" });
    await writeJson(path.join(agent.folder, "list.json"), {
      entries: [],
      serverFallback: { enabled: false },
    });
    const exhausted = await on(agent, "update", "--json");
    expect(exhausted.code).toBe(4);
    expect(json(exhausted)).toMatchObject({ outcome: "exhausted", exitCode: 4, attempts: [] });
  });

  test("--quiet says nothing when all is well", async () => {
    const { configFile } = await agentOf(2);
    const quiet = await nearsource("--quiet", "update", "--config", configFile);
    expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("exits 3 when some kinds were delivered and others not, and names them", async () => {
    const agent = await agentOf(2);
    await changeConfig(agent, {
      kinds: ["components", "settings"],
      roots: { content: "root.json", settings: "root.json" },
    });
    const partial = await on(agent, "update");
    expect(partial.code).toBe(3);
    expect(partial.stdout).toContain(
      "partly updated: generation 1 is installed, but nobody delivered settings",
    );
    await expectInstalled(agent, 2);
  });

  test("exits 4 when every source is exhausted, and says why of each", async () => {
    const agent = await makeAgent(world, { sources: { dead: "http://127.0.0.2:21112" }, installed: 1 });
    const exhausted = await on(agent, "update");
    expect(exhausted.code).toBe(4);
    expect(exhausted.stdout).toContain("127.0.0.2:21112 refused the connection (CONNECTION_REFUSED");
    expect(exhausted.stdout).toContain("every source is exhausted");
    await expectInstalled(agent, 1);
  });

  test("reports a source that lied at error level, though the run succeeds", async () => {
    const liar = await startSource(world.www(2), {
      answer: ({ url = "" }, response) => {
        if (!url.endsWith(objectOf(2, "rules"))) return false;
        response.end(Buffer.alloc(SMALL));
        return true;
      },
    });
    const agent = await makeAgent(world, { sources: { liar: liar.url, good: urlOf(2) }, installed: 1 });
    const ended = await on(agent, "update");
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/^error: liar: .* sent other bytes than the signed .* \(HASH_MISMATCH\)\n$/);
    await expectInstalled(agent, 2);
    await liar.close();
  });

  test("writes its log as JSON lines into the configured file", async () => {
    const agent = await agentOf(2, { config: { log: { file: "data/agent.log", level: "debug" } } });
    await on(agent, "update");
    const lines = (await fs.readFile(path.join(agent.dataDir, "agent.log"), "utf8")).trim().split("\n");
    const parsed = lines.map((line) => JSON.parse(line));
    expect(parsed.at(-1)).toMatchObject({
      level: "debug",
      message: "ended: updated",
      timestamp: expect.any(String),
    });
  });

  test("trusts the authorities of NODE_EXTRA_CA_CERTS, and no other", async () => {
    const authority = await makeAuthority(world.folder, "Private authority");
    const source = await startSource(world.www(2), { tls: await authority.issue() });
    const agent = await makeAgent(world, { sources: { secure: source.url } });
    const args = ["update", "--config", agent.configFile];
    expect(await start(args).ended).toMatchObject({
      code: 4,
      stdout: expect.stringContaining("TLS_CERTIFICATE"),
    });
    expect(await start(args, { NODE_EXTRA_CA_CERTS: authority.file }).ended).toMatchObject({ code: 0 });
    await source.close();
  });
});

describe.concurrent("a command line", () => {
  test.for([
    [["updte"], /updte/],
    [["update", "--now"], /unknown option '--now'/],
    [["update", "--kind", "rules"], /'rules' is invalid/],
    [["update", "--kind"], /argument missing/],
    [["sources", "check"], /missing required argument 'file'/],
    [["rollback", "--to", "yesterday"], /"yesterday" is not the number of a generation/],
    [["explain", "--ip", "10.0.0.1/8"], /--ip: "10.0.0.1\/8" is not/],
  ] as const)("%j exits 2 and says what is wrong", async ([args, said]) => {
    const agent = await agentOf(1);
    const ended = await start([...args], { NEARSOURCE_CONFIG: agent.configFile }).ended;
    expect(ended.code).toBe(2);
    expectError(ended, said);
  });

  test("without a command, with --help and with --version is an answer", async () => {
    const [bare, help, version] = await Promise.all([
      nearsource(),
      nearsource("update", "--help"),
      nearsource("--version"),
    ]);
    expect(bare).toMatchObject({ code: 0, stdout: expect.stringContaining("Usage: nearsource"), stderr: "" });
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining("--wait"), stderr: "" });
    expect(version).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });
});

describe.concurrent("exit 6:", () => {
  test("a configuration that is not there", async () => {
    const ended = await nearsource("update", "--config", path.join(world.folder, "none.json"));
    expect(ended.code).toBe(6);
    expectError(ended, /there is no configuration at .*none\.json\nhint: name one/);
  });

  test("a configuration with an unknown key, which is named", async () => {
    const agent = await agentOf(1, { config: { dataDri: "x" } });
    for (const command of ["update", "explain", "rollback"]) {
      const ended = await on(agent, command);
      expect({ command, code: ended.code }).toEqual({ command, code: 6 });
      expectError(ended, /"dataDri" is not a key of the configuration/);
    }
  });

  test("a source list that is refused, with the entry, the field and the reason", async () => {
    const agent = await agentOf(1);
    const list = path.join(agent.folder, "list.json");
    await writeJson(list, { entries: [{ range: "10.0.0.9-10.0.0.1", url: "http://ua:1" }] });
    for (const args of [["update"], ["explain"]]) {
      const ended = await on(agent, ...args);
      expect(ended.code).toBe(6);
      expectError(ended, /entries\[0\]\.range: "10\.0\.0\.9-10\.0\.0\.1" ends before it begins/);
    }
    const checked = await nearsource("sources", "check", list);
    expect(checked.code).toBe(6);
    expectError(checked, /entries\[0\]\.range/);
  });

  test("a root that is not configured", async () => {
    const agent = await agentOf(1, { config: { roots: {} } });
    const ended = await on(agent, "update", "--json");
    expect(ended.code).toBe(6);
    expectError(ended, /has no roots\.content/);
  });

  test("an environment that turns certificate checks off, for every command", async () => {
    const agent = await agentOf(1);
    for (const command of ["update", "status"]) {
      const args = [command, "--config", agent.configFile];
      const ended = await start(args, { NODE_TLS_REJECT_UNAUTHORIZED: "0" }).ended;
      expect(ended.code).toBe(6);
      expect(ended.stderr).toContain("NODE_TLS_REJECT_UNAUTHORIZED=0 turns certificate checks off");
      expect(ended.stdout).toBe("");
    }
    await expect(fs.stat(agent.dataDir)).rejects.toThrow("ENOENT");
  });
});

describe.concurrent("exit 7:", () => {
  test("a data directory that is a file", async () => {
    const agent = await agentOf(1);
    await fs.writeFile(agent.dataDir, "precious");
    const ended = await on(agent, "update");
    expect(ended.code).toBe(7);
    expectError(ended, /data/);
    expect(await fs.readFile(agent.dataDir, "utf8")).toBe("precious");
  });

  test.for(["store", "generations", "metadata", "metadata/content", "partial", "tmp", "state.json", "lock"])(
    "a symbolic link in the place of %s, and nothing is written through it",
    async (name) => {
      const agent = await agentOf(2, { installed: 1 });
      const victim = await fs.mkdtemp(path.join(world.folder, "victim-"));
      const place = path.join(agent.dataDir, name);
      await fs.rm(place, { recursive: true, force: true });
      await fs.symlink(victim, place);
      const ended = await on(agent, "update");
      expect(ended.code).toBe(7);
      expectError(ended, /symbolic link/);
      expect(await fs.readdir(victim)).toEqual([]);
      await expectInstalled(agent, 1).catch((error) => {
        // The installed set lay where the link is now.
        if (name !== "generations") throw error;
      });
    },
  );

  test("a real folder in the place of current, which stays as it is", async () => {
    const agent = await agentOf(1);
    await fs.mkdir(path.join(agent.dataDir, "current"), { recursive: true });
    await fs.writeFile(path.join(agent.dataDir, "current", "file"), "precious");
    const ended = await on(agent, "update");
    expect(ended.code).toBe(7);
    expectError(ended, /current is not a link of ours/);
    expect(await fs.readdir(path.join(agent.dataDir, "current"))).toEqual(["file"]);
  });
});

/** A source that gives the first half of an object and then nothing, and tells when it was asked for it. */
async function halting(options: SourceOptions = {}) {
  const asked = Promise.withResolvers<void>();
  const source = await startSource(world.www(2), {
    ...options,
    answer: ({ url = "" }, response) => {
      if (!url.endsWith(objectOf(2, "rules"))) return false;
      response.writeHead(200, { "content-length": SMALL });
      response.write(payload(2, "rules")["rules.dat"]?.subarray(0, SMALL / 2), () => asked.resolve());
      return true;
    },
  });
  return { source, asked: asked.promise };
}

describe.concurrent("a run that is interrupted", () => {
  test.for(["SIGINT", "SIGTERM"] as const)(
    "by %s exits 130, and the next goes on where it stopped",
    async (signal) => {
      const { source, asked } = await halting();
      const agent = await makeAgent(world, { sources: { halting: source.url }, installed: 1 });
      const run = start(["update", "--config", agent.configFile]);
      await asked;
      const partial = path.join(agent.dataDir, "partial", objectOf(2, "rules"));
      run.process.kill(signal);
      const ended = await run.ended;
      expect(ended.code).toBe(130);
      expect(ended.stderr).toMatch(/^nearsource: interrupted.*\nhint: the next run goes on/);
      await expectInstalled(agent, 1);
      const { size } = await fs.stat(partial);
      const good = await startSource(world.www(2));
      const entries = [{ range: "127.0.0.1", url: good.url }];
      await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
      expect(await on(agent, "update")).toMatchObject({ code: 0 });
      await expectInstalled(agent, 2);
      await expectTidy(agent);
      if (size > 0) expect(good.objects().map(({ range }) => range)).toContain(`bytes=${size}-`);
      await Promise.all([source.close(), good.close()]);
    },
  );

  test("--json leaves stdout empty", async () => {
    const { source, asked } = await halting();
    const agent = await makeAgent(world, { sources: { halting: source.url } });
    const run = start(["update", "--json", "--config", agent.configFile]);
    await asked;
    run.process.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 130, stdout: "" });
    await source.close();
  });
});

describe.concurrent("a second run", () => {
  test("exits 5 and names the first, waits with --wait, and takes over at once when the first is killed", async () => {
    const { source, asked } = await halting();
    const agent = await makeAgent(world, { sources: { halting: source.url, good: urlOf(2) }, installed: 1 });
    const first = start(["update", "--config", agent.configFile]);
    await asked;
    const second = await on(agent, "update");
    expect(second.code).toBe(5);
    const who = process.platform === "linux" ? `process ${first.process.pid}` : "another process";
    expectError(second, `nearsource: another update is running (${who})\nhint: wait for it with --wait`);
    expect(await on(agent, "rollback")).toMatchObject({ code: 5 });
    expect(await on(agent, "status")).toMatchObject({ code: 0 });
    await turnTo(agent, 2);
    const third = start(["update", "--wait", "--config", agent.configFile]);
    first.process.kill("SIGKILL");
    await first.ended;
    expect(await third.ended).toMatchObject({ code: 0 });
    await expectInstalled(agent, 2);
    await expectTidy(agent);
    await source.close();
  });
});

describe.concurrent("nearsource explain", () => {
  test("prints the plan, asks nobody and changes nothing", async () => {
    const agent = await agentOf(1);
    const ended = await on(agent, "explain");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain(`1. entries[0]  good  ${urlOf(1)}`);
    expect(ended.stdout).toContain("because 127.0.0.1 is in 127.0.0.0/8 (clause 1)");
    await expect(fs.stat(agent.dataDir)).rejects.toThrow("ENOENT");
    const plan = json(await on(agent, "explain", "--json", "--ip", "10.0.0.1"));
    expect(plan).toMatchObject({ addresses: ["10.0.0.1"], steps: [], uncovered: ["components"] });
  });

  test("of a list needs no configuration", async () => {
    const agent = await agentOf(1);
    const list = path.join(agent.folder, "list.json");
    const ended = await nearsource("explain", "--json", "--ip", "127.0.0.1", "--source-list", list);
    expect(json(ended)).toMatchObject({ steps: [{ rule: "custom", entry: 0, url: urlOf(1) }] });
  });
});

describe.concurrent("nearsource status", () => {
  test("tells of an agent that has done nothing yet, and leaves no trace", async () => {
    const agent = await agentOf(1);
    const ended = await on(agent, "status");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("Nothing is installed.");
    await expect(fs.stat(agent.dataDir)).rejects.toThrow("ENOENT");
  });

  test("tells what is installed, how fresh it is and what the last run did", async () => {
    const agent = await agentOf(2, { installed: 1 });
    await on(agent, "update");
    const ended = await on(agent, "status");
    expect(ended.stdout).toMatch(
      /Generation 2 is installed \(also kept: 1\):\n {2}components\/rules {2}2\.0 {2}release 2/,
    );
    expect(ended.stdout).toMatch(/content: timestamp 3, confirmed .* ago, expires in \d+ days/);
    expect(ended.stdout).toContain("good: delivered components");
    const status = json(await on(agent, "status", "--json"));
    expect(status).toMatchObject({
      generation: 2,
      generations: [2, 1],
      components: [{ name: "rules", release: 2 }],
      metadata: [{ repository: "content", version: 3, ageMs: expect.any(Number) }],
      lastRun: { report: { outcome: "updated" } },
      held: {},
    });
  });
});

describe.concurrent("nearsource verify", () => {
  const installedFile = (agent: Agent) => path.join(agent.dataDir, "current/components/rules/rules.dat");

  /** Replaces an installed file, whatever its mode. */
  async function damage(agent: Agent, bytes: string | undefined): Promise<void> {
    await fs.rm(installedFile(agent));
    if (bytes !== undefined) await fs.writeFile(installedFile(agent), bytes);
  }

  test("exits 0 while all is whole, and 8 with the name of what is not", async () => {
    const agent = await agentOf(1, { installed: 1 });
    expect(await on(agent, "verify")).toMatchObject({ code: 0, stdout: "whole: 2 files, 66 kB\n" });
    await damage(agent, "altered");
    const altered = await on(agent, "verify");
    expect(altered.code).toBe(8);
    expect(altered.stdout).toContain("altered  components/rules/rules.dat");
    const document = await on(agent, "verify", "--json");
    expect(document.code).toBe(8);
    expect(json(document)).toMatchObject({
      repaired: false,
      damage: [{ path: "rules.dat", reason: "altered" }],
    });
  });

  test.for([
    ["altered", "altered"],
    ["missing", undefined],
  ] as const)(
    "--repair mends what is %s from the store or the sources, and keeps the release",
    async ([, bytes]) => {
      const agent = await agentOf(1, { installed: 1 });
      await damage(agent, bytes);
      const repaired = await on(agent, "verify", "--repair");
      expect(repaired).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("repaired: generation 2 is installed"),
      });
      await expectInstalled(agent, 1);
      expect(await on(agent, "verify")).toMatchObject({ code: 0 });
      await expectTidy(agent);
    },
  );

  test.for(["a link", "a folder"])("--repair mends what became %s", async (what) => {
    const agent = await agentOf(1, { installed: 1 });
    await damage(agent, undefined);
    if (what === "a folder") await fs.mkdir(installedFile(agent));
    else await fs.symlink("/etc/hosts", installedFile(agent));
    expect(await on(agent, "verify")).toMatchObject({ code: 8 });
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 1);
  });

  test("--repair needs a source where the store is damaged too, and exits 8 without", async () => {
    const agent = await makeAgent(world, { sources: { dead: "http://127.0.0.2:21112" }, installed: 1 });
    const name = objectOf(1, "rules");
    for (const file of [installedFile(agent), path.join(agent.dataDir, "store", name.slice(0, 2), name)]) {
      await fs.rm(file);
      await fs.writeFile(file, Buffer.alloc(SMALL));
    }
    const ended = await on(agent, "verify", "--repair");
    expect(ended.code).toBe(8);
    expect(ended.stderr).toContain("no source has 1 of the damaged files");
    await turnTo(agent, 1);
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 1);
  });

  test("exits 2 when nothing is installed", async () => {
    const ended = await on(await agentOf(1), "verify");
    expect(ended.code).toBe(2);
    expectError(ended, /nothing is installed/);
  });
});

describe.concurrent("nearsource rollback", () => {
  test("goes back, holds what it left until a newer release appears, and tells so", async () => {
    const agent = await agentOf(2, { installed: 1 });
    await on(agent, "update");
    const back = await on(agent, "rollback");
    expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining("back from generation 2 to 1") });
    await expectInstalled(agent, 1);
    const held = await on(agent, "update");
    expect(held).toMatchObject({ code: 0, stdout: expect.stringContaining("already current: generation 1") });
    await expectInstalled(agent, 1);
    expect((await on(agent, "status")).stdout).toContain("held: components/rules up to release 2");
    await turnTo(agent, 3);
    expect(await on(agent, "update")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 3);
  });

  test("exits 2 when there is nowhere to go back to", async () => {
    const agent = await agentOf(1, { installed: 1 });
    const none = await on(agent, "rollback");
    expect(none.code).toBe(2);
    expectError(none, /there is no earlier generation\nhint: kept are: 1/);
    const unknown = await on(agent, "rollback", "--to", "7");
    expect(unknown.code).toBe(2);
    expectError(unknown, /there is no generation 7/);
    await expectInstalled(agent, 1);
  });

  test("exits 8 and stays when the generation to go back to is damaged", async () => {
    const agent = await agentOf(2, { installed: 1 });
    await on(agent, "update");
    await fs.rm(path.join(agent.dataDir, "generations/1/components/rules/rules.dat"));
    const ended = await on(agent, "rollback");
    expect(ended.code).toBe(8);
    expectError(ended, /generation 1 is damaged/);
    await expectInstalled(agent, 2);
  });
});

describe.concurrent("a hook", () => {
  /** An agent whose hook runs this script with the installed rules at hand. */
  async function withHook(publication: Publication, script: string, options: Partial<AgentOptions> = {}) {
    const agent = await agentOf(publication, options);
    const file = path.join(agent.dataDir, "..", "data", "hook.cjs");
    await fs.mkdir(agent.dataDir, { recursive: true });
    await fs.writeFile(file, script);
    await changeConfig(agent, { hooks: { afterUpdate: [process.execPath, file] } });
    return agent;
  }

  const REFUSE_2 = `
    const fs = require("node:fs");
    const current = process.env.NEARSOURCE_CURRENT;
    const { components } = JSON.parse(fs.readFileSync(current + "/manifest.json", "utf8"));
    if (components[0].release === 2) { console.error("the engine does not load it"); process.exit(9); }`;

  test("that fails brings the previous generation back: exit 8, and the release is held until a newer one", async () => {
    const agent = await withHook(2, REFUSE_2, { installed: 1 });
    const failed = await on(agent, "update");
    expect(failed.code).toBe(8);
    expect(failed.stdout).toContain("taken back:");
    expect(failed.stderr).toContain("ended with 9: the engine does not load it");
    await expectInstalled(agent, 1);
    await expectTidy(agent);
    const document = json<Report>(await on(agent, "update", "--json"));
    expect(document).toMatchObject({ outcome: "current", exitCode: 0, generation: 1, installed: [] });
    await expectInstalled(agent, 1);
    await turnTo(agent, 3);
    expect(await on(agent, "update")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 3);
  });

  test("that refuses the first installation leaves nothing installed", async () => {
    const agent = await withHook(2, REFUSE_2);
    const failed = await on(agent, "update", "--json");
    expect(failed.code).toBe(8);
    expect(json(failed)).toMatchObject({
      exitCode: 8,
      generation: 0,
      installed: [],
      failure: { code: "HOOK_FAILED" },
    });
    await expect(fs.lstat(path.join(agent.dataDir, "current"))).rejects.toThrow("ENOENT");
  });

  test("that cannot be run fails", async () => {
    const agent = await agentOf(2, { installed: 1 });
    await changeConfig(agent, { hooks: { afterUpdate: ["/nowhere/hook"] } });
    const failed = await on(agent, "update");
    expect(failed.code).toBe(8);
    expect(failed.stderr).toContain("did not run (ENOENT)");
    await expectInstalled(agent, 1);
  });

  test("runs after the switch, is told what is current, and not when nothing changed", async () => {
    const script = `
      const fs = require("node:fs");
      const { NEARSOURCE_CURRENT, NEARSOURCE_GENERATION } = process.env;
      const size = fs.statSync(NEARSOURCE_CURRENT + "/components/rules/rules.dat").size;
      fs.appendFileSync("hook.log", NEARSOURCE_GENERATION + " " + size + "\\n");`;
    const agent = await withHook(2, script, { installed: 1 });
    await on(agent, "update");
    await on(agent, "update");
    expect(await fs.readFile(path.join(agent.dataDir, "hook.log"), "utf8")).toBe(`2 ${SMALL}\n`);
  });
});

describe.concurrent("nearsource sources check", () => {
  test("accepts a list and points out what is odd about it", async () => {
    const file = path.join(world.folder, "odd.json");
    const entries = [
      { range: "10.0.0.0/8", url: "http://a.test" },
      { range: "10.1.0.0/16", url: "http://b.test" },
    ];
    await writeJson(file, { version: 3, entries });
    const ended = await nearsource("sources", "check", file);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("valid: version 3, customized, 2 entries");
    expect(ended.stdout).toContain("note entries[1]: 10.1.0.0/16 lies within 10.0.0.0/8 of entries[0]");
    const document = json(await nearsource("sources", "check", "--json", file));
    expect(document).toMatchObject({ valid: true, entries: 2, findings: [{ entry: 1 }] });
  });
});

describe.concurrent("exit 8:", () => {
  test("a root that is none", async () => {
    const agent = await agentOf(1);
    await fs.writeFile(path.join(agent.folder, "root.json"), "{}");
    const ended = await on(agent, "update");
    expect(ended.code).toBe(8);
    expectError(ended, /cannot use .*root\.json as the root of content/);
  });
});
