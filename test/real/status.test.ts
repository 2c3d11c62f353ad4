import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { describeHealth } from "../../src/agent/health.ts";
import { openResidentDir, type ResidentState, writeResidentState } from "../../src/agent/residentState.ts";
import { STATE_HEADER } from "../../src/http/relayState.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { takeLock } from "../../src/store/lock.ts";
import type { Report } from "../../src/update/update.ts";
import { killAll, type ResidentProcess, settle, startResident } from "../support/resident.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { type Agent, closeAll, makeAgent, newFolder, runUpdate, writeJson } from "../support/world.ts";
import { changeConfig, json, on, openStage, type Stage, start } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
const sources: TestSource[] = [];
const residents: ResidentProcess[] = [];
afterEach(async () => {
  await closeAll(sources);
  await killAll(residents);
});

interface Shown {
  agentId: string | null;
  agent: { resident: boolean; pid?: number; unwritten?: boolean } | null;
  metadata: { freshAt: string | null }[];
  lastRun: { report: Report } | null;
  lastFailure: { code: string; exitCode: number; message: string; trigger: string } | null;
  running: { waiting?: { message: string }; hook?: string } | null;
  remarks: string[];
}
const shown = async (agent: Agent) => json<Shown>(await on(agent, "status", "--json"));
const FAR = { timeout: 50_000, interval: 100 };
const linux = process.platform === "linux";

const stateOf = (agent: Agent) => path.join(agent.dataDir, "state.json");

test("an id is made by the first run, and by no look before it", async () => {
  const agent = await stage.agentOf(1);
  expect((await shown(agent)).agentId).toBeNull();
  expect((await on(agent, "status")).stdout).toContain("without an id yet: the first run makes it");
  await expect(fs.readdir(agent.dataDir)).rejects.toThrow("ENOENT");
  await on(agent, "update");
  const { agentId } = await shown(agent);
  expect(agentId).toMatch(/^[0-9a-f-]{36}$/);
  expect((await shown(agent)).agentId).toBe(agentId);
  expect((await on(agent, "status")).stdout).toContain(`Agent ${agentId} (`);
});

describe("a state that is lost", () => {
  test.for([
    ["damaged", (file: string) => fs.writeFile(file, Buffer.alloc(300))],
    ["missing", (file: string) => fs.rm(file)],
  ] as const)("as it is %s costs no id, and what it costs is said", async ([how, lose]) => {
    const agent = await stage.agentOf(1);
    await on(agent, "update");
    const { agentId } = await shown(agent);
    await lose(stateOf(agent));
    const before = await shown(agent);
    expect(before.agentId).toBe(agentId);
    expect(before.remarks.join("\n")).toMatch(
      new RegExp(`state.json is ${how}: what it held back .* is lost, while this agent keeps its id`),
    );
    const run = await on(agent, "update");
    expect(run.code).toBe(0);
    expect(run.stdout.match(new RegExp(`note .*state.json is ${how}: `, "g"))).toHaveLength(1);
    expect((await shown(agent)).agentId).toBe(agentId);
    expect((await on(agent, "update")).stdout).not.toContain("note");
    const aside = await fs.readFile(`${stateOf(agent)}.damaged`).catch(() => undefined);
    expect(aside).toEqual(how === "damaged" ? Buffer.alloc(300) : undefined);
    const { remarks } = await shown(agent);
    expect(remarks.join("\n")).toMatch(how === "damaged" ? /state.json.damaged was/ : /^$/);
  });

  test("with the id itself is said to cost the role of an Update Agent", async () => {
    const agent = await stage.agentOf(1);
    await on(agent, "update");
    const { agentId } = await shown(agent);
    await fs.writeFile(stateOf(agent), "{");
    await fs.writeFile(path.join(agent.dataDir, "identity.json"), "{");
    expect((await on(agent, "update")).stdout).toContain("it has to be granted the role anew");
    expect((await shown(agent)).agentId).not.toBe(agentId);
    expect((await shown(agent)).agentId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("a run that ends without a report", () => {
  /** A source that says it is filling, and a run that waits for it. */
  async function waitingRun(agentOptions: object = {}) {
    const source = await startSource(stage.world.www(2), {
      answer: (_, response) => {
        response.writeHead(503, { "retry-after": "600", [STATE_HEADER]: "filling; missing=5000000" }).end();
        return true;
      },
    });
    sources.push(source);
    const config = { policy: "policy.json", ...agentOptions };
    const agent = await makeAgent(stage.world, { sources: { near: source.url }, config });
    await writeJson(path.join(agent.folder, "policy.json"), { patience: 600_000 });
    return { agent, run: start(["update", "--config", agent.configFile]) };
  }

  test("waits visibly, and is remembered with what was kept when it is interrupted", async () => {
    const { agent, run } = await waitingRun();
    await expect
      .poll(async () => (await shown(agent)).running?.waiting?.message, FAR)
      .toBe("near is filling: 5.0 MB are missing");
    expect((await on(agent, "status")).stdout).toMatch(/waiting, since .*: near is filling/);
    run.process.kill("SIGINT");
    expect((await run.ended).code).toBe(130);
    expect((await shown(agent)).lastFailure).toMatchObject({
      ...{ code: "INTERRUPTED", exitCode: 130, trigger: "manual", started: expect.any(String) },
    });
    const { stdout } = await on(agent, "status");
    expect(stdout).toMatch(/Last run: interrupted, .* ago \(manual, exit 130\)/);
    expect(stdout).toContain("what was fetched is kept");
    expect(stdout).not.toContain("No run has ended yet");
  });

  test("is the last run until one with a report, and so it is for monitors", async () => {
    const agent = await stage.agentOf(1);
    await on(agent, "update");
    await fs.rm(path.join(agent.folder, "root.json"));
    const failed = await on(agent, "update");
    expect(failed.code).not.toBe(0);
    const { lastFailure, lastRun } = await shown(agent);
    expect(lastFailure?.exitCode).toBe(failed.code);
    expect(failed.stderr).toContain(lastFailure?.message);
    expect(lastRun?.report.outcome).toBe("updated");
    const { stdout } = await on(agent, "status");
    expect(stdout).toMatch(/Last run: failed, .*\n.*\n?.*\nThe run before it with a report: updated/);
    const health = await describeHealth({
      ...{ dirs: dataDirAt(agent.dataDir), role: "agent", port: null },
      resident: { pid: 1, since: "", port: null, next: null, running: null, runs: [] },
    });
    expect(health.lastRun).toMatchObject({ outcome: "failed", code: lastFailure?.code });
    expect(health.lastSuccess).toEqual(expect.any(String));
    await fs.copyFile(stage.world.root, path.join(agent.folder, "root.json"));
    expect((await on(agent, "update")).code).toBe(0);
    expect((await shown(agent)).lastFailure).toBeNull();
  });
});

test("the last success, by hand, outlasts the runs that fail after it", async () => {
  const source = await startSource(stage.world.www(1));
  sources.push(source);
  const agent = await makeAgent(stage.world, { sources: { only: source.url } });
  await runUpdate(agent);
  // Nothing new twice: no more is written than the time of a file.
  for (const _ of [1, 2]) expect((await runUpdate(agent)).report.outcome).toBe("current");
  const resident: ResidentState = { pid: 1, since: "", port: null, next: null, running: null, runs: [] };
  const healthOf = () =>
    describeHealth({ dirs: dataDirAt(agent.dataDir), role: "agent", port: null, resident });
  const { lastSuccess, lastRun } = await healthOf();
  expect(lastSuccess).toBe(lastRun?.ended);
  await source.close();
  for (const _ of [1, 2]) expect((await runUpdate(agent)).report.outcome).toBe("exhausted");
  expect(await healthOf()).toMatchObject({ lastSuccess, lastRun: { outcome: "exhausted" } });
});

test("what is held was confirmed no earlier than it was fetched, also while its run goes on", async () => {
  const held = Promise.withResolvers<void>();
  const source = await startSource(stage.world.www(2), {
    answer: async ({ url = "" }, response) => {
      if (url.includes("/objects/")) await held.promise;
      return response.destroyed;
    },
  });
  sources.push(source, { ...source, close: async () => held.resolve() });
  const before = Date.now();
  const agent = await makeAgent(stage.world, {
    sources: { slow: source.url },
    config: { http: { responseTimeout: 600_000 } },
  });
  const run = start(["update", "--config", agent.configFile]);
  await expect.poll(async () => (await shown(agent)).metadata.length, FAR).toBe(1);
  const [{ freshAt } = { freshAt: null }] = (await shown(agent)).metadata;
  expect(Date.parse(freshAt ?? "")).toBeGreaterThan(before - 1_000);
  expect((await on(agent, "status")).stdout).not.toContain("never confirmed");
  held.resolve();
  expect((await run.ended).code).toBe(0);
});

test.skipIf(!linux)("an agent that could not write what it does is there all the same", async () => {
  const agent = await stage.agentOf(1);
  await settle(agent);
  await on(agent, "update");
  // As on a full disk, whatever it writes there fails.
  await fs.mkdir(path.join(agent.dataDir, "agent", "state.json"), { recursive: true });
  const resident = startResident(agent);
  residents.push(resident);
  await resident.said(/the agent is ready/);
  await resident.said(/what this agent does cannot be written for nearsource status: /);
  expect((await shown(agent)).agent).toMatchObject({
    ...{ resident: true, pid: resident.process.pid, unwritten: true },
  });
  const { stdout } = await on(agent, "status");
  expect(stdout).toContain(`The agent is running (process ${resident.process.pid}), and could not write`);
  expect(stdout).not.toContain("No agent stays resident here");
});

test("a plan that the agent could not keep up on disk is not shown as one", async () => {
  const agent = await stage.agentOf(1);
  await settle(agent);
  await on(agent, "update");
  const dir = await openResidentDir(agent.dataDir);
  const lock = await takeLock(dir.root, { role: "agent" });
  onTestFinished(() => lock.release());
  const next = { at: new Date(Date.now() - 7_200_000).toISOString(), why: "schedule" };
  const said = { pid: process.pid, since: next.at, port: null, next, running: null, runs: [] };
  await writeResidentState(dir, JSON.stringify(said));
  const { stdout } = await on(agent, "status");
  expect(stdout).toMatch(/was due 2 h ago, and the agent has written nothing since/);
});

test.skipIf(process.platform === "win32")(
  "what a hook refused is called neither current nor updated",
  async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await changeConfig(agent, { hooks: { afterUpdate: ["/bin/false"] }, log: { file: "n.log" } });
    const refused = await on(agent, "update", "--json");
    expect(json(refused)).toMatchObject({
      ...{ outcome: "partial", exitCode: 8, generation: 1 },
      failure: { code: "HOOK_FAILED", message: expect.stringContaining("/bin/false") },
    });
    const log = await fs.readFile(path.join(agent.folder, "n.log"), "utf8");
    expect(log).toContain("ended: taken back");
    expect((await on(agent, "status")).stdout).toContain("Last run: taken back");
  },
);

test("a settings document without a version is shown without one", async () => {
  const dir = await newFolder();
  await initRepository({ dir, repository: "settings" });
  const server = await startSource(dir);
  sources.push(server);
  const root = path.join(dir, "settings/metadata/1.root.json");
  const agent = await makeAgent(stage.world, {
    sources: { good: stage.urlOf(1) },
    config: { server: server.url, roots: { content: "root.json", settings: root } },
  });
  for (const agents of [[], [{ id: "another", kinds: ["components"] }]]) {
    const file = path.join(dir, "document.json");
    await writeJson(file, { agents });
    await setDocument({ dir, name: "update-agents", file });
    expect((await on(agent, "update")).stdout).toMatch(/^ {2}settings\/update-agents {2}\d+ B$/m);
    const { lastRun } = await shown(agent);
    const change = lastRun?.report.installed.find(({ kind }) => kind === "settings");
    expect(change).toMatchObject({ component: "update-agents", via: "full" });
    expect(change).not.toHaveProperty("toVersion");
    expect(change).not.toHaveProperty("fromVersion");
  }
});

test.skipIf(process.platform === "win32")("a hook that runs is shown", async () => {
  const agent = await stage.agentOf(1);
  const wait = 'while [ ! -e "$0" ]; do sleep 0.1; done';
  const done = path.join(agent.folder, "done");
  await changeConfig(agent, { hooks: { afterUpdate: ["/bin/sh", "-c", wait, done] } });
  const run = start(["update", "--config", agent.configFile]);
  await expect.poll(async () => (await shown(agent)).running?.hook, FAR).toBe("/bin/sh");
  expect((await on(agent, "status")).stdout).toContain("the hook runs: /bin/sh");
  await fs.writeFile(done, "");
  expect((await run.ended).code).toBe(0);
});
