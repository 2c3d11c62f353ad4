import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { readToken } from "../../../src/core/fleet/enrolmentToken.ts";
import {
  asBrowser,
  asScript,
  callApi,
  enrolMachine,
  makeReadyServer,
  type ServerWorld,
} from "../../support/serverWorld.ts";

const HOUR = 3_600_000;

async function ready(settings: Record<string, unknown> = {}) {
  const made = await makeReadyServer("administrator", undefined, settings);
  onTestFinished(() => made.world.close());
  // In the middle of an hour and of a day.
  made.world.clock.now += 12.5 * HOUR - (made.world.clock.now % (24 * HOUR)) + 24 * HOUR;
  return made;
}

/** Reports a run: what it asked, from which addresses. */
async function report(
  { agents, clock }: ServerWorld,
  { id, secret }: { id: string; secret: string },
  addresses: string[],
  sources: string[],
) {
  const attempts = sources.map((name) => ({
    rule: "custom",
    name,
    url: "http://x",
    outcome: "delivered",
    bytes: 1,
  }));
  const times = { started: new Date(clock.now++).toISOString(), ended: new Date(clock.now).toISOString() };
  const payload = {
    ...times,
    trigger: "schedule",
    program: "0.1.0",
    report: { outcome: "updated", addresses, attempts },
  };
  const request = { method: "PUT", url: `/v1/agents/${id}/report`, payload } as const;
  expect((await agents.inject(asScript(request, secret))).statusCode).toBe(204);
}

async function limitsSaid({ context }: ServerWorld): Promise<string[]> {
  const rows = await context.database.db
    .selectFrom("events")
    .select("subject")
    .where("type", "=", "limit.reached")
    .execute();
  return rows.map(({ subject }) => subject);
}

test("an agent that says it is ever elsewhere makes few rows, and an administrator hears of it once", async () => {
  const { world, token } = await ready();
  const liar = await enrolMachine(world, token, { name: "liar", addresses: ["10.0.0.1"] });
  const honest = await enrolMachine(world, token, { name: "honest", addresses: ["192.168.7.1"] });
  for (let index = 0; index < 60; index++) await report(world, liar, [`10.${index}.7.1`], ["server"]);
  await report(world, honest, ["192.168.7.1"], ["server"]);
  const { db } = world.context.database;
  const rows = await db.selectFrom("network_traffic").select("network").distinct().execute();
  expect(rows.length).toBeLessThanOrEqual(18);
  expect(rows.map(({ network }) => network)).toContain("192.168.7.0/24");
  expect(await limitsSaid(world)).toEqual(["networks"]);
  // Its reports are kept all the same, and the next day begins anew.
  expect((await callApi(world, token, `GET /agents/${liar.id}/runs`)).body.total).toBe(50);
  world.clock.now += 24 * HOUR;
  await report(world, liar, ["172.16.9.1"], ["server"]);
  const again = await db.selectFrom("network_traffic").select("network").distinct().execute();
  expect(again.map(({ network }) => network)).toContain("172.16.9.0/24");
});

test("sources that agents invent are one beyond the bound, and none of their attempts is lost", async () => {
  const { world, token } = await ready({ reports: { perAgent: 5 } });
  const liar = await enrolMachine(world, token, { name: "liar" });
  for (let turn = 0; turn < 60; turn++) {
    await report(
      world,
      liar,
      [],
      Array.from({ length: 60 }, (_, index) => `made-up-${turn}-${index}`),
    );
  }
  const { db } = world.context.database;
  const rows = await db
    .selectFrom("traffic")
    .select((row) => ["source", row.fn.sum<number>("attempts").as("attempts")])
    .groupBy("source")
    .execute();
  expect(rows.length).toBeLessThanOrEqual(2_501);
  expect(rows.reduce((sum, { attempts }) => sum + Number(attempts), 0)).toBe(3_600);
  expect(Number(rows.find(({ source }) => source === "other")?.attempts)).toBeGreaterThan(1_000);
  expect(await limitsSaid(world)).toEqual(["sources"]);
});

test("machines enrol as many in an hour as the server takes, and administrators hear of it", async () => {
  const { world, token } = await ready({ enrolment: "open", enrolmentsPerHour: 3 });
  let machine = 0;
  const enrol = async (given?: string) => {
    const fingerprint = (++machine).toString(16).padStart(64, "0");
    const who = { name: `pc-${machine}`, addresses: [], fingerprint, program: "0.1.0" };
    const payload = { ...who, ...(given === undefined ? {} : { token: given }) };
    const answer = await world.agents.inject(asScript({ method: "POST", url: "/v1/enrol", payload }));
    return { status: answer.statusCode, retryAfter: Number(answer.headers["retry-after"]) };
  };
  for (let index = 0; index < 5; index++) expect((await enrol("not-a-token")).status).toBe(401);
  const { body } = await callApi(world, token, "POST /enrolment-tokens", { domain: "default", uses: 1 });
  const all = await Promise.all([enrol(), enrol(), enrol(readToken(body.token)?.secret), enrol(), enrol()]);
  expect(all.map(({ status }) => status).toSorted()).toEqual([201, 201, 201, 429, 429]);
  const refused = await enrol();
  expect(refused.status).toBe(429);
  expect(refused.retryAfter).toBeLessThanOrEqual(3_600);
  expect(await limitsSaid(world)).toEqual(["enrolment"]);
  world.clock.now += refused.retryAfter * 1_000;
  expect((await enrol()).status).toBe(201);
});

test("bodies of strangers and of agents are refused before they fill the memory", async () => {
  const { world, token } = await ready();
  const agent = await enrolMachine(world, token, { name: "pc" });
  const long = (bytes: number) => ({ more: "x".repeat(bytes) });
  const atAgents = async (method: "POST" | "PUT", url: string, payload: object, secret?: string) =>
    (await world.agents.inject(asScript({ method, url, payload }, secret))).statusCode;
  expect(await atAgents("POST", "/v1/enrol", long(70_000))).toBe(413);
  expect(await atAgents("PUT", `/v1/agents/${agent.id}/report`, long(1_100_000), agent.secret)).toBe(413);
  const sent = { method: "POST", url: "/api/v1/session", payload: long(70_000) } as const;
  expect((await world.people.inject(asBrowser(sent))).statusCode).toBe(413);
  // People's own may be long.
  expect((await callApi(world, token, "POST /source-list/check", long(2_000_000))).status).toBe(200);
});

test("of one agent few requests are held, and the oldest is let go for a new one", async () => {
  const { world, token } = await ready();
  const { id, secret } = await enrolMachine(world, token, { name: "pc" });
  await world.agents.listen({ host: "127.0.0.1", port: 0 });
  const { port } = world.agents.server.address() as AddressInfo;
  const path = `/v1/agents/${id}/notifications?settings=999`;
  const answered: number[] = [];
  const requests = [];
  for (let index = 0; index < 10; index++) {
    const headers = { authorization: `Bearer ${secret}` };
    const request = http.get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      if (response.statusCode === 204) answered.push(index);
      response.resume();
    });
    request.on("error", () => {});
    requests.push(request);
    await expect.poll(() => world.context.polls.size + answered.length, { timeout: 10_000 }).toBe(index + 1);
  }
  expect(world.context.polls.size).toBeLessThanOrEqual(4);
  await expect.poll(() => answered, { timeout: 10_000 }).toEqual([0, 1, 2, 3, 4, 5]);
  for (const request of requests) request.destroy();
  await expect.poll(() => world.context.polls.size, { timeout: 10_000 }).toBe(0);
});
