import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Instructions, readInstructions } from "../../src/agent/instructions.ts";
import type { RelayPart } from "../../src/agent/relayRole.ts";
import { startResident } from "../../src/agent/resident.ts";
import { openResidentDir, writeResidentState } from "../../src/agent/residentState.ts";
import { SILENT } from "../../src/config/log.ts";
import { settle } from "../support/resident.ts";
import { makeAgent, makeWorld, writeJson } from "../support/world.ts";

test("the agent is there, with its port, while its Update Agent's part still starts", async () => {
  const world = await makeWorld();
  onTestFinished(() => world.remove());
  const agent = await makeAgent(world, { sources: {} });
  await settle(agent);
  const instructions: Instructions = {
    ...(await readInstructions(agent.configFile, {})),
    granted: ["components"],
  };
  // It has followed its schedule, so that no run is due.
  const dir = await openResidentDir(agent.dataDir);
  await writeResidentState(dir, JSON.stringify({ pid: 1, runs: [], followed: new Date().toISOString() }));
  let ready = (_: RelayPart) => {};
  const relay = new Promise<RelayPart>((resolve) => (ready = resolve));
  const said: string[] = [];
  const log = { ...SILENT, info: (text: string) => void said.push(text) };
  const resident = await startResident({ instructions, level: "error", log, startRelay: () => relay });
  const [, port] = said.join("\n").match(/listening at port (\d+)/) ?? [];
  const ask = async () => await fetch(`http://127.0.0.1:${port}/content/metadata/timestamp.json`);
  const early = await ask();
  expect([early.status, early.headers.get("nearsource-state")]).toEqual([503, "filling"]);
  ready({
    handle: (_, response) => void response.end("served"),
    ...{ grant: () => {}, refresh: async () => {}, health: () => ({ serving: true }), close: async () => {} },
    metrics: () => Promise.reject(new Error("none")),
  });
  await expect.poll(async () => await (await ask()).text()).toBe("served");
  await resident.stop();
});

test("an agent that its site has told nothing yet follows a notification within seconds, others within their window", async () => {
  const world = await makeWorld();
  onTestFinished(() => world.remove());
  const agent = await makeAgent(world, { sources: {} });
  const windowNow = async () => (await readInstructions(agent.configFile, {})).window;
  expect(await windowNow()).toBe(60_000);
  const config = JSON.parse(await fs.readFile(agent.configFile, "utf8"));
  const roots = { ...config.roots, settings: config.roots.content };
  await writeJson(agent.configFile, { ...config, roots });
  expect(await windowNow()).toBe(5_000);
  await fs.mkdir(path.join(agent.dataDir, "metadata", "settings", "1"), { recursive: true });
  expect(await windowNow()).toBe(60_000);
});
