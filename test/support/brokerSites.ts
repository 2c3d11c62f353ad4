import { promises as fs } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import type { Broker } from "./broker.ts";
import { enrol } from "./consoleFleet.ts";
import { type ResidentProcess, startResident } from "./resident.ts";
import type { ServerProcess } from "./serverProcess.ts";
import { makeLink, openWay, type Way } from "./thinLink.ts";
import { expectFiles, noise } from "./world.ts";

/** An agent, the program, that hears of news from a broker alone, and whose way to the server is watched. */
export interface Member {
  id: string;
  name: string;
  dataDir: string;
  /** Its way to the server. */
  way: Way;
  /** It as it runs now. */
  resident: ResidentProcess;
  start(): void;
}

interface Means {
  folder: string;
  server: ServerProcess;
  call: ServerProcess["call"];
  broker: Broker;
  topic: string;
  /** All that is to be ended with the test. */
  residents: ResidentProcess[];
  open: { close(): Promise<void> }[];
}

/** Longest that anything is awaited; ms. */
export const PATIENT = { timeout: 120_000, interval: 50 };

/** Bytes of each file of a release. None of it is like the release before. */
const SIZES = { "a.dat": 900_000, "b.dat": 700_000, "c.dat": 400_000, "d.dat": 9_000 };
const filesOf = (version: string) =>
  Object.entries(SIZES).map(([name, length]) => [name, noise(`${version} ${name}`, length)] as const);

/** The installed files of an agent that has a release. */
function installedOf(version: string): Record<string, Buffer> {
  return Object.fromEntries(filesOf(version).map(([name, bytes]) => [`rules/${name}`, bytes]));
}

/** Awaits that each of them has a release, to the byte. */
export async function have(members: Member[], version: string): Promise<void> {
  const wanted = installedOf(version);
  const missing = async () => {
    const found = await Promise.all(members.map((each) => expectFiles(each, wanted).catch(() => each.name)));
    return found.filter((each) => each !== undefined);
  };
  await expect.poll(missing, PATIENT).toEqual([]);
}

/** The folder of the server's content, and how a release is published there. */
export async function makeContent({ folder, server }: Pick<Means, "folder" | "server">) {
  const dir = path.join(server.dir, "www");
  const keysDir = path.join(folder, "content-keys");
  await initRepository({ dir, repository: "content", keysDir });
  const objects = async () => {
    const found = await fs.readdir(path.join(dir, "content", "objects"), { recursive: true }).catch(() => []);
    return found.map((each) => path.basename(each)).filter((each) => each.length === 64);
  };
  /** @returns the bytes of each new object, by its path */
  return async (version: string): Promise<Map<string, number>> => {
    const before = await objects();
    const release = path.join(folder, "releases", version);
    await fs.mkdir(release, { recursive: true });
    for (const [name, bytes] of filesOf(version)) await fs.writeFile(path.join(release, name), bytes);
    await addRelease({ dir, keysDir, kind: "components", name: "rules", version, path: release, deltas: 0 });
    const sizes = new Map<string, number>();
    for (const each of await objects()) {
      const place = `/content/objects/${each.slice(0, 2)}/${each}`;
      if (!before.includes(each)) sizes.set(place, (await fs.stat(path.join(dir, place))).size);
    }
    return sizes;
  };
}

/** An office of so many agents at 127.0.`net`.x, the first an Update Agent, whose ways to the server share a link. */
export async function makeOffice(means: Means, net: number, count: number) {
  const link = makeLink();
  const members: Member[] = [];
  for (let index = 0; index <= count; index++)
    members.push(await makeMember(means, link, `127.0.${net}.${index + 1}`, index === 0));
  const [updateAgent, ...agents] = members as [Member, ...Member[]];
  const role = { kinds: ["components"] };
  expect((await means.call("PUT", `/agents/${updateAgent.id}/update-agent`, role)).status).toBe(200);
  updateAgent.start();
  const url = `http://127.0.${net}.1:${await updateAgent.resident.port()}`;
  const entry = { range: `127.0.${net}.0/24`, name: `ua-${net}`, url, kinds: ["components"] };
  return { link, updateAgent, agents, url, entry };
}

export type Office = Awaited<ReturnType<typeof makeOffice>>;

async function makeMember(
  { folder, server, call, broker, topic, residents, open }: Means,
  link: ReturnType<typeof makeLink>,
  address: string,
  isReached: boolean,
): Promise<Member> {
  const way = await openWay(server.agents, link);
  open.push(way);
  const own = path.join(folder, "agents", address);
  const asked = { call, agentsUrl: server.agents, dir: server.dir };
  const limits = { connectTimeout: 20_000, responseTimeout: 20_000, stallTimeout: 20_000, proxy: "none" };
  const { id, name } = await enrol(asked, own, {
    name: address,
    address,
    config: {
      server: way.url,
      kinds: ["components"],
      // Nobody can push to the others, and nobody asks the server for news.
      listen: { host: address, port: isReached ? 0 : null },
      notify: { poll: false, mqtt: { url: broker.url, topic } },
      http: limits,
    },
  });
  const configFile = path.join(own, "config.json");
  const start = () => {
    member.resident = startResident({ configFile });
    residents.push(member.resident);
  };
  const member = { id, name, dataDir: path.join(own, "data"), way, start } as Member;
  return member;
}

/** The runs that it remembers, and whether there is none under way or about to begin. */
export async function runsOf({ dataDir }: Member): Promise<{ runs: unknown[]; isIdle: boolean }> {
  const state = JSON.parse(await fs.readFile(path.join(dataDir, "agent", "state.json"), "utf8"));
  const isSoon = state.next !== null && Date.parse(state.next.at) < Date.now() + 3_600_000;
  return { runs: state.runs, isIdle: state.running === null && state.owed === undefined && !isSoon };
}

/** Awaits that each has heard the broker at all, and is done with what follows. */
export async function settled(broker: Broker, members: Member[]): Promise<void> {
  const busy = async (each: Member) => {
    if ((await broker.acknowledged(`nearsource-${each.id}`)) === 0) return [each.name];
    const { runs, isIdle } = await runsOf(each);
    return isIdle && runs.length > 0 ? [] : [each.name];
  };
  await expect.poll(async () => (await Promise.all(members.map(busy))).flat(), PATIENT).toEqual([]);
}

/** Has `message` kept as the retained one, and awaits that each of them has taken it. */
export async function say(broker: Broker, topic: string, message: string, members: Member[]): Promise<void> {
  const taken = () => Promise.all(members.map(({ id }) => broker.acknowledged(`nearsource-${id}`)));
  const before = await taken();
  const { connectAsync } = await import("mqtt");
  const client = await connectAsync(broker.url);
  await client.publishAsync(topic, message, { qos: 1, retain: true });
  await client.endAsync();
  const more = async () => (await taken()).map((each, index) => each > (before[index] ?? 0));
  await expect.poll(more, PATIENT).toEqual(members.map(() => true));
}

/** How often an agent has said this. */
export const times = ({ resident }: Member, what: RegExp) => resident.text().split(what).length - 1;

/** Awaits that each of them has said this once more than `before`. */
export async function sayAgain(members: Member[], what: RegExp, act: () => Promise<unknown>): Promise<void> {
  const before = members.map((each) => times(each, what));
  await act();
  const more = () => members.map((each, index) => times(each, what) > (before[index] ?? 0));
  await expect.poll(more, PATIENT).toEqual(members.map(() => true));
}

/** The objects that it asked the server for. */
export function objectsOf({ way }: Member) {
  return way.requests.filter(({ path: each }) => each.startsWith("/content/objects/"));
}
