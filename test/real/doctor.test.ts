import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Finding } from "../../src/agent/check/finding.ts";
import { startDnsServer, type TestDnsServer } from "../support/dnsServer.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { type Agent, closeAll, makeAgent, readTree, runUpdate } from "../support/world.ts";
import { changeConfig, json, on, openStage, type Stage } from "./commandLine.ts";

let stage: Stage;
let dns: TestDnsServer;
beforeAll(async () => {
  stage = await openStage();
  dns = await startDnsServer({ records: { "ua.corp.example": { A: ["127.0.0.1"] } } });
});
afterAll(async () => {
  await stage.close();
  await dns.close();
});
const sources: TestSource[] = [];
afterEach(() => closeAll(sources));

const source = async (...options: Parameters<typeof startSource>) => {
  const made = await startSource(...options);
  sources.push(made);
  return made;
};
const agentWith = (urls: Record<string, string>) =>
  makeAgent(stage.world, { sources: urls, config: { dns: { servers: [dns.address], search: [] } } });

interface Diagnosis {
  exitCode: number;
  findings: Finding[];
}
const diagnosis = async (agent: Agent) => {
  const ended = await on(agent, "doctor", "--json");
  const found = json<Diagnosis & Record<string, unknown>>(ended);
  expect(found.exitCode).toBe(ended.code);
  return {
    ...found,
    of: (key: string) =>
      found.findings.filter((finding) => finding.key === key || finding.key.startsWith(`${key}, `)),
  };
};

test("doctor verifies each source as a run would, names the remedy for those that fail, and writes nothing", async () => {
  const { port } = new URL(stage.urlOf(2));
  const foreign = await source(stage.world.www(2), {
    answer: (request, response) => {
      if (!request.url?.endsWith("timestamp.json")) return false;
      const forged = { signed: { _type: "timestamp", version: 99 }, signatures: [] };
      response.end(JSON.stringify(forged));
      return true;
    },
  });
  const agent = await agentWith({
    dead: "http://127.0.0.1:1",
    nameless: "http://nowhere.corp.example:21112",
    liar: foreign.url,
    named: `http://ua.corp.example:${port}`,
  });
  const { exitCode, of } = await diagnosis(agent);
  expect(exitCode).toBe(3);
  expect(of("source dead")).toMatchObject([{ level: "problem", code: "CONNECTION_REFUSED" }]);
  expect(of("source dead")[0]?.remedy).toContain("port");
  expect(of("source nameless")).toMatchObject([{ level: "problem", code: "DNS_NOT_FOUND" }]);
  expect(of("name nowhere.corp.example")).toMatchObject([{ level: "problem", code: "DNS_NOT_FOUND" }]);
  expect(of("name ua.corp.example")[0]).toMatchObject({
    level: "ok",
    message: expect.stringContaining(`127.0.0.1, by DNS server ${dns.address}`),
  });
  expect(of("source liar")[0]).toMatchObject({ level: "problem" });
  expect(of("source named")[0]).toMatchObject({
    level: "ok",
    message: expect.stringMatching(/^publication \d+ \(nothing is held yet\)/),
  });
  await expect(fs.readdir(agent.dataDir)).rejects.toThrow("ENOENT");
});

test("doctor says how each source stands to what is held, and leaves an agent's files as they are", async () => {
  const agent = await stage.agentOf(2);
  await runUpdate(agent);
  const before = await readTree(agent.dataDir);
  const same = await diagnosis(agent);
  expect(same.exitCode).toBe(0);
  expect(same.of("source good")[0]?.message).toContain("as held here");
  await stage.turnTo(agent, 1);
  const older = await diagnosis(agent);
  expect(older.exitCode).toBe(0);
  expect(older.of("source good")).toMatchObject([{ level: "note", code: "METADATA_OLDER" }]);
  await stage.turnTo(agent, 3);
  const newer = await diagnosis(agent);
  expect(newer.of("source good")[0]?.message).toMatch(/\(\d+ is held here\)/);
  expect(await readTree(agent.dataDir)).toEqual(before);
});

test("doctor finds a clock that is far from that of every source", async () => {
  const late = await source(stage.world.www(1), {
    answer: (_, response) => {
      response.sendDate = false;
      response.setHeader("date", new Date(Date.now() - 7_200_000).toUTCString());
      return false;
    },
  });
  const agent = await agentWith({ late: late.url });
  const { of } = await diagnosis(agent);
  expect(of("clock")[0]).toMatchObject({
    level: "problem",
    message: expect.stringContaining("2 h ahead of that of 127.0.0.1"),
  });
});

test("doctor names a fault of the configuration, and asks nobody by it", async () => {
  const asked = await source(stage.world.www(1));
  const agent = await agentWith({ good: asked.url });
  await changeConfig(agent, { roots: { content: "missing.json" } });
  const { exitCode, of } = await diagnosis(agent);
  expect(exitCode).toBe(6);
  expect(of("roots.content")[0]?.level).toBe("problem");
  expect(asked.requests).toEqual([]);
});

test("where no source works, doctor ends as the run would", async () => {
  const agent = await agentWith({ dead: "http://127.0.0.1:1" });
  const ended = await on(agent, "doctor");
  expect(ended.code).toBe(4);
  expect(ended.stdout).toContain("hint: start the Update Agent or server there");
  expect(ended.stdout).toMatch(/1 problem, \d note/);
});

test("why says in three sentences what a run did, also to whoever has no server", async () => {
  const agent = await agentWith({ dead: "http://127.0.0.1:1", good: stage.urlOf(1) });
  expect((await on(agent, "why")).stdout).toContain("No run has ended on this machine yet.");
  await on(agent, "update");
  const { code, stdout } = await on(agent, "why");
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toEqual([
    expect.stringMatching(/^The last run, started by hand, brought rules 1\.0 in /),
    expect.stringMatching(
      /^It took components from good, the first entry .* \(clause 1\); dead refused connections\.$/,
    ),
    expect.stringMatching(/^No agent runs on this machine now/),
  ]);
  expect(json(await on(agent, "why", "--json"))).toMatchObject({ hidden: [] });
});

test("status --check is a plugin for monitors: one line, exit 0 to 3, whatever is wrong", async () => {
  const agent = await agentWith({ good: stage.urlOf(1) });
  const check = (...args: string[]) => on(agent, "status", "--check", ...args);
  expect(await check()).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^NEARSOURCE WARNING - no run/),
  });
  await on(agent, "update");
  const fine = await check();
  expect(fine).toMatchObject({ code: 0, stderr: "" });
  expect(fine.stdout).toMatch(
    /^NEARSOURCE OK - generation 1, last run updated .* \| generation=1 content_age=\d+s;86400;259200;0 .*\n$/,
  );
  expect(await check("--warning", "0s", "--critical", "0s")).toMatchObject({ code: 2 });
  expect(await check("--warning", "soon")).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^NEARSOURCE UNKNOWN - --warning: "soon" is not an age/),
  });
  await fs.rm(agent.configFile);
  expect(await check()).toMatchObject({ code: 3, stdout: expect.stringMatching(/^NEARSOURCE UNKNOWN - /) });
});

test("the list of a run is the one that doctor tries, file or not", async () => {
  const agent = await agentWith({});
  await fs.writeFile(path.join(agent.folder, "list.json"), "{");
  const { exitCode, of } = await diagnosis(agent);
  expect(exitCode).toBe(6);
  expect(of("sourceList")[0]?.level).toBe("problem");
});
