import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, vi } from "vitest";
import { readToken } from "../../src/core/fleet/enrolmentToken.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { type Administrator, type ConsoleWorld, makeConsole, setUpConsole } from "./consoleWorld.ts";

/** A server with a fleet that enrolled and reported by the agents' own calls, and a session of its administrator. */
export interface FilledConsole extends ConsoleWorld, Administrator {
  /** Ids of the agents by name. */
  agents: Map<string, { id: string; secret: string }>;
  report(name: string, attempts: readonly Tried[], more?: Record<string, unknown>): Promise<void>;
}

export interface Tried {
  rule: "custom" | "server" | "active-update";
  clause: string;
  name?: string;
  url: string;
  entry?: number;
  outcome: "delivered" | "current" | "failed";
  code?: string;
  message?: string;
}

export const LIST = {
  mode: "customized",
  entries: [
    {
      range: "10.1.0.0/16",
      name: "ua-berlin",
      url: "http://ua-berlin:21112",
      kinds: ["components", "settings"],
    },
    { range: "10.2.0.0/16", name: "ua-lyon", url: "http://ua-lyon:21112", kinds: ["components"] },
    { range: "10.8.0.0/16", url: "https://updates.vendor.example", kinds: ["components"] },
  ],
  serverFallback: { enabled: true, kinds: ["components", "settings", "programs"] },
};

/** What a run brought. */
const INSTALLED = {
  ...{ component: "pattern", kind: "components", via: "full", bytes: 18_233 },
  ...{ fromVersion: "1.0", toVersion: "1.1" },
};

/** Sites: a domain each, with its addresses and how many agents are in it. */
const SITES = [
  { domain: "berlin", net: "10.1.0", agents: 14 },
  { domain: "lyon", net: "10.2.0", agents: 9 },
  { domain: "vpn", net: "10.8.0", agents: 4 },
];

export async function fillConsole(settings: Record<string, unknown> = {}): Promise<FilledConsole> {
  const world = await makeConsole({ enrolment: "token", releases: { watchEvery: 200 }, ...settings });
  const { cookie, call, signIn } = await setUpConsole(world);
  const agents: FilledConsole["agents"] = new Map();
  const report: FilledConsole["report"] = async (name, attempts, more = {}) => {
    const { id = "", secret = "" } = agents.get(name) ?? {};
    const failed = attempts.every(({ outcome }) => outcome === "failed");
    const answer = await fetch(`${world.agentsUrl}/v1/agents/${id}/report`, {
      method: "PUT",
      headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
      body: JSON.stringify({
        started: new Date(Date.now() - 4_000).toISOString(),
        ended: new Date(Date.now() - 1_000).toISOString(),
        trigger: "schedule",
        program: "0.1.0",
        report: {
          outcome: failed ? "exhausted" : "updated",
          trigger: "schedule",
          bytes: 18_233,
          sourceList: { version: 1, from: "server" },
          attempts: attempts.map((each) => ({
            kinds: ["components"],
            delivered: ["components"],
            ms: 12,
            bytes: 18_233,
            ...each,
          })),
          skipped: [],
          installed: failed ? [] : [INSTALLED],
        },
        ...more,
      }),
    });
    if (answer.status !== 204)
      throw new Error(`the report of ${name}: ${answer.status} ${await answer.text()}`);
  };
  // The same object: its server is another after it was started again.
  const filled: FilledConsole = Object.assign(world, { cookie, agents, call, report, signIn });
  await fillFleet(filled);
  await publishContent(filled);
  return filled;
}

/** Two releases of `components/pattern`, in the server's own tree. */
async function publishContent({ dir, server, call }: FilledConsole): Promise<void> {
  const folder = path.dirname(dir);
  const place = { dir: path.join(dir, "www"), keysDir: path.join(folder, "content-keys") };
  await initRepository({ ...place, repository: "content" });
  for (const version of ["1.0", "1.1"]) {
    const release = path.join(folder, "releases", version);
    await fs.mkdir(release, { recursive: true });
    await fs.writeFile(path.join(release, "version"), version);
    await addRelease({ ...place, kind: "components", name: "pattern", version, path: release });
  }
  await server.context.trees.look();
  const seen = async () => (await call("GET", "/releases")).body.items[0]?.releases.length;
  await vi.waitFor(async () => expect(await seen()).toBe(2), { timeout: 20_000 });
}

async function fillFleet(world: FilledConsole): Promise<void> {
  const { call } = world;
  for (const { domain } of SITES) await call("POST", "/domains", { name: domain });
  for (const { domain, net, agents } of SITES) {
    const { body } = await call("POST", "/enrolment-tokens", { uses: 100, domain });
    for (let index = 1; index <= agents; index++) {
      const name =
        index === 1 && domain !== "vpn" ? `ua-${domain}` : `${domain}-ws-${String(index).padStart(4, "0")}`;
      await enrol(world, { token: body.token, name, addresses: [`${net}.${index}`] });
    }
  }
  for (const name of ["ua-berlin", "ua-lyon"]) {
    await call("PUT", `/agents/${world.agents.get(name)?.id}/update-agent`, {
      kinds: ["components", "settings"],
    });
  }
  await call("PUT", "/source-list?note=first", LIST, { "if-match": '"0"' });
  await call("POST", "/policies", {
    name: "VPN",
    targets: { domains: ["vpn"], agents: [] },
    settings: { activeUpdate: true, schedule: { interval: 28_800_000 }, rateLimit: 500_000 },
  });
  await reports(world);
}

async function enrol(
  world: FilledConsole,
  given: { token: string; name: string; addresses: string[] },
): Promise<void> {
  const { token, name, addresses } = given;
  const answer = await fetch(`${world.agentsUrl}/v1/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      token: readToken(token)?.secret,
      name,
      addresses,
      fingerprint: createHash("sha256").update(name).digest("hex"),
      program: "0.1.0",
    }),
  });
  if (answer.status !== 201) throw new Error(`${name} did not enrol: ${await answer.text()}`);
  world.agents.set(name, (await answer.json()) as { id: string; secret: string });
}

async function reports(world: FilledConsole): Promise<void> {
  const near = (site: string, entry: number): Tried => {
    const url = `http://ua-${site}:21112`;
    return { rule: "custom", clause: "1", entry, name: `ua-${site}`, url, outcome: "delivered" };
  };
  const server: Tried = { rule: "server", clause: "2", url: `${world.agentsUrl}/`, outcome: "delivered" };
  for (const name of world.agents.keys()) {
    if (name.endsWith("0009") || name.endsWith("0004")) continue;
    if (name.startsWith("ua-")) await world.report(name, [{ ...server, clause: "UA.1" }]);
    else if (name.startsWith("berlin")) await world.report(name, [near("berlin", 0)]);
    else if (name.startsWith("lyon")) {
      const refused = {
        outcome: "failed",
        code: "CONNECTION_REFUSED",
        message: "refused the connection",
      } as const;
      await world.report(name, [{ ...near("lyon", 1), ...refused }, server]);
    } else
      await world.report(name, [
        {
          rule: "custom",
          clause: "1",
          entry: 2,
          url: "https://updates.vendor.example",
          outcome: "failed",
          code: "DNS_NOT_FOUND",
          message: "the name does not resolve",
        },
      ]);
  }
}
