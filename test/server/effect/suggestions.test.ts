import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  type Call,
  enrolMachine,
  makeReadyServer,
  publishedDocument,
  reportRun,
  type ServerWorld,
} from "../../support/serverWorld.ts";

const DAY = 86_400_000;
let world: ServerWorld;
let token: string;
let call: Call;

beforeAll(async () => {
  ({ world, token, call } = await makeReadyServer("operator"));
  for (let count = 1; count <= 6; count++) {
    const addresses = [`10.1.2.${count}`];
    const agent = await enrolMachine(world, token, { name: `pc-${count}`, addresses });
    const attempt = {
      rule: "server",
      url: "http://server",
      outcome: "delivered",
      bytes: 60_000_000,
      ms: 60_000,
    };
    const installed = [{ bytes: 60_000_000, whole: 100_000_000 }];
    const report = { outcome: "updated", addresses, attempts: [attempt], installed };
    const facts = { freeBytes: 5_000_000_000, uptime: count * DAY, port: 21_112 };
    expect(await reportRun(world, agent, report, facts)).toBe(204);
  }
});
afterAll(() => world.close());

const suggestions = async () => (await call("GET /suggestions")).body.items;

test("who should be an Update Agent is suggested from what agents reported, and accepted one by one", async () => {
  const [first, ...more] = await suggestions();
  expect(more).toEqual([]);
  expect(first).toMatchObject({
    ...{ id: "add_10-1-2-0_24", kind: "add", agent: { name: "pc-6" }, network: "10.1.2.0/24" },
    ...{ saves: 300_000_000, entry: { range: "10.1.2.0/24", url: "http://pc-6:21112" } },
  });
  expect((await call("GET /update-agents")).body.items).toEqual([]);

  const accept = (agent: string, version: number) =>
    call(`POST /suggestions/${first.id}/accept`, { agent }, version);
  expect((await accept("another", 0)).body.code).toBe("CONFLICT");
  expect((await accept(first.agent.id, 7)).body.code).toBe("CHANGED_MEANWHILE");
  expect((await call("GET /update-agents")).body.items).toEqual([]);

  const saved = await accept(first.agent.id, 0);
  expect([saved.status, saved.body.version]).toEqual([200, 1]);
  expect(saved.body.effect.moved).toEqual([{ from: "server", to: "pc-6", agents: 5 }]);
  expect(await publishedDocument(world, "source-list")).toMatchObject({ entries: [first.entry] });
  expect(await publishedDocument(world, "update-agents")).toMatchObject({
    agents: [{ id: first.agent.id, kinds: ["components"] }],
  });
  expect(await suggestions()).toEqual([]);
  const { items } = (await call("GET /source-list/versions")).body;
  expect(items[0].note).toBe(first.reason);
  expect((await accept(first.agent.id, 1)).status).toBe(404);
});

test("a machine that others could not find by its name is not suggested, whatever it says of itself", async () => {
  for (const name of ["evil.example/x", "localhost", "a b"]) {
    const addresses = ["10.1.2.200"];
    const agent = await enrolMachine(world, token, { name, addresses });
    const facts = { freeBytes: 9e15, uptime: 9e12, port: 21_112 };
    expect(await reportRun(world, agent, { outcome: "current", addresses }, facts)).toBe(204);
  }
  const { list, version } = (await call("GET /source-list")).body;
  await call("PUT /source-list", { ...list, version: undefined, entries: [] }, version);
  expect((await suggestions())[0]).toMatchObject({ kind: "add", agent: { name: "pc-5" } });
  await call("PUT /source-list", { ...list, version: undefined }, version + 1);
});

test("an Update Agent whose range nobody is in any more is suggested to be none", async () => {
  const { list, version } = (await call("GET /source-list")).body;
  const { version: _, ...without } = list;
  const moved = { ...without, entries: [{ ...list.entries[0], range: "10.200.0.0/24" }] };
  expect((await call("PUT /source-list", moved, version)).status).toBe(200);
  const found = (await suggestions()).find(({ kind }: { kind: string }) => kind === "remove");
  expect(found).toMatchObject({ agent: { name: "pc-6" }, entries: [0], entry: null });
  const accepted = await call(`POST /suggestions/${found.id}/accept`, { agent: found.agent.id }, version + 1);
  expect(accepted.status).toBe(200);
  expect((await call("GET /source-list")).body.list.entries).toEqual([]);
  expect((await call("GET /update-agents")).body.items).toEqual([]);
});

test("one that is dismissed rests for 90 days", async () => {
  const [first] = await suggestions();
  expect(first.kind).toBe("add");
  expect((await call(`POST /suggestions/${first.id}/dismiss`)).status).toBe(204);
  expect(await suggestions()).toEqual([]);
  expect((await call(`POST /suggestions/${first.id}/dismiss`)).status).toBe(404);
});

test("a network moves to the nearer of two Update Agents by the connect times that its agents report, and keeps the role's kinds", async () => {
  const { world: own, token: one, call: ask } = await makeReadyServer("operator");
  onTestFinished(() => own.close());
  const relays = [];
  for (const [name, address] of [
    ["ua-far", "10.8.0.5"],
    ["ua-near", "10.9.0.5"],
  ] as const) {
    const relay = await enrolMachine(own, one, { name, addresses: [address] });
    const kinds = ["components", "settings"];
    expect((await ask(`PUT /agents/${relay.id}/update-agent`, { kinds })).status).toBe(200);
    relays.push(relay);
  }
  const urls = { far: "http://ua-far:21112", near: "http://ua-near:21112" };
  const entries = [
    { range: "10.9.0.0/16", name: "next door", url: urls.near, kinds: ["components", "settings"] },
    { range: "10.0.0.0/8", name: "far away", url: urls.far, kinds: ["components"] },
  ];
  expect((await ask("PUT /source-list", { entries }, 0)).status).toBe(200);
  const far = { rule: "custom", name: "far away", url: urls.far, outcome: "delivered" };
  const near = {
    rule: "custom",
    name: "next door",
    url: urls.near,
    outcome: "current",
    bytes: 0,
    connectMs: 2,
  };
  const machines = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      const addresses = [`10.1.7.${index + 1}`];
      return { ...(await enrolMachine(own, one, { name: `pc-${index}`, addresses })), addresses };
    }),
  );
  const moves = async () =>
    (await ask("GET /suggestions")).body.items.filter(({ kind }: { kind: string }) => kind === "move");
  for (const [index, { addresses, ...machine }] of machines.entries()) {
    const measured = { bytes: 1_000_000, ms: 9_000, transferMs: 4_000, connectMs: 60 + index };
    // Once, when the first was down, they came to the other.
    const attempts = [{ ...far, ...measured }, ...(index < 3 ? [near] : [])];
    expect(await reportRun(own, machine, { outcome: "updated", addresses, attempts })).toBe(204);
    if (index === 1) expect(await moves()).toEqual([]);
  }
  const [move, ...more] = await moves();
  expect(more).toEqual([]);
  const entry = {
    range: "10.1.7.0/24",
    name: "next door",
    url: urls.near,
    kinds: ["settings", "components"],
  };
  expect(move).toMatchObject({ agent: { id: relays[1]?.id }, entry, saves: 6_000_000 });
  expect(move.reason).toBe(
    "6 agents of 10.1.7.0/24 go to http://ua-far:21112, 62 ms away at 250 kB/s, by the connections of 6; " +
      "ua-near, an Update Agent already, is 2 ms away, by those of 3: it would save the way 6.0 MB a week",
  );
  const accepted = await ask(`POST /suggestions/${move.id}/accept`, { agent: move.agent.id }, 1);
  expect(accepted.status).toBe(200);
  expect((await ask("GET /source-list")).body.list.entries).toMatchObject([entries[0], entry, entries[1]]);
  const held = (await ask("GET /update-agents")).body.items;
  expect(held.map(({ kinds }: { kinds: string[] }) => kinds.toSorted())).toEqual([
    ["components", "settings"],
    ["components", "settings"],
  ]);
  expect(await moves()).toEqual([]);
});
