import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { FleetEffect } from "../../../src/core/fleet/effect.ts";
import { answerOfFleet } from "../../../src/server/effect/fleetChange.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { PROGRAM } from "../../support/program.ts";
import {
  type Call,
  enrolMachine,
  makeReadyServer,
  reportRun,
  type ServerWorld,
} from "../../support/serverWorld.ts";

let world: ServerWorld;
let token: string;
let call: Call;

const berlin = { range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin.example:21112" };
const list = { entries: [berlin], serverFallback: { enabled: true } };

beforeAll(async () => {
  ({ world, token, call } = await makeReadyServer("operator"));
  for (const [index, third] of ["1", "1", "2"].entries()) {
    await enrolMachine(world, token, { name: `pc-${index}`, addresses: [`10.${third}.0.${index + 1}`] });
  }
  expect((await call("PUT /source-list", list, 0)).status).toBe(200);
});

afterAll(() => world.close());

test("a dead source moves its agents to the next of their order, and nothing is changed", async () => {
  const { status, body } = await call("POST /what-if", { without: ["ua-berlin"] });
  expect(status).toBe(200);
  expect(body.effect.moved).toEqual([{ from: "ua-berlin", to: "server", agents: 2 }]);
  expect((await call("POST /what-if", { without: [berlin.url] })).body.effect).toEqual(body.effect);
  expect((await call("GET /source-list")).body.version).toBe(1);
});

test("a list has its effect before it is saved, and its faults are said", async () => {
  const lyon = { range: "10.2.0.0/16", name: "ua-lyon", url: "http://ua-lyon.example:21112" };
  const { body } = await call("POST /what-if", { list: { entries: [berlin, lyon] } });
  expect(body.effect.moved).toEqual([{ from: "server", to: "ua-lyon", agents: 1 }]);
  const wrong = (await call("POST /what-if", { list: { entries: [{ range: "10", url: "x" }] } })).body;
  expect([wrong.effect, wrong.findings[0]]).toMatchObject([
    null,
    { level: "error", entry: 0, field: "range" },
  ]);
});

test("one order is asked for by agent or by address, with sources taken for dead", async () => {
  const { items } = (await call("GET /agents?q=pc-0")).body;
  const one = async (given: object) =>
    (await call("POST /what-if", given)).body.order.steps.map((step: { url: string }) => step.url);
  expect(await one({ agent: items[0].id })).toEqual([berlin.url, expect.stringContaining("21111")]);
  expect(await one({ address: "10.1.2.3", without: ["ua-berlin"] })).toEqual([
    expect.stringContaining("21111"),
  ]);
  expect(await one({ address: "192.0.2.1" })).toEqual([expect.stringContaining("21111")]);
});

test("an Update Agent is one source, by however many entries it is reached, and dead by all of them", async () => {
  const own = await makeReadyServer("operator");
  onTestFinished(() => own.world.close());
  const enrolled = async (name: string, address: string) =>
    await enrolMachine(own.world, own.token, { name, addresses: [address], machine: name });
  const a = await enrolled("agent-a", "192.0.2.2");
  const b = await enrolled("agent-b", "192.0.2.3");
  for (const { id } of [a, b]) {
    await own.call(`PUT /agents/${id}/update-agent`, { kinds: ["components", "settings", "programs"] });
  }
  await reportRun(own.world, b, { outcome: "current" }, { publicUrls: ["http://198.51.100.3:8080"] });
  for (const address of ["10.1.0.1", "10.1.0.2", "10.2.0.1"]) await enrolled(`pc-${address}`, address);
  const entries = [
    { range: "10.1.0.0/16", name: "first", url: "http://agent-a:21112" },
    { range: "10.1.0.0/16", url: "http://192.0.2.2:21112" },
    { range: "10.2.0.0/16", url: "http://192.0.2.2:21112" },
    { range: "10.0.0.0/8", name: "b", url: "http://198.51.100.3:8080" },
    { range: "10.0.0.0/8", name: "b", url: "http://192.0.2.3:21112" },
  ];
  expect((await own.call("PUT /source-list", { entries }, 0)).status).toBe(200);
  const { effect } = (await own.call("POST /what-if", {})).body;
  expect(
    effect.after.sources.map(({ name, kinds }: FleetEffect["after"]["sources"][number]) => [
      name,
      kinds.components,
    ]),
  ).toEqual([
    ["server", 2],
    ["agent-a", 3],
  ]);
  // By its own name, or by that or the URL of any of its entries.
  for (const without of ["agent-a", "first", "http://agent-a:21112", "http://192.0.2.2:21112"]) {
    const dead = (await own.call("POST /what-if", { without: [without] })).body.effect;
    expect(dead.moved).toEqual([{ from: "agent-a", to: "agent-b", agents: 3 }]);
    const both = (await own.call("POST /what-if", { without: [without, "b"] })).body.effect;
    expect(both.moved).toEqual([{ from: "agent-a", to: "server", agents: 3 }]);
    const { order } = (await own.call("POST /what-if", { address: "10.1.0.9", without: [without, "b"] }))
      .body;
    expect(order.steps).toMatchObject([{ rule: "server" }]);
  }
  // A change of the entry by which it is reached moves nobody; uses stay those of each entry.
  const shorter = { entries: entries.toSpliced(0, 1) };
  const checked = (await own.call("POST /source-list/check", shorter)).body;
  expect([checked.effect.moved, checked.uses[0]]).toEqual([[], { near: 2, first: 2 }]);
});

test("a policy has its effect on the domains that it is for", async () => {
  const policy = (settings: object) => ({ policy: { domains: ["default"], settings } });
  expect((await call("POST /what-if", policy({ activeUpdate: true }))).body.effect.moved).toEqual([]);
  const refused = await call("POST /what-if", policy({ activeUpdate: 1 }));
  expect([refused.status, refused.body.errors[0].field]).toEqual([422, "policy.settings.activeUpdate"]);
});

test.for([
  [{ without: ["ua-nowhere"] }, 422],
  [{ address: "10.1" }, 422],
  [{ agent: "nobody" }, 404],
  [{ agent: "nobody", address: "10.1.1.1" }, 422],
  [{ policy: { settings: {} } }, 400],
] as const)("%j is refused with %i", async ([given, status]) => {
  expect((await call("POST /what-if", given)).status).toBe(status);
});

test("agents that no entry matches are shown by network", async () => {
  expect((await call("GET /uncovered")).body).toEqual({
    agents: 1,
    withoutAddress: 0,
    networks: [{ network: "10.2.0.0/24", agents: 1, some: [expect.any(String)] }],
    more: 0,
  });
});

test("a large fleet is looked at by a process of its own, which comes to the same", async () => {
  const { db } = world.context.database;
  await transact(db, async (tx) => {
    const rows = Array.from({ length: 3_000 }, (_, index) => ({
      id: `many-${index}`,
      name: `many-${index}`,
      search: "",
      fingerprint: String(index),
      domain: "default",
      secret_hash: String(index),
      addresses: JSON.stringify([`10.${index % 5}.${index % 200}.${index % 250}`]),
      program: "0.1.0",
      created_at: Date.now(),
      reported_at: null,
      outcome: null,
      code: null,
      source: null,
      retired_at: null,
      clone_of: null,
    }));
    for (let from = 0; from < rows.length; from += 500) {
      await tx
        .insertInto("agents")
        .values(rows.slice(from, from + 500))
        .execute();
    }
  });
  const here = (await call("POST /what-if", { without: ["ua-berlin"] })).body;
  expect(here.effect.before.agents).toBe(3_003);
  const config = { ...world.context.config, console: { host: "127.0.0.1", port: 0 } };
  config.agents = { host: "127.0.0.1", port: 0 };
  await fs.writeFile(path.join(world.dir, "server.json"), JSON.stringify({ ...config, dir: undefined }));
  const server = spawn(process.execPath, [PROGRAM, "server", world.dir], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    const port = await portOf(server.stderr);
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/what-if`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ without: ["ua-berlin"] }),
    });
    expect(await answer.json()).toEqual(here);
  } finally {
    server.kill();
    await once(server, "exit");
  }
});

async function portOf(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stderr })) {
    const [, port] = /console answers at http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    if (port !== undefined) return port;
  }
  throw new Error("the server did not start");
}

test("of many questions of a large fleet one is looked at after the other, and too many are refused", async () => {
  const asked: (() => void)[] = [];
  let [running, most] = [0, 0];
  world.context.askElsewhere = async (_, question) => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => asked.push(resolve));
    running--;
    return await answerOfFleet(world.context, question);
  };
  try {
    const all = Array.from({ length: 10 }, () => call("GET /uncovered"));
    const refused = await Promise.race(all);
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    for (let left = 8; left > 0; left--) {
      await vi.waitFor(() => expect(asked).toHaveLength(1));
      asked.pop()?.();
    }
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(8);
    expect(most).toBe(1);
  } finally {
    world.context.askElsewhere = undefined;
  }
});
