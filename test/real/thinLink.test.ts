import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { initRepository } from "../../src/publisher/init.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { WHOLE } from "../support/extent.ts";
import { killAll, type ResidentProcess, settle, startResident } from "../support/resident.ts";
import { startThinSource, type ThinSource } from "../support/thinLink.ts";
import {
  type Agent,
  type ComponentName,
  closeAll,
  expectFiles,
  makeAgent,
  noise,
  type Publication,
  runUpdate,
  sharedWorld,
  writeJson,
} from "../support/world.ts";
import { on } from "./commandLine.ts";

/** A branch behind a link of 2 Mbit/s, while a release goes out: what it is like then, and not when all is settled. */
const WIDTH = 250_000;
const components: ComponentName[] = ["rules"];

/** Each release is new to the last byte, and comes as several objects. */
function contents(publication: Publication): Record<string, Buffer> {
  const file = (name: string, length: number) => noise(`thin ${publication} ${name}`, length);
  return {
    "a.dat": file("a", 900_000),
    "b.dat": file("b", 700_000),
    "c.dat": file("c", 200_000),
    "d.dat": file("d", 9_000),
  };
}
const SIZE = Object.values(contents(2)).reduce((sum, { length }) => sum + length, 0);

const stage = sharedWorld({ contents });
const residents: ResidentProcess[] = [];
const open: ThinSource[] = [];
afterEach(async () => {
  await killAll(residents);
  await closeAll(open);
});

/** The server behind the link with its first release, the Update Agent that has it, and agents that have it too. */
async function makeOffice(count: number) {
  const www = await fs.mkdtemp(path.join(stage.world.folder, "server-"));
  await fs.cp(stage.world.www(1), www, { recursive: true });
  await initRepository({ dir: www, repository: "settings" });
  const server = await startThinSource(www);
  open.push(server);
  const set = async (name: string, document: object) => {
    const file = path.join(www, "document.json");
    await writeJson(file, document);
    await setDocument({ dir: www, name, file });
    await fs.rm(file);
  };
  const agentId = "0b5c";
  await set("update-agents", { agents: [{ id: agentId, kinds: ["components"] }] });
  const roots = { content: "root.json", settings: path.join(www, "settings/metadata/1.root.json") };
  const updateAgent = await makeAgent(stage.world, { sources: {}, installed: 1, components });
  const state = path.join(updateAgent.dataDir, "state.json");
  await writeJson(state, { ...JSON.parse(await fs.readFile(state, "utf8")), agentId });
  // The site's settings come with the server's list, whose place the local file takes.
  const list = { entries: [], serverFallback: { enabled: true } };
  await writeJson(path.join(updateAgent.folder, "list.json"), list);
  await settle(updateAgent, {
    server: server.url,
    roots,
    relay: { minFree: 0, maxStale: 500 },
    policy: undefined,
  });
  await set("policies/default", { schedule: { interval: 86_400_000, splay: 0 }, notify: { window: 0 } });
  expect(await on(updateAgent, "update")).toMatchObject({ code: 0 });
  const resident = startResident(updateAgent);
  residents.push(resident);
  const near = `http://127.0.0.1:${await resident.port()}`;
  const filled = async () => {
    const answer = await fetch(`${near}/content/metadata/timestamp.json`).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer?.status === 200 && answer.headers.get("nearsource-state") === null;
  };
  await expect.poll(filled, { timeout: 60_000, interval: 200 }).toBe(true);
  const agents = await Promise.all(Array.from({ length: count }, () => makeMember(near, server.url)));
  return { server, www, near, resident, updateAgent, agents };
}

async function makeMember(near: string, server: string): Promise<Agent> {
  const agent = await makeAgent(stage.world, {
    sources: { near },
    installed: 1,
    components,
    config: { server },
  });
  const entries = [{ range: "127.0.0.0/8", name: "near", url: near }];
  await writeJson(path.join(agent.folder, "list.json"), {
    version: 1,
    entries,
    serverFallback: { enabled: true },
  });
  return agent;
}

/** The second release goes out over a link of so many bytes a second, and the Update Agent has heard of it. */
async function publish({ server, www, near }: Office, width: number): Promise<number> {
  const before = server.crossed();
  await fs.cp(path.join(stage.world.www(2), "content"), path.join(www, "content"), { recursive: true });
  server.widen(width);
  const state = async () =>
    (await fetch(`${near}/content/metadata/timestamp.json`)).headers.get("nearsource-state");
  await expect.poll(state, { timeout: 60_000, interval: 100 }).toContain("filling");
  return before;
}

type Office = Awaited<ReturnType<typeof makeOffice>>;

async function expectSecond(agent: Agent): Promise<void> {
  const expected = Object.entries(contents(2)).map(([name, bytes]) => [`rules/${name}`, bytes]);
  await expectFiles(agent, Object.fromEntries(expected));
}

test("agents on schedule while a release goes out: it crosses the link once, their Update Agent's own run included", async () => {
  const office = await makeOffice(WHOLE ? 30 : 10);
  // Held up for as long as it takes to look at it.
  const before = await publish(office, 20_000);
  const own = on(office.updateAgent, "update", "--scheduled", "--wait");
  const runs = office.agents.map((agent) => runUpdate(agent, { trigger: "schedule" }));
  const said = async () => (await on(office.updateAgent, "status")).stdout;
  await expect
    .poll(said, { timeout: 60_000 })
    .toMatch(/is filling: \d of 4 objects of the newest releases are held, .* are missing, .* at .*\/s/);
  office.server.widen(WIDTH);
  for (const { report } of await Promise.all(runs)) {
    expect(report).toMatchObject({ outcome: "updated", attempts: [{ name: "near", outcome: "delivered" }] });
  }
  expect(await own).toMatchObject({ code: 0 });
  const crossed = office.server.crossed() - before;
  expect(crossed / SIZE).toBeGreaterThanOrEqual(1);
  expect(crossed / SIZE).toBeLessThanOrEqual(1.05);
  for (const agent of [...office.agents, office.updateAgent]) await expectSecond(agent);
}, 120_000);

test("with the Update Agent killed in the middle of it, all of them go on to the next source", async () => {
  const office = await makeOffice(5);
  const before = await publish(office, WIDTH);
  const runs = office.agents.map((agent) => runUpdate(agent, { trigger: "schedule" }));
  await expect.poll(() => office.server.crossed() - before, { timeout: 60_000 }).toBeGreaterThan(SIZE / 3);
  office.resident.process.kill("SIGKILL");
  await office.resident.ended;
  office.server.widen(Number.POSITIVE_INFINITY);
  for (const { report } of await Promise.all(runs)) {
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "failed", waited: { for: "filling" } },
      { rule: "server", outcome: "delivered" },
    ]);
  }
  for (const agent of office.agents) await expectSecond(agent);
}, 120_000);
