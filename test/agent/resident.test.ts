import { expect, onTestFinished, test } from "vitest";
import { type Instructions, readInstructions } from "../../src/agent/instructions.ts";
import type { RelayPart } from "../../src/agent/relayRole.ts";
import { startResident } from "../../src/agent/resident.ts";
import { openResidentDir, writeResidentState } from "../../src/agent/residentState.ts";
import { SILENT } from "../../src/config/log.ts";
import { settle } from "../support/resident.ts";
import { makeAgent, makeWorld } from "../support/world.ts";

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
