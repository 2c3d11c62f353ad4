import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { json, on, openStage, type Running, type Stage, start } from "../real/commandLine.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { type Agent, closeAll, makeAgent, objectOf, payload, SMALL } from "../support/world.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
const sources: TestSource[] = [];
afterEach(() => closeAll(sources));

/** An update that has the first half of its object, and waits for the rest until the source is closed. */
async function halfway(): Promise<{ agent: Agent; run: Running }> {
  const source = await startSource(stage.world.www(2), {
    answer: ({ url = "" }, response) => {
      if (!url.endsWith(objectOf(2, "rules"))) return false;
      response.writeHead(200, { "content-length": SMALL });
      response.write(payload(2, "rules")["rules.dat"]?.subarray(0, SMALL / 2));
      return true;
    },
  });
  sources.push(source);
  const patient = { stallTimeout: 600_000, minRate: 0 };
  const agent = await makeAgent(stage.world, {
    sources: { slow: source.url },
    components: ["rules"],
    config: { http: patient },
  });
  return { agent, run: start(["update", "--config", agent.configFile]) };
}

const statusOf = async (agent: Agent) =>
  json<{ running: Record<string, unknown> | null }>(await on(agent, "status", "--json"));

const FAR = { timeout: 50_000, interval: 100 };

describe("status shows the run that is going on:", () => {
  test("who, from which source, how far; and nothing once it has ended or was killed", async () => {
    const { agent, run } = await halfway();
    const half = { received: SMALL / 2, length: SMALL };
    await expect
      .poll(async () => (await statusOf(agent)).running, FAR)
      .toEqual({
        process: process.platform === "linux" ? String(run.process.pid) : null,
        trigger: "manual",
        started: expect.any(String),
        source: { name: "slow", url: sources[0]?.url, kinds: ["components"] },
        transfer: { component: "components/rules", ...half },
        total: { received: expect.any(Number), length: expect.any(Number) },
      });
    const { stdout } = await on(agent, "status");
    expect(stdout).toMatch(/Updating now: manual, since .* \((process \d+|another process)\)/);
    expect(stdout).toMatch(/from slow {2}http:.*, for components/);
    expect(stdout).toMatch(/now components\/rules: 33 kB of 66 kB/);
    run.process.kill("SIGKILL");
    await run.ended;
    expect((await statusOf(agent)).running).toBeNull();
    expect((await on(agent, "status")).stdout).not.toContain("Updating now");
  });

  test("what a killed run has left is not taken for the next one's, and goes with it", async () => {
    const { agent, run } = await halfway();
    const file = path.join(agent.dataDir, "tmp", "progress.json");
    await expect.poll(() => fs.readFile(file, "utf8").catch(() => ""), FAR).toContain("transfer");
    run.process.kill("SIGKILL");
    await run.ended;
    const next = start(["update", "--config", agent.configFile]);
    await expect
      .poll(async () => (await statusOf(agent)).running, FAR)
      .toMatchObject({
        ...(process.platform === "linux" ? { process: String(next.process.pid) } : {}),
      });
    next.process.kill("SIGINT");
    expect((await next.ended).code).toBe(130);
    expect(await fs.readdir(path.join(agent.dataDir, "tmp"))).toEqual([]);
  });
});
