import { afterAll, beforeAll, expect, test } from "vitest";
import { createResolver } from "../../../src/dns/resolver.ts";
import { keepPlanned } from "../../../src/server/fleet/keepPlanned.ts";
import { startDnsServer, type TestDnsServer } from "../../support/dnsServer.ts";
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
let dns: TestDnsServer;

const berlin = { range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin.corp.test:21112" };

beforeAll(async () => {
  ({ world, token, call } = await makeReadyServer("operator"));
  dns = await startDnsServer({ records: { "ua-berlin.corp.test": { A: ["10.1.0.9"] } } });
  world.context.resolver = createResolver({ servers: [dns.address], search: [] });
  for (let count = 1; count <= 4; count++) {
    await enrolMachine(world, token, { name: `pc-${count}`, addresses: [`10.1.0.${count}`] });
  }
});

afterAll(async () => {
  await world.close();
  await dns.close();
});

const codesOf = (findings: { code: string; entry: number | null }[]) =>
  findings.map(({ code, entry }) => [code, entry]);

test("a list is checked with the fleet as it is: role, kinds, silence, disk, and those without an entry", async () => {
  const check = async () =>
    codesOf((await call("POST /source-list/check", { entries: [berlin] })).body.findings);
  const ua = await enrolMachine(world, token, { name: "ua-berlin", addresses: ["10.1.0.9"] });
  expect(await check()).toEqual([["UPDATE_AGENT_WITHOUT_ROLE", 0]]);
  await call(`PUT /agents/${ua.id}/update-agent`, { kinds: ["settings"] });
  expect(await check()).toEqual([
    ["UPDATE_AGENT_WITHOUT_KINDS", 0],
    ["UPDATE_AGENT_SILENT", 0],
  ]);
  await call(`PUT /agents/${ua.id}/update-agent`, { kinds: ["components"] });
  await reportRun(world, ua, { outcome: "current" }, { freeBytes: 200_000_000 });
  expect(await check()).toEqual([["UPDATE_AGENT_DISK", 0]]);
  await reportRun(world, ua, { outcome: "current" }, { freeBytes: 200_000_000_000 });
  expect(await check()).toEqual([]);
  await enrolMachine(world, token, { name: "lost", addresses: ["10.7.0.1"] });
  expect(await check()).toEqual([["AGENTS_UNMATCHED", null]]);
});

test("a name that DNS does not know is said; of one that it does not answer for nothing", async () => {
  const entries = [berlin, { range: "10.7.0.0/16", url: "http://gone.corp.test" }];
  const { findings } = (await call("POST /source-list/check", { entries })).body;
  expect(findings).toEqual([
    {
      ...{ level: "warning", entry: 1, field: "url", code: "HOST_UNRESOLVED" },
      ...{ message: "gone.corp.test has no address in DNS", remedy: expect.any(String) },
    },
  ]);
  const asked = dns.queries.length;
  await call("POST /source-list/check", { entries });
  expect(dns.queries.length).toBe(asked);
  const { resolver } = world.context;
  world.context.resolver = createResolver({ servers: ["127.0.0.1:9"], search: [] });
  expect((await call("POST /source-list/check", { entries })).body.findings).toEqual([]);
  world.context.resolver = resolver;
});

test("a list with an error is refused with 422 and each error's place, and nothing changes; warnings hold nothing up", async () => {
  const wrong = await call("PUT /source-list", { entries: [{ ...berlin, range: "10" }, { url: 1 }] }, 0);
  expect([wrong.status, wrong.body.errors.map(({ field }: { field: string }) => field)]).toEqual([
    422,
    ["entries[0].range", "entries[1].range", "entries[1].url"],
  ]);
  expect((await call("GET /source-list")).body.version).toBe(0);
  expect((await call("GET /source-list/findings")).body).toEqual({ version: 0, findings: [] });
  const saved = await call("PUT /source-list", { entries: [berlin] }, 0);
  expect([saved.status, codesOf(saved.body.findings)]).toEqual([200, [["AGENTS_UNMATCHED", null]]]);
  const inForce = (await call("GET /source-list/findings")).body;
  expect([inForce.version, codesOf(inForce.findings)]).toEqual([1, [["AGENTS_UNMATCHED", null]]]);
});

test("attempts that failed within a day are held against a source, and forgotten after it", async () => {
  const { items } = (await call("GET /agents?q=pc-1")).body;
  expect(items).toHaveLength(1);
  const agent = await enrolMachine(world, token, { name: "tries", addresses: ["10.1.0.77"] });
  const attempt = {
    rule: "custom",
    name: "ua-berlin",
    url: berlin.url,
    outcome: "failed",
    code: "HTTP_ERROR",
  };
  await reportRun(world, agent, { outcome: "exhausted", attempts: Array.from({ length: 6 }, () => attempt) });
  const { findings } = (await call("GET /source-list/findings")).body;
  expect(codesOf(findings)).toContainEqual(["SOURCE_FAILING", 0]);
  world.clock.now += 26 * 3_600_000;
  const later = (await call("GET /source-list/findings")).body;
  expect(codesOf(later.findings)).not.toContainEqual(["SOURCE_FAILING", 0]);
});

test("each entry of a list says for how many agents it is, and for how many it is the first", async () => {
  const narrow = { range: "10.1.0.1-10.1.0.2", url: "http://10.1.0.9:21112" };
  const { uses, effect } = (await call("POST /source-list/check", { entries: [narrow, berlin] })).body;
  expect(uses[0]).toEqual({ near: 2, first: 2 });
  // The holder of the role that is called ua-berlin does not use itself.
  expect(uses[1].near).toBeGreaterThan(uses[1].first);
  expect(uses[1].near).toBeLessThanOrEqual(effect.after.agents);
  const wrong = (await call("POST /source-list/check", { entries: [{ ...berlin, range: "10" }] })).body;
  expect([wrong.uses, wrong.effect]).toEqual([null, null]);
});

test("a source that lied is a finding of the list in force and of one that is checked, until it delivered what verifies", async () => {
  const agents = [
    await enrolMachine(world, token, { name: "lied-1", addresses: ["10.1.0.81"] }),
    await enrolMachine(world, token, { name: "lied-2", addresses: ["10.1.0.82"] }),
  ];
  const { version } = (await call("GET /source-list")).body;
  expect((await call("PUT /source-list", { entries: [berlin] }, version)).status).toBe(200);
  const tried = { rule: "custom", name: "ua-berlin", url: berlin.url };
  const run = async (agent: { id: string; secret: string }, attempt: object) => {
    world.clock.now += 1_000;
    const attempts = [{ ...tried, ...attempt }];
    expect(await reportRun(world, agent, { outcome: "updated", attempts })).toBe(204);
  };
  // For one kind it had nothing newer; of the other it sent other bytes.
  for (const agent of agents) await run(agent, { outcome: "current", code: "HASH_MISMATCH", bytes: 9 });
  // Others are told where they have it from by another name.
  const renamed = { ...berlin, name: "another name" };
  const liesOf = async (entries?: object[]) => {
    const { findings } =
      entries === undefined
        ? (await call("GET /source-list/findings")).body
        : (await call("POST /source-list/check", { entries })).body;
    return findings.filter(({ code }: { code: string }) => code === "SOURCE_REJECTED");
  };
  const [lie] = await liesOf();
  expect(lie).toMatchObject({ entry: 0, field: "url", remedy: expect.stringContaining("take it out") });
  expect(lie.message).toMatch(
    /^ua-berlin sent other bytes than the signed ones \(HASH_MISMATCH\), as 2 agents report: since /,
  );
  expect(await liesOf([{ range: "10.9.0.0/16", url: "http://honest.example" }, renamed])).toMatchObject([
    { entry: 1, message: expect.stringContaining("another name sent") },
  ]);
  expect(await liesOf([{ range: "10.1.0.0/16", url: "http://honest.example" }])).toEqual([]);

  // A run that needs nothing new has not looked at a byte of it.
  for (const agent of agents) await run(agent, { outcome: "current" });
  expect(await liesOf()).toHaveLength(1);
  const { sentence } = (await call(`GET /agents/${agents[0]?.id}/order`)).body;
  expect(sentence).toContain("ua-berlin sent other bytes than the signed ones on ");
  for (const agent of agents) await run(agent, { outcome: "delivered", bytes: 9 });
  expect(await liesOf()).toEqual([]);
});

test("what an agent says of sources that the list does not have makes no rows", async () => {
  const agent = await enrolMachine(world, token, { name: "slanders", addresses: ["10.1.0.91"] });
  const attempts = Array.from({ length: 500 }, (_, at) => {
    return { rule: "custom", url: `http://made-up-${at}`, outcome: "failed", code: "SIGNATURE_INVALID" };
  });
  expect(await reportRun(world, agent, { outcome: "exhausted", attempts })).toBe(204);
  expect(await world.context.database.db.selectFrom("rejections").selectAll().execute()).toEqual([]);
});

test("an entry that leads to an Update Agent by another address is its once the agent says so, or found it to be itself", async () => {
  const { version } = (await call("GET /source-list")).body;
  const nat = { range: "10.4.0.0/16", name: "Kyoto", url: "http://192.0.2.7:8080" };
  const proxy = { ...nat, url: "https://updates.example/kyoto" };
  expect((await call("PUT /source-list", { entries: [nat, proxy] }, version)).status).toBe(200);
  const ua = await enrolMachine(world, token, { name: "kyoto-1", addresses: ["10.4.0.1"] });
  for (const at of [2, 3, 4]) {
    await enrolMachine(world, token, { name: `kyoto-${at}`, addresses: [`10.4.0.${at}`] });
  }
  await call(`PUT /agents/${ua.id}/update-agent`, { kinds: ["components"] });
  const unknown = async () => {
    const { findings } = (await call("GET /source-list/findings")).body;
    return findings
      .filter(({ code, message }: { code: string; message: string }) => {
        return (
          code === "UPDATE_AGENT_UNKNOWN" || (code === "UPDATE_AGENT_IDLE" && message.includes("kyoto-1"))
        );
      })
      .map(({ code, entry }: { code: string; entry: number | null }) => [code, entry]);
  };
  const tried = { rule: "custom", name: "Kyoto", outcome: "failed", code: "SOURCE_IS_SELF" };
  const server = { rule: "server", url: "http://server", outcome: "current" };
  const run = async (attempts: object[], more: object = {}) => {
    world.clock.now += 1_000;
    expect(await reportRun(world, ua, { outcome: "current", addresses: ["10.4.0.1"], attempts }, more)).toBe(
      204,
    );
    await keepPlanned(world.context);
  };
  expect(await unknown()).toEqual([
    ["UPDATE_AGENT_IDLE", null],
    ["UPDATE_AGENT_UNKNOWN", 0],
    ["UPDATE_AGENT_UNKNOWN", 1],
  ]);
  await run([{ ...tried, url: nat.url }, server], {
    publicUrls: ["https://updates.example/kyoto/", "not a URL"],
  });
  expect(await unknown()).toEqual([]);
  const order = (await call(`GET /agents/${ua.id}/order`)).body;
  expect(order.planned.skipped.slice(0, 2)).toMatchObject([
    { entry: 0, reason: "it is this agent itself" },
    { entry: 1, reason: "it is this agent itself" },
  ]);
  expect([order.deviates, (await call(`GET /agents/${ua.id}`)).body.deviatesSince]).toEqual([false, null]);
  // By that address somebody else answers now.
  await run([{ ...tried, url: nat.url, code: "CONNECTION_REFUSED" }, server], { publicUrls: [] });
  expect((await call(`GET /agents/${ua.id}`)).body.urls).toEqual([]);
  expect(await unknown()).toHaveLength(3);
});

test("an agent that has no port of its own takes another one of its machine for a source", async () => {
  const other = await enrolMachine(world, token, { name: "second", addresses: ["10.5.0.1"] });
  const entries = [{ range: "10.5.0.0/16", url: "http://10.5.0.1:21112", name: "first" }];
  const run = async (port: number | null) => {
    world.clock.now += 1_000;
    const report = { outcome: "current", addresses: ["10.5.0.1"], attempts: [] };
    expect(await reportRun(world, other, report, { port })).toBe(204);
    const { order } = (await call("POST /what-if", { list: { entries }, agent: other.id })).body;
    return order.steps[0]?.rule;
  };
  // It could not open its port, since the first has it; or it has one of its own.
  expect([await run(null), await run(21_122), await run(21_112)]).toEqual(["custom", "custom", "server"]);
});

test("agents that do not do what the list says are listed each with why, and with where they should go", async () => {
  const { version } = (await call("GET /source-list")).body;
  expect((await call("PUT /source-list", { entries: [berlin] }, version)).status).toBe(200);
  const agent = await enrolMachine(world, token, { name: "strayed", addresses: ["10.1.0.99"] });
  const attempts = [
    { rule: "custom", name: "ua-berlin", url: berlin.url, outcome: "failed", code: "CONNECTION_REFUSED" },
    { rule: "server", clause: "2", url: "http://server", outcome: "current" },
  ];
  world.clock.now += 1_000;
  await reportRun(world, agent, { outcome: "current", addresses: ["10.1.0.99"], attempts });
  await keepPlanned(world.context);
  const { items } = (await call("GET /agents?deviates=true&q=strayed")).body;
  expect(items).toMatchObject([
    { id: agent.id, planned: "ua-berlin", why: expect.stringContaining("ua-berlin refused connections") },
  ]);
  const { sentence } = (await call(`GET /agents/${agent.id}/order`)).body;
  expect(items[0].why).toBe(sentence);
  expect((await call("GET /agents?q=strayed")).body.items[0].why).toBeUndefined();
});

test("holders are listed with the host name of their machine, and a name that DNS lacks has its address as the remedy", async () => {
  const ua = await enrolMachine(world, token, { name: "Agent A", addresses: ["10.6.0.1"] });
  await call(`PUT /agents/${ua.id}/update-agent`, { kinds: ["components"] });
  const holder = async () => {
    const { items } = (await call("GET /update-agents")).body;
    return items.find(({ id }: { id: string }) => id === ua.id);
  };
  expect(await holder()).toMatchObject({ hostName: null, resolves: false, addresses: ["10.6.0.1"] });
  const named = async (...hostNames: string[]) => {
    world.clock.now += 1_000;
    const report = { outcome: "current", addresses: ["10.6.0.1"], attempts: [] };
    expect(await reportRun(world, ua, report, { hostNames })).toBe(204);
    return await holder();
  };
  expect(await named("ua-berlin", "ua-berlin.corp.test")).toMatchObject({
    ...{ hostName: "ua-berlin.corp.test", resolves: true },
  });
  expect(await named("gone.corp.test")).toMatchObject({ hostName: "gone.corp.test", resolves: false });
  const entries = [{ range: "10.6.0.0/16", url: "http://gone.corp.test:21112" }];
  const { findings } = (await call("POST /source-list/check", { entries })).body;
  const lost = findings.find(({ code }: { code: string }) => code === "HOST_UNRESOLVED");
  expect(lost.remedy).toContain("10.6.0.1");
});
