import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, vi } from "vitest";
import { readToken } from "../../src/core/fleet/enrolmentToken.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import {
  type Administrator,
  type Answer,
  type ConsoleWorld,
  makeConsole,
  setUpConsole,
} from "./consoleWorld.ts";
import { killAll, type ResidentProcess, startResident } from "./resident.ts";
import { writeJson } from "./world.ts";

/** A server with its page, content of its own, and real agents: the program, a process each. */
export interface ConsoleFleet extends ConsoleWorld, Administrator {
  /** Publishes a release of `components/rules` into the server's own tree. */
  publish(version: string): Promise<void>;
  /** Tells one agent at its own port of what the server has, as anybody may. */
  tell(agent: FleetAgent, address: string): Promise<void>;
  /** Tells all agents, and waits until each of these has a release. */
  until(agents: readonly FleetAgent[], version: string): Promise<void>;
  /** Enrols an agent at an address of the loopback, which it listens at, and starts it. */
  start(name: string, options: AgentOptions): Promise<FleetAgent>;
}

interface AgentOptions {
  /** 127.x.y.z */
  address: string;
  domain?: string;
  /** Keys over those of its configuration. */
  config?: Record<string, unknown>;
}

export interface FleetAgent {
  id: string;
  name: string;
  folder: string;
  resident: ResidentProcess;
  /** The version of `rules` that is installed. */
  installed(): Promise<string>;
}

/** They run as soon as they are told. */
const PROMPT = { notify: { window: 0 }, schedule: { interval: 86_400_000, splay: 0 } };

/**
 * @param domains those that there are beside the default one
 * @param settings keys of `server.json` beside those that `server init` writes
 */
export async function makeFleet(
  domains: readonly string[],
  settings: Record<string, unknown> = {},
): Promise<ConsoleFleet> {
  const world = await makeConsole({ enrolment: "token", ...settings });
  const administrator = await setUpConsole(world);
  const folder = path.dirname(world.dir);
  const dir = path.join(world.dir, "www");
  const keysDir = path.join(folder, "content-keys");
  await initRepository({ dir, repository: "content", keysDir });
  const residents: ResidentProcess[] = [];
  const fleet: ConsoleFleet = {
    ...world,
    ...administrator,
    async publish(version) {
      const release = path.join(folder, "releases", version);
      await fs.mkdir(release, { recursive: true });
      await fs.writeFile(path.join(release, "version"), version);
      await addRelease({ dir, keysDir, kind: "components", name: "rules", version, path: release });
      await world.server.context.trees.look();
    },
    async tell(agent, address) {
      const timestamp = path.join(dir, "content", "metadata", "timestamp.json");
      const url = `http://${address}:${await agent.resident.port()}/v1/notify`;
      const body = `{"content":${await fs.readFile(timestamp, "utf8")}}`;
      const { status } = await fetch(url, { method: "POST", body });
      if (status !== 202) throw new Error(`${agent.name} answered ${status}`);
    },
    async until(agents, version) {
      await fleet.call("POST", "/notifications", { target: { all: true } });
      const look = () => Promise.all(agents.map((each) => each.installed()));
      await vi.waitFor(async () => expect(await look()).toEqual(agents.map(() => version)), {
        timeout: 60_000,
        interval: 50,
      });
    },
    async start(name, options) {
      const agent = await enrol(fleet, path.join(folder, "agents", name), { name, ...options });
      const resident = startResident({ configFile: path.join(agent.folder, "config.json") });
      residents.push(resident);
      await resident.said(/the agent is ready/);
      return { ...agent, resident };
    },
    async close() {
      await killAll(residents);
      await world.close();
    },
  };
  for (const name of domains) await fleet.call("POST", "/domains", { name });
  await fleet.call("POST", "/policies", {
    name: "all",
    targets: { domains: ["default", ...domains], agents: [] },
    settings: PROMPT,
  });
  await fleet.publish("1.0");
  return fleet;
}

/** A server at which agents are enrolled. */
interface Enrolling extends Pick<ConsoleFleet, "agentsUrl" | "dir"> {
  call(method: string, place: string, body?: unknown): Promise<Pick<Answer, "body">>;
}

/** What `nearsource enrol` leaves, for a machine that there are several of here. */
export async function enrol(
  { call, agentsUrl, dir }: Enrolling,
  folder: string,
  { name, address, domain = "default", config = {} }: AgentOptions & { name: string },
): Promise<Omit<FleetAgent, "resident">> {
  const { body } = await call("POST", "/enrolment-tokens", { uses: 1, domain });
  const answer = await fetch(`${agentsUrl}/v1/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      token: readToken(body.token)?.secret,
      name,
      addresses: [address],
      fingerprint: createHash("sha256").update(name).digest("hex"),
      program: "0.1.0",
    }),
  });
  if (answer.status !== 201) throw new Error(`${name} did not enrol: ${await answer.text()}`);
  const identity = (await answer.json()) as { id: string };
  const data = path.join(folder, "data");
  await fs.mkdir(data, { recursive: true });
  await fs.writeFile(path.join(data, ".nearsource"), "");
  await fs.writeFile(path.join(data, "identity.json"), JSON.stringify(identity), { mode: 0o600 });
  const rootOf = (repository: string) => path.join(dir, "www", repository, "metadata", "1.root.json");
  await writeJson(path.join(folder, "config.json"), {
    dataDir: "data",
    server: agentsUrl,
    roots: { content: rootOf("content"), settings: rootOf("settings") },
    addresses: [address],
    listen: { host: address, port: 0 },
    notify: { poll: true },
    policy: "policy.json",
    metrics: { port: null },
    http: { proxy: "none" },
    relay: { minFree: 0 },
    ...config,
  });
  await writeJson(path.join(folder, "policy.json"), PROMPT);
  const version = path.join(data, "current", "components", "rules", "version");
  const installed = () => fs.readFile(version, "utf8").catch(() => "");
  return { id: identity.id, name, folder, installed };
}
