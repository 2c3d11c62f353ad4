import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type NameRecords, startDnsServer, type TestDnsServer } from "../support/dnsServer.ts";
import { startSource } from "../support/source.ts";
import { type Agent, closeAll, expectInstalled, makeAgent, sharedWorld } from "../support/world.ts";
import { changeConfig, on } from "./commandLine.ts";

const stage = sharedWorld();

const open: { close: () => Promise<void> }[] = [];
afterEach(() => closeAll(open));

const NAME = "_nearsource.corp.test";

/** An agent whose last run is past, with a name server that has these records. */
async function settled(records: Record<string, NameRecords>, options: { etags?: boolean } = {}) {
  const source = await startSource(stage.world.www(1), { etags: true, ...options });
  const dns = await startDnsServer({ records });
  open.push(source, dns);
  const agent = await makeAgent(stage.world, {
    sources: { good: source.url },
    config: { dns: { servers: [dns.address], search: [], versionRecord: NAME } },
  });
  const past = new Date(Date.now() - 10_000);
  await fs.utimes(path.join(agent.folder, "list.json"), past, past);
  expect(await on(agent, "update")).toMatchObject({ code: 0 });
  source.requests.length = 0;
  return { agent, source, dns };
}

/** The last run held a release back, for a stage that has come since. */
async function comeToStage(agent: Agent): Promise<void> {
  const file = path.join(agent.dataDir, "state.json");
  const state = JSON.parse(await fs.readFile(file, "utf8"));
  await fs.writeFile(file, JSON.stringify({ ...state, stageDue: new Date(Date.now() - 1_000) }));
}

const askedFor = ({ queries }: TestDnsServer) => queries.filter(({ type }) => type === "TXT");
const record = (...TXT: string[]) => ({ [NAME]: { TXT } });

describe("a scheduled run", () => {
  test("ends after one DNS packet when the version record says that nothing is newer", async () => {
    const { agent, source, dns } = await settled(record("content=2"));
    const ended = await on(agent, "update", "--scheduled");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toBe(`already current: DNS server ${dns.address} says that nothing is newer\n`);
    expect(source.requests).toEqual([]);
    expect(askedFor(dns)).toHaveLength(1);
    expect((await on(agent, "status")).stdout).toContain("DNS said that nothing is newer");
  });

  test.for([
    ["says that there is something newer", record("content=3")],
    ["is not there", {}],
    ["says something else", record("v=spf1 -all")],
    ["is about another repository", record("settings=1")],
  ] as const)("asks the sources when the version record %s", async ([, records]) => {
    const { agent, source } = await settled({ ...records });
    source.root = stage.world.www(2);
    expect(await on(agent, "update", "--scheduled")).toMatchObject({ code: 0 });
    expect(source.requests).not.toEqual([]);
    await expectInstalled(agent, 2);
  });

  test.for([
    ["the DNS server is dead", (_: Agent, dns: TestDnsServer) => closeAll(open.splice(open.indexOf(dns), 1))],
    ["the configuration has changed", (agent: Agent) => changeConfig(agent, { keepGenerations: 2 })],
    ["the local source list has changed", (agent: Agent) => touchNow(path.join(agent.folder, "list.json"))],
    ["the state is damaged", (agent: Agent) => fs.writeFile(path.join(agent.dataDir, "state.json"), "{")],
    ["what is held is older than half its life", (agent: Agent) => age(agent)],
    ["the stage of a release that waits has come", (agent: Agent) => comeToStage(agent)],
  ] as const)("asks the sources when %s", async ([, change]) => {
    const { agent, source, dns } = await settled(record("content=2"));
    await change(agent, dns);
    expect(await on(agent, "update", "--scheduled")).toMatchObject({ code: 0 });
    expect(source.requests).not.toEqual([]);
  });

  test("asks the sources until a run has gone by a configuration that has changed", async () => {
    const { agent, source, dns } = await settled(record("content=2"));
    await changeConfig(agent, { roots: { content: "missing.json" } });
    for (let time = 0; time < 2; time++) {
      expect(await on(agent, "update", "--scheduled")).toMatchObject({ code: 8, stdout: "" });
    }
    expect(askedFor(dns)).toEqual([]);
    expect(source.requests).toEqual([]);
  });

  test("of an agent that an earlier version kept asks the sources once, and clears what that left", async () => {
    const { agent, source } = await settled(record("content=2"));
    const left = path.join(agent.dataDir, "config.checked");
    await fs.writeFile(left, "0.0.9\n{}");
    const state = path.join(agent.dataDir, "state.json");
    const { ranBy: _, ...earlier } = JSON.parse(await fs.readFile(state, "utf8"));
    await fs.writeFile(state, JSON.stringify(earlier));
    expect(await on(agent, "update", "--scheduled")).toMatchObject({ code: 0 });
    expect(source.requests).not.toEqual([]);
    await expect(fs.access(left)).rejects.toMatchObject({ code: "ENOENT" });
    expect((await on(agent, "update", "--scheduled")).stdout).toContain("says that nothing is newer");
  });

  test("goes on to the next source when the first has not yet what the version record says is newest", async () => {
    const { agent, source } = await settled(record("content=3"));
    const next = await startSource(stage.world.www(2));
    open.push(next);
    const list = path.join(agent.folder, "list.json");
    const { entries, ...rest } = JSON.parse(await fs.readFile(list, "utf8"));
    const more = { range: "127.0.0.0/8", name: "next", url: next.url };
    await fs.writeFile(list, JSON.stringify({ ...rest, entries: [...entries, more] }));
    const past = new Date(Date.now() - 10_000);
    await fs.utimes(list, past, past);
    expect(await on(agent, "update", "--scheduled")).toMatchObject({ code: 0 });
    expect(source.requests).not.toEqual([]);
    await expectInstalled(agent, 2);
  });

  test("is a scheduled run in its report, and one by hand never asks for the record", async () => {
    const { agent, source, dns } = await settled(record("content=2"));
    const { stdout } = await on(agent, "update", "--scheduled", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ trigger: "schedule", outcome: "current" });
    await on(agent, "update");
    expect(askedFor(dns)).toEqual([]);
    expect(source.requests).not.toEqual([]);
  });
});

async function touchNow(file: string): Promise<void> {
  const soon = new Date(Date.now() + 1_000);
  await fs.utimes(file, soon, soon);
}

async function age(agent: Agent): Promise<void> {
  const file = path.join(agent.dataDir, "state.json");
  const state = JSON.parse(await fs.readFile(file, "utf8"));
  state.timestamps.content.youngUntil = new Date(Date.now() - 1_000).toISOString();
  await fs.writeFile(file, JSON.stringify(state));
}

describe("a run with nothing new", () => {
  test("after one like it writes nothing but the time of a file", async () => {
    const { agent } = await settled({});
    await on(agent, "update");
    const before = await snapshot(agent.dataDir);
    expect(await on(agent, "update")).toMatchObject({ code: 0 });
    const after = await snapshot(agent.dataDir);
    expect(after.confirmed).not.toEqual(before.confirmed);
    expect({ ...after, confirmed: "" }).toEqual({ ...before, confirmed: "" });
  });

  test("moves what status says of the last run, and of when it was confirmed", async () => {
    const { agent } = await settled({});
    await on(agent, "update");
    const before = JSON.parse((await on(agent, "status", "--json")).stdout);
    await on(agent, "update");
    const after = JSON.parse((await on(agent, "status", "--json")).stdout);
    expect(after.lastRun.report).toEqual(before.lastRun.report);
    expect(after.lastRun.ended > before.lastRun.ended).toBe(true);
    expect(after.metadata[0].freshAt > before.metadata[0].freshAt).toBe(true);
  });
});

/** Name, inode, size and time of change of every file and folder, but for the time of scratch folders. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await fs.readdir(folder, { recursive: true })) {
    const { ino, size, mtimeMs, ctimeMs } = await fs.lstat(path.join(folder, name));
    found[name] = [ino, size, mtimeMs, ctimeMs].join(" ");
  }
  return found;
}
