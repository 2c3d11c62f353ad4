import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Broker, hasMosquitto, makeBroker } from "../support/broker.ts";
import {
  have,
  type Member,
  makeContent,
  makeOffice,
  objectsOf,
  PATIENT,
  runsOf,
  say,
  sayAgain,
  settled,
  times,
} from "../support/brokerSites.ts";
import { forged, timestampOf } from "../support/post.ts";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { openServer, type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { closeAll, newFolder, noise, writeJson } from "../support/world.ts";
import { json, nearsource } from "./commandLine.ts";

const TOPIC = "nearsource/news";
const residents: ResidentProcess[] = [];
const servers: ServerProcess[] = [];
const open: { close(): Promise<void> }[] = [];
let broker: Broker | undefined;
afterEach(async () => {
  await killAll(residents);
  await closeAll(open);
  for (const { process: each, ended } of servers.splice(0)) {
    each.kill("SIGKILL");
    await ended;
  }
  await broker?.kill();
});

/** A server that says its news at the broker, and a call of its API. */
async function serverAt(folder: string, { url }: Broker) {
  const made = await startServerProcess(folder);
  const { token } = (await made.call("POST", "/api-tokens", { name: "the test", role: "administrator" }))
    .body;
  made.process.kill("SIGTERM");
  await made.ended;
  const file = path.join(made.dir, "server.json");
  await writeJson(file, { ...JSON.parse(await fs.readFile(file, "utf8")), mqtt: { url, topic: TOPIC } });
  const server = await openServer(made.dir);
  servers.push(server);
  const call = (method: string, place: string, body?: unknown, headers = {}) =>
    server.call(method, place, body, { authorization: `Bearer ${token}`, ...headers });
  return { server, call };
}

describe.skipIf(!hasMosquitto)("an agent that listens to a broker, nowhere else,", () => {
  test("updates when the server publishes, and is told by Notify all, without being reached", {
    timeout: 300_000,
  }, async () => {
    const folder = await newFolder();
    broker = await makeBroker(folder);
    await broker.start();
    const { server, call } = await serverAt(folder, broker);
    const policy = {
      name: "ours",
      targets: { domains: ["default"], agents: [] },
      settings: { notify: { window: 0 }, schedule: { interval: 86_400_000, splay: 0 }, kinds: ["settings"] },
    };
    expect((await call("POST", "/policies", policy)).status).toBe(201);
    const { token } = (await call("POST", "/enrolment-tokens", {})).body;
    const configFile = path.join(folder, "agent", "config.json");
    const made = await nearsource(
      ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
      ...["--data-dir", path.join(folder, "agent", "data"), "--json"],
    );
    expect(made.code, made.stderr).toBe(0);
    const { id: agent } = json<{ id: string }>(made);
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    const own = { listen: { port: null }, metrics: { port: null }, kinds: ["settings"] };
    const notify = { poll: false, mqtt: { url: broker.url, topic: TOPIC } };
    await writeJson(configFile, { ...config, ...own, notify });
    const resident = startResident({ configFile });
    residents.push(resident);
    await resident.said(/listening to nearsource\/news at the broker/);
    const runs = async () =>
      ((await call("GET", `/agents/${agent}/runs`)).body.items as { trigger: string }[]).map(
        ({ trigger }) => trigger,
      );
    await expect.poll(runs, { timeout: 120_000, interval: 200 }).not.toEqual([]);
    const before = (await runs()).length;
    // Another run, begun by what the broker says of this publication.
    const list = { mode: "customized", entries: [] };
    expect((await call("PUT", "/source-list", list, { "if-match": '"0"' })).status).toBe(200);
    const newer = async () => (await runs()).slice(0, -before);
    await expect.poll(newer, { timeout: 120_000, interval: 200 }).toContain("notify");
    const { id } = (await call("POST", "/notifications", { target: { all: true } })).body;
    await expect
      .poll(async () => (await call("GET", `/notifications/${id}`)).body, { timeout: 120_000, interval: 200 })
      .toMatchObject({ state: "ended", counts: { done: 1, unreachable: 0, failed: 0 } });
  });
});

const TOLD = /notified of something newer/;
const LISTENS = /listening to nearsource\/news at the broker/;
const WAITS = /waiting: .*ua-61 is filling/;

/** The offices of two Update Agents, one behind a link that is made thin, all with the first release. */
async function makeOffices() {
  const folder = await newFolder();
  broker = await makeBroker(folder);
  await broker.start();
  const { server, call } = await serverAt(folder, broker);
  const publish = await makeContent({ folder, server });
  await publish("1.0");
  const www = path.join(server.dir, "www");
  const replayed = JSON.stringify({ content: await timestampOf(www) });
  const means = { folder, server, call, broker, topic: TOPIC, residents, open };
  const thin = await makeOffice(means, 61, 3);
  const wide = await makeOffice(means, 62, 2);
  const list = {
    mode: "customized",
    entries: [thin.entry, wide.entry],
    updateAgentsOnlyFromServer: true,
    serverFallback: { enabled: true },
  };
  const saved = await call("PUT", "/source-list", list, { "if-match": '"0"' });
  expect(saved.status, JSON.stringify(saved.body)).toBe(200);
  const agents = [...thin.agents, ...wide.agents];
  for (const each of agents) each.start();
  const all = [thin.updateAgent, wide.updateAgent, ...agents];
  await have(all, "1.0");
  await settled(broker, all);
  const lastRun = async ({ id }: Member) => (await call("GET", `/agents/${id}/runs`)).body.items[0];
  return { broker, publish, thin, wide, all, lastRun, www, replayed };
}

type Offices = Awaited<ReturnType<typeof makeOffices>>;

/** Messages of somebody who may write to the topic. */
async function attacksOf({ www, replayed }: Offices): Promise<string[]> {
  const [content, settings] = [await timestampOf(www), await timestampOf(www, "settings")];
  const stranger = { ...content, signatures: [{ keyid: "0".repeat(64), sig: "00" }] };
  return [
    "",
    "{",
    noise("a message", 1_000).toString("latin1"),
    JSON.stringify({ content: "x".repeat(70_000) }),
    replayed,
    JSON.stringify({ content, settings }),
    JSON.stringify({ content: forged(stranger) }),
    JSON.stringify({ content, settings: forged(settings) }),
    JSON.stringify({ content: forged(content), settings: forged(settings) }),
  ];
}

/** Whether it is for the update itself, and not a report. */
const isFetch = ({ path: place }: { path: string }) => !place.startsWith("/v1/");

/** Each object of the release has left the server once for each Update Agent, and for nobody else. */
function expectOnceEach(offices: Offices, release: Map<string, number>) {
  const size = [...release.values()].reduce((sum, each) => sum + each, 0);
  const isUpdateAgent = (each: Member) => [offices.thin, offices.wide].some((of) => of.updateAgent === each);
  for (const each of offices.all) {
    const asked = objectsOf(each).filter(({ path: place }) => release.has(place));
    const bytes = asked.reduce((sum, { bytes: some }) => sum + some, 0);
    if (isUpdateAgent(each)) {
      expect([...new Set(asked.map(({ path: place }) => place))].sort()).toEqual([...release.keys()].sort());
      expect(bytes / size).toBeGreaterThanOrEqual(1);
      expect(bytes / size).toBeLessThanOrEqual(1.05);
    } else expect(asked, each.name).toEqual([]);
    // Nobody asked for news.
    expect(each.way.requests.filter(({ path: place }) => place.includes("/notifications"))).toEqual([]);
  }
}

describe.skipIf(!hasMosquitto)("a fleet of two offices that hears of releases from a broker alone", () => {
  test("takes each object over each link once while an Update Agent fills, believes nothing that others say there, and comes back to a broker that was killed", {
    timeout: 300_000,
  }, async () => {
    const offices = await makeOffices();
    const { broker, thin, wide, all, publish, lastRun } = offices;

    // One agent is off; the others hear of the release while its objects all but stand still on the link.
    const [, , late] = thin.agents as [Member, Member, Member];
    await late.resident.stop();
    thin.link.widen(20_000);
    let second = new Map<string, number>();
    await sayAgain(thin.agents.slice(0, 2), WAITS, async () => {
      second = await publish("2.0");
    });
    // It hears of it by the retained message.
    late.start();
    await late.resident.said(TOLD);
    await late.resident.said(WAITS);
    await have([wide.updateAgent, ...wide.agents], "2.0");
    await have(thin.agents, "1.0");
    thin.link.widen(2_000_000);
    await have(all, "2.0");
    for (const each of thin.agents) {
      await expect
        .poll(() => lastRun(each), PATIENT)
        .toMatchObject({
          trigger: "notify",
          document: {
            report: { attempts: [{ name: "ua-61", outcome: "delivered", waited: { for: "filling" } }] },
          },
        });
    }
    for (const each of wide.agents) {
      await expect
        .poll(() => lastRun(each), PATIENT)
        .toMatchObject({
          trigger: "notify",
          document: { report: { attempts: [{ name: "ua-62", outcome: "delivered" }] } },
        });
    }
    expectOnceEach(offices, second);

    // Somebody else writes to the topic: nobody runs, nobody fetches, neither then nor on starting with it.
    await settled(broker, all);
    const signs = async () => ({
      runs: await Promise.all(all.map(async (each) => (await runsOf(each)).runs)),
      told: all.map((each) => times(each, TOLD)),
      // What an Update Agent asks after its run, to be sure that it has all, may come late: its objects do not.
      objects: all.map((each) => objectsOf(each).length),
      fetched: [...thin.agents, ...wide.agents].map(({ way }) => way.requests.filter(isFetch).length),
    });
    const before = await signs();
    for (const message of await attacksOf(offices)) {
      await say(broker, TOPIC, message, all);
    }
    expect(await signs()).toEqual(before);
    await late.resident.stop();
    const heard = await broker.acknowledged(`nearsource-${late.id}`);
    late.start();
    const hears = () => broker.acknowledged(`nearsource-${late.id}`);
    await expect.poll(hears, PATIENT).toBeGreaterThan(heard);
    expect(await signs()).toEqual({
      ...before,
      told: all.map((each) => (each === late ? 0 : times(each, TOLD))),
    });

    // The broker is killed, and knows nothing any more.
    await sayAgain(all, LISTENS, async () => {
      await broker.kill();
      await broker.start();
    });
    const told = all.map((each) => times(each, TOLD));
    const third = await publish("3.0");
    await have(all, "3.0");
    await settled(broker, all);
    // Neither the forged messages nor those that were said again have begun a run of their own since.
    expect(all.map((each) => times(each, TOLD))).toEqual(told.map((each) => each + 1));
    for (const each of all)
      await expect.poll(() => lastRun(each), PATIENT).toMatchObject({ trigger: "notify" });
    expectOnceEach(offices, third);
  });
});
