import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  asBrowser,
  asScript,
  callApi,
  enrolMachine,
  makeServer,
  PASSWORD,
  publishedDocument,
  type ServerWorld,
  tokenOf,
} from "../../support/serverWorld.ts";

const BERLIN = "http://ua-berlin.corp.example:21112";
const LYON = "http://ua-lyon.corp.example:21112";
const LIST = {
  mode: "customized",
  entries: [
    { range: "10.0.0.0/8", except: ["10.8.0.0/16"], name: "ua-berlin", url: BERLIN },
    { range: "192.168.1.0/24", dnsSuffix: "Lyon.Corp.Example", name: "ua-lyon", url: LYON },
  ],
};
const REPORT = {
  started: "2026-11-25T12:00:00.000Z",
  ended: "2026-11-25T12:00:02.000Z",
  trigger: "schedule",
  program: "0.1.0",
};

let world: ServerWorld;
let token: string;
const ids: Record<string, string> = {};

async function report(name: string, secret: string, given: object) {
  const url = `/v1/agents/${ids[name]}/report`;
  const payload = { ...REPORT, report: { outcome: "updated", ...given } };
  return (await world.agents.inject(asScript({ method: "PUT", url, payload }, secret))).statusCode;
}

beforeAll(async () => {
  world = await makeServer();
  const payload = { token: world.token, user: "ada", password: PASSWORD };
  await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
  token = await tokenOf(world, "operator");
  const machines = { desk: "10.1.2.3", vpn: "10.8.0.7", lyon: "192.168.1.7", home: "192.168.1.7" };
  for (const [name, address] of Object.entries(machines)) {
    const { id, secret } = await enrolMachine(world, token, { name, addresses: [address] });
    ids[name] = id;
    const dnsSuffixes = name === "lyon" ? ["corp.example", "LYON.corp.example."] : ["fritz.box"];
    expect(await report(name, secret, { addresses: [address], dnsSuffixes })).toBe(204);
  }
});
afterAll(() => world.close());

describe("a list with exceptions and search domains", () => {
  test("has an effect on those whom its entries are for: of the agents that reported the domain, and are not excepted", async () => {
    const { body } = await callApi(world, token, "POST /source-list/check", LIST);
    expect(body.findings).not.toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("requires") }),
    );
    expect(body.findings).not.toContainEqual(expect.objectContaining({ level: "error" }));
    expect(body.effect.after.sources).toMatchObject([
      { name: "server", agents: 4 },
      { name: "ua-berlin", agents: 1 },
      { name: "ua-lyon", agents: 1 },
    ]);
    expect(body.effect.after.unmatched).toBe(2);
  });

  test("is saved with what agents have to know: the server names by itself what agents have to know", async () => {
    const saved = await callApi(world, token, "PUT /source-list", LIST, 0);
    expect(saved).toMatchObject({ status: 200, body: { version: 1 } });
    const requires = ["except", "dnsSuffix"];
    expect(await publishedDocument(world, "source-list")).toEqual({ ...LIST, requires, version: 1 });
    const shown = await callApi(world, token, "GET /source-list");
    expect(shown.body.list).toMatchObject({ requires, entries: LIST.entries });
  });

  test("is in the orders of agents, with the reasons", async () => {
    const orderOf = async (name: string) =>
      (await callApi(world, token, `GET /agents/${ids[name]}/order`)).body;
    expect((await orderOf("desk")).planned.steps[0]).toMatchObject({ name: "ua-berlin" });
    expect((await orderOf("lyon")).planned.steps[0]).toMatchObject({ name: "ua-lyon" });
    expect((await orderOf("vpn")).planned.skipped[0]).toMatchObject({
      reason: "10.8.0.7 is in 10.0.0.0/8, but the entry excepts 10.8.0.0/16",
    });
    expect((await orderOf("home")).planned.skipped[1]).toMatchObject({
      reason: "lyon.corp.example is not in the DNS search list of this agent",
    });
    expect((await callApi(world, token, `GET /agents/${ids.home}`)).body.dnsSuffixes).toEqual(["fritz.box"]);
  });

  test("leaves networks uncovered, by address and domain", async () => {
    const { body } = await callApi(world, token, "GET /uncovered");
    expect(body).toMatchObject({
      agents: 2,
      networks: [
        { network: "10.8.0.0/24", some: [ids.vpn] },
        { network: "192.168.1.0/24", some: [ids.home] },
      ],
    });
  });

  test("can be tried out for a machine at an address, in domains", async () => {
    const ask = (dnsSuffixes: string[]) =>
      callApi(world, token, "POST /what-if", { address: "192.168.1.9", dnsSuffixes });
    expect((await ask(["lyon.corp.example"])).body.order.steps[0]).toMatchObject({ name: "ua-lyon" });
    expect((await ask(["paris.corp.example"])).body.order.steps[0]).toMatchObject({ rule: "server" });
  });

  test("is restored and compared with all of it", async () => {
    const plain = { mode: "customized", entries: [{ range: "10.0.0.0/8", name: "ua-berlin", url: BERLIN }] };
    await callApi(world, token, "PUT /source-list", plain, 1);
    const diff = await callApi(world, token, "GET /source-list/versions/1/diff?to=2");
    expect(diff.body.fields).toEqual([{ field: "requires", before: ["except", "dnsSuffix"], after: null }]);
    expect(diff.body.entries).toMatchObject([
      { kinds: ["removed"], before: { dnsSuffix: "Lyon.Corp.Example" } },
      { kinds: ["changed"], before: { except: ["10.8.0.0/16"] }, after: { range: "10.0.0.0/8" } },
    ]);
    expect(await callApi(world, token, "POST /source-list/versions/1/restore")).toMatchObject({
      status: 200,
    });
    expect(await publishedDocument(world, "source-list")).toMatchObject({
      requires: ["except", "dnsSuffix"],
      version: 3,
    });
  });

  test("is refused with the entry and the field, or for what nobody knows", async () => {
    const entries = [{ range: "10.0.0.0/8", except: ["10.8.0.0/99"], url: BERLIN }];
    const refused = await callApi(world, token, "PUT /source-list", { entries, requires: ["hours"] }, 3);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toMatchObject([
      { field: "requires[0]", message: expect.stringContaining('"hours" is not known') },
      { field: "entries[0].except[0]", message: expect.stringContaining("prefix length") },
    ]);
    const many = Array.from({ length: 1_025 }, () => ({ range: "10.0.0.1", url: BERLIN }));
    expect((await callApi(world, token, "PUT /source-list", { entries: many }, 3)).status).toBe(422);
  });
});
