import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { initRepository } from "../../src/publisher/init.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { startDnsServer } from "../support/dnsServer.ts";
import { notify, timestampOf } from "../support/post.ts";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  closeAll,
  expectInstalled,
  makeAgent,
  makeWorld,
  runUpdate,
  type World,
  writeJson,
} from "../support/world.ts";
import { changeConfig, json, on } from "./commandLine.ts";
import { FLAGS_PRELOAD, flagsIn } from "./engineFlags.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
  return () => world.remove();
});
const residents: ResidentProcess[] = [];
const sources: TestSource[] = [];
afterEach(async () => {
  await killAll(residents);
  await closeAll(sources);
});

test("an Update Agent passes over a source that turns out to be itself, and goes on to the next", async () => {
  const [self, next] = [await startSource(world.www(1)), await startSource(world.www(2))];
  sources.push(self, next);
  const dns = await startDnsServer({ records: { "ua.corp.test": { A: ["127.0.0.1"] } } });
  const agent = await makeAgent(world, {
    sources: { ua: `http://ua.corp.test:${self.port}`, next: next.url },
    config: { listen: { port: self.port }, dns: { servers: [dns.address], search: [] } },
  });
  const { report } = await runUpdate(agent);
  expect(report.attempts.map(({ code, outcome }) => code ?? outcome)).toEqual([
    "SOURCE_IS_SELF",
    "delivered",
  ]);
  expect(self.requests).toEqual([]);
  await expectInstalled(agent, 2);
  await dns.close();
});

/** A management server as far as its files go: the vendor's content, and settings of its own. */
async function startServer() {
  const dir = await fs.mkdtemp(path.join(world.folder, "server-"));
  await fs.cp(world.www(2), dir, { recursive: true });
  await initRepository({ dir, repository: "settings" });
  const source = await startSource(dir);
  sources.push(source);
  const publish = async (name: string, document: object) => {
    const file = path.join(world.folder, `${path.basename(dir)}.json`);
    await writeJson(file, document);
    await setDocument({ dir, name, file });
  };
  return { url: source.url, dir, root: path.join(dir, "settings/metadata/1.root.json"), publish };
}

type Server = Awaited<ReturnType<typeof startServer>>;

/** An agent that goes by the server's settings alone, after its first run. */
async function makeMember(server: Server): Promise<{ agent: Agent; id: string }> {
  const agent = await makeAgent(world, { sources: {} });
  await writeJson(agent.configFile, {
    dataDir: "data",
    server: server.url,
    roots: { content: "root.json", settings: server.root },
    addresses: ["127.0.0.1"],
    listen: { host: "127.0.0.1", port: 0 },
    metrics: { port: 0 },
    relay: { minFree: 0 },
    http: { proxy: "none" },
  });
  expect(await on(agent, "update")).toMatchObject({ code: 0 });
  return { agent, id: json<{ agentId: string }>(await on(agent, "status", "--json")).agentId };
}

const policy = { schedule: { interval: 86_400_000, splay: 0 }, notify: { window: 0 } };

/** A resident agent that the server has made an Update Agent, and an agent that updates from it alone. */
async function startUpdateAgent(env: Record<string, string> = {}) {
  const server = await startServer();
  await server.publish("policies/default", policy);
  const { agent, id } = await makeMember(server);
  await server.publish("update-agents", { agents: [{ id, kinds: ["components"] }] });
  const resident = startResident(agent, env);
  residents.push(resident);
  await resident.said(/this agent is an Update Agent for components/);
  const port = await resident.port();
  const neighbour = await makeAgent(world, { sources: { near: `http://127.0.0.1:${port}` } });
  return { server, resident, port, neighbour };
}

describe("an agent that signed settings make an Update Agent", () => {
  test("serves its neighbours, tells monitors, and stops when the grant goes", async () => {
    const { server, resident, port, neighbour } = await startUpdateAgent();
    const { report } = await runUpdate(neighbour);
    expect(report.attempts).toEqual([expect.objectContaining({ name: "near", outcome: "delivered" })]);
    await expectInstalled(neighbour, 2);

    const [, monitor] = await resident.said(/metrics at port (\d+)/);
    const health = await fetch(`http://127.0.0.1:${monitor}/healthz`);
    expect(await health.json()).toMatchObject({ role: "update-agent", serving: true, kinds: ["components"] });
    const metrics = await (await fetch(`http://127.0.0.1:${monitor}/metrics`)).text();
    expect(metrics).toMatch(/nearsource_relay_transfers_total\{outcome="\w+"\} [1-9]/);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);

    await server.publish("update-agents", { agents: [] });
    const settings = await timestampOf(server.dir, "settings");
    expect(await notify(port, JSON.stringify({ settings }))).toBe(202);
    await resident.said(/is no Update Agent any more/);
    expect((await fetch(`http://127.0.0.1:${port}/content/metadata/timestamp.json`)).status).toBe(404);
    expect(await (await fetch(`http://127.0.0.1:${monitor}/metrics`)).text()).not.toContain("relay");
    expect((await resident.stop()).code).toBe(0);
  });

  test("keeps a young generation that stays small", async () => {
    const folder = await fs.mkdtemp(path.join(world.folder, "flags-"));
    const env = { NODE_OPTIONS: `--import "${FLAGS_PRELOAD}"`, FLAGS_FOLDER: folder };
    const { resident } = await startUpdateAgent(env);
    expect((await resident.stop()).code).toBe(0);
    const said = await flagsIn(folder);
    expect(said.get(resident.process.pid ?? 0)?.flags).toEqual(["--semi-space-growth-factor=1"]);
  });

  test("says that it serves nobody while its port is not to be had, and serves once it is", async () => {
    const server = await startServer();
    await server.publish("policies/default", policy);
    const { agent, id } = await makeMember(server);
    await server.publish("update-agents", { agents: [{ id, kinds: ["components"] }] });
    const taken = await startSource(world.folder);
    sources.push(taken);
    await changeConfig(agent, { listen: { host: "127.0.0.1", port: taken.port } });
    const resident = startResident(agent);
    residents.push(resident);
    await resident.said(/error: cannot listen at 127\.0\.0\.1 port \d+.*: .*EADDRINUSE.*; it is tried again/);
    await resident.said(/this agent is an Update Agent for components/);
    const [, monitor] = await resident.said(/metrics at port (\d+)/);
    const health = async () => await (await fetch(`http://127.0.0.1:${monitor}/healthz`)).json();
    expect(await health()).toMatchObject({
      ...{ port: null, serving: false },
      reason: expect.stringContaining("cannot listen at 127.0.0.1 port"),
    });
    const { stdout } = await on(agent, "status");
    expect(stdout).toMatch(/listens at no port\.\n +no port yet: cannot listen at 127\.0\.0\.1 port/);

    await closeAll(sources.splice(sources.indexOf(taken), 1));
    expect(await resident.port()).toBe(taken.port);
    expect(await health()).toMatchObject({ port: taken.port, serving: true });
    expect(json(await on(agent, "status", "--json"))).toMatchObject({ agent: { port: taken.port } });
  });

  test("is one as soon as a run by hand has brought the grant, and goes by what SIGHUP has it read", async () => {
    const server = await startServer();
    await server.publish("policies/default", policy);
    const { agent, id } = await makeMember(server);
    const resident = startResident(agent);
    residents.push(resident);
    await resident.said(/ended: current/);
    await server.publish("update-agents", { agents: [{ id, kinds: ["components"] }] });
    expect(await on(agent, "update")).toMatchObject({ code: 0 });
    await resident.said(/this agent is an Update Agent for components/);

    const [, monitor] = await resident.said(/metrics at port (\d+)/);
    const health = async (port = monitor) => await (await fetch(`http://127.0.0.1:${port}/healthz`)).json();
    await expect.poll(() => health(), { timeout: 50_000 }).toMatchObject({ serving: true });
    await changeConfig(agent, { relay: { minFree: 1e15 } });
    resident.process.kill("SIGHUP");
    await resident.said(/the configuration was read again/);
    const [, after] = await resident.said(/metrics at port \d+[\s\S]*metrics at port (\d+)/);
    const refused = { serving: false, reason: expect.stringMatching(/has less than .* free/) };
    await expect.poll(() => health(after), { timeout: 50_000 }).toMatchObject(refused);
  });

  test("brings what it was notified of to its neighbours", async () => {
    const { server, resident, port, neighbour } = await startUpdateAgent();
    await runUpdate(neighbour);

    await fs.cp(path.join(world.www(3), "content"), path.join(server.dir, "content"), { recursive: true });
    const content = await timestampOf(world.www(3));
    expect(await notify(port, JSON.stringify({ content }))).toBe(202);
    await resident.said(/ended: updated/);
    await expect
      .poll(async () => (await runUpdate(neighbour)).report.outcome, { timeout: 50_000, interval: 200 })
      .toBe("updated");
    await expectInstalled(neighbour, 3);
  });
});
