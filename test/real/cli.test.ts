import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { type SourceOptions, startSource } from "../support/source.ts";
import {
  expectInstalled,
  expectTidy,
  makeAgent,
  objectOf,
  payload,
  SMALL,
  writeJson,
} from "../support/world.ts";
import { makeAuthority } from "./certificates.ts";
import {
  changeConfig,
  expectError,
  json,
  nearsource,
  on,
  openStage,
  type Stage,
  start,
} from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

describe.concurrent("nearsource update", () => {
  test("updates, then finds everything current: exit 0 both times, and says so", async () => {
    const agent = await stage.agentOf(2);
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
    const agent = await stage.agentOf(2);
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
    const { configFile } = await stage.agentOf(2);
    const quiet = await nearsource("--quiet", "update", "--config", configFile);
    expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("exits 3 when some kinds were delivered and others not, and names them", async () => {
    const agent = await stage.agentOf(2);
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
    const agent = await makeAgent(stage.world, { sources: { dead: "http://127.0.0.2:21119" }, installed: 1 });
    const exhausted = await on(agent, "update");
    expect(exhausted.code).toBe(4);
    expect(exhausted.stdout).toContain("127.0.0.2:21119 refused the connection (CONNECTION_REFUSED");
    expect(exhausted.stdout).toContain("every source is exhausted");
    await expectInstalled(agent, 1);
  });

  test("reports a source that lied at error level, though the run succeeds", async () => {
    const liar = await startSource(stage.world.www(2), {
      answer: ({ url = "" }, response) => {
        if (!url.endsWith(objectOf(2, "rules"))) return false;
        response.end(Buffer.alloc(SMALL));
        return true;
      },
    });
    const agent = await makeAgent(stage.world, {
      sources: { liar: liar.url, good: stage.urlOf(2) },
      installed: 1,
    });
    const ended = await on(agent, "update");
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/^error: liar: .* sent other bytes than the signed .* \(HASH_MISMATCH\)\n$/);
    await expectInstalled(agent, 2);
    await liar.close();
  });

  test("writes its log as JSON lines into the configured file", async () => {
    const agent = await stage.agentOf(2, { config: { log: { file: "data/agent.log", level: "debug" } } });
    await on(agent, "update");
    const lines = (await fs.readFile(path.join(agent.dataDir, "agent.log"), "utf8")).trim().split("\n");
    const parsed = lines.map((line) => JSON.parse(line));
    expect(parsed.at(-1)).toMatchObject({
      level: "info",
      message: "ended: updated",
      timestamp: expect.any(String),
    });
  });

  test("trusts the authorities of NODE_EXTRA_CA_CERTS, and no other", async () => {
    const authority = await makeAuthority(stage.world.folder, "Private authority");
    const source = await startSource(stage.world.www(2), { tls: await authority.issue() });
    const agent = await makeAgent(stage.world, { sources: { secure: source.url } });
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
    const agent = await stage.agentOf(1);
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
    const ended = await nearsource("update", "--config", path.join(stage.world.folder, "none.json"));
    expect(ended.code).toBe(6);
    expectError(ended, /there is no configuration at .*none\.json\nhint: name one/);
  });

  test("a configuration with an unknown key, which is named", async () => {
    const agent = await stage.agentOf(1, { config: { dataDri: "x" } });
    for (const command of ["update", "explain", "rollback"]) {
      const ended = await on(agent, command);
      expect({ command, code: ended.code }).toEqual({ command, code: 6 });
      expectError(ended, /"dataDri" is not a key of the configuration/);
    }
  });

  test("a source list that is refused, with the entry, the field and the reason", async () => {
    const agent = await stage.agentOf(1);
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
    const agent = await stage.agentOf(1, { config: { roots: {} } });
    const ended = await on(agent, "update", "--json");
    expect(ended.code).toBe(6);
    expect(json(ended)).toMatchObject({ error: { code: "CONFIG_INVALID" } });
    expectError({ ...ended, stdout: "" }, /has no roots\.content/);
  });

  test("an environment that turns certificate checks off, for every command", async () => {
    const agent = await stage.agentOf(1);
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
    const agent = await stage.agentOf(1);
    await fs.writeFile(agent.dataDir, "precious");
    const ended = await on(agent, "update");
    expect(ended.code).toBe(7);
    expectError(ended, /data/);
    expect(await fs.readFile(agent.dataDir, "utf8")).toBe("precious");
  });

  test.for(["store", "generations", "metadata", "metadata/content", "partial", "tmp", "state.json", "lock"])(
    "a symbolic link in the place of %s, and nothing is written through it",
    async (name) => {
      const agent = await stage.agentOf(2, { installed: 1 });
      const victim = await fs.mkdtemp(path.join(stage.world.folder, "victim-"));
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
    const agent = await stage.agentOf(1);
    await openDataDir(agent.dataDir);
    await fs.mkdir(path.join(agent.dataDir, "current"));
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
  const source = await startSource(stage.world.www(2), {
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
      const agent = await makeAgent(stage.world, { sources: { halting: source.url }, installed: 1 });
      const run = start(["update", "--config", agent.configFile]);
      await asked;
      const partial = path.join(agent.dataDir, "partial", objectOf(2, "rules"));
      run.process.kill(signal);
      const ended = await run.ended;
      expect(ended.code).toBe(130);
      expect(ended.stderr).toMatch(
        /^nearsource: interrupted.*\nhint: what was fetched is kept: the next run goes on/,
      );
      await expectInstalled(agent, 1);
      const { size } = await fs.stat(partial);
      const good = await startSource(stage.world.www(2));
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
    const agent = await makeAgent(stage.world, { sources: { halting: source.url } });
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
    const agent = await makeAgent(stage.world, {
      sources: { halting: source.url, good: stage.urlOf(2) },
      installed: 1,
    });
    const first = start(["update", "--config", agent.configFile]);
    await asked;
    const second = await on(agent, "update");
    expect(second.code).toBe(5);
    const who = process.platform === "linux" ? `process ${first.process.pid}` : "another process";
    expectError(second, `nearsource: another update is running (${who})\nhint: wait for it with --wait`);
    expect(await on(agent, "rollback")).toMatchObject({ code: 5 });
    expect(await on(agent, "status")).toMatchObject({ code: 0 });
    await stage.turnTo(agent, 2);
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
    const agent = await stage.agentOf(1);
    const ended = await on(agent, "explain");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain(`1. entries[0]  good  ${stage.urlOf(1)}`);
    expect(ended.stdout).toContain("because 127.0.0.1 is in 127.0.0.0/8 (clause 1)");
    await expect(fs.stat(agent.dataDir)).rejects.toThrow("ENOENT");
    const plan = json(await on(agent, "explain", "--json", "--ip", "10.0.0.1"));
    expect(plan).toMatchObject({ addresses: ["10.0.0.1"], steps: [], uncovered: ["components"] });
  });

  test("says whom an entry is not for, and takes addresses and search domains that are supposed", async () => {
    const file = path.join(stage.world.folder, "narrowed.json");
    const entries = [
      { range: "10.0.0.0/8", except: ["10.8.0.0/16"], url: "http://a.test" },
      { range: "10.0.0.0/8", dnsSuffix: "lyon.corp.example", url: "http://b.test" },
    ];
    await writeJson(file, { requires: ["except", "dnsSuffix"], entries });
    const supposed = ["--ip", "10.8.0.7", "--dns-suffix", "Lyon.corp.example.", "--source-list", file];
    const ended = await nearsource("explain", ...supposed);
    expect(ended.stdout).toContain("Its DNS search list has lyon.corp.example.");
    expect(ended.stdout).toContain("10.8.0.7 is in 10.0.0.0/8, but the entry excepts 10.8.0.0/16");
    expect(ended.stdout).toContain(
      "because 10.8.0.7 is in 10.0.0.0/8, and lyon.corp.example is in its DNS search list",
    );
  });

  test("of a list needs no configuration", async () => {
    const agent = await stage.agentOf(1);
    const list = path.join(agent.folder, "list.json");
    const ended = await nearsource("explain", "--json", "--ip", "127.0.0.1", "--source-list", list);
    expect(json(ended)).toMatchObject({ steps: [{ rule: "custom", entry: 0, url: stage.urlOf(1) }] });
  });
});

describe.concurrent("nearsource sources check", () => {
  test("accepts a list and points out what is odd about it", async () => {
    const file = path.join(stage.world.folder, "odd.json");
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
    const agent = await stage.agentOf(1);
    await fs.writeFile(path.join(agent.folder, "root.json"), "{}");
    const ended = await on(agent, "update");
    expect(ended.code).toBe(8);
    expectError(ended, /cannot use .*root\.json as the root of content/);
  });
});
