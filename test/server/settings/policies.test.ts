import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Call,
  enrolMachine,
  makeReadyServer,
  publishedDocument,
  type ServerWorld,
} from "../../support/serverWorld.ts";

let world: ServerWorld;
let token: string;
let call: Call;

beforeAll(async () => {
  ({ world, token, call } = await makeReadyServer("administrator"));
});

afterAll(() => world.close());

const policy = (name: string, fields: object = {}) => ({
  name,
  targets: { domains: [], agents: [] },
  ...fields,
});

test("a policy is signed and published for each domain that it targets, and taken back with the target", async () => {
  for (const name of ["berlin", "lyon"]) expect((await call("POST /domains", { name })).status).toBe(201);
  const fields = { targets: { domains: ["berlin", "lyon"], agents: [] }, settings: { activeUpdate: true } };
  const made = await call("POST /policies", policy("branches", fields));
  expect(made.status).toBe(201);
  for (const name of ["berlin", "lyon"]) {
    expect(await publishedDocument(world, `policies/${name}`)).toEqual({ activeUpdate: true, version: 1 });
  }
  const { id } = made.body.policy;
  const targets = { domains: ["berlin"], agents: [] };
  expect((await call(`PATCH /policies/${id}`, { targets }, 1)).status).toBe(200);
  expect(await publishedDocument(world, "policies/berlin")).toEqual({ activeUpdate: true, version: 1 });
  expect(await publishedDocument(world, "policies/lyon")).toEqual({ version: 2 });
  expect((await call("GET /domains/berlin")).body.policy).toEqual({ id, name: "branches" });
  expect((await call("DELETE /domains/berlin")).body.code).toBe("CONFLICT");
  expect((await call(`DELETE /policies/${id}`)).status).toBe(204);
  expect(await publishedDocument(world, "policies/berlin")).toEqual({ version: 2 });
  expect((await call("DELETE /domains/berlin")).status).toBe(204);
});

test("of two people who change one policy, the second is told, and nothing of his is saved", async () => {
  await call("POST /domains", { name: "two" });
  const targets = { domains: ["two"], agents: [] };
  const { id } = (await call("POST /policies", policy("two people", { targets }))).body.policy;
  const change = (settings: object) => call(`PATCH /policies/${id}`, { settings }, 1);
  const answers = await Promise.all([change({ activeUpdate: true }), change({ verifyEvery: 7 })]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412]);
  const saved = (await call(`GET /policies/${id}`)).body.settings;
  expect(await publishedDocument(world, "policies/two")).toEqual({ ...saved, version: 2 });
  expect((await call(`PATCH /policies/${id}`, { settings: {} })).body.code).toBe("IF_MATCH_MISSING");
});

test("what agents would refuse is refused whole, with the field and the reason", async () => {
  const settings = { activeUpdate: "yes", patience: -1 };
  const refused = await call("POST /policies", policy("wrong", { settings }));
  expect(refused.status).toBe(422);
  expect(refused.body.errors.map((each: { field: string }) => each.field)).toEqual([
    "settings.activeUpdate",
    "settings.patience",
  ]);
  expect((await call("GET /policies")).body.items).not.toContainEqual(
    expect.objectContaining({ name: "wrong" }),
  );
});

test("a domain goes by one policy: a second one is refused with the first one's name", async () => {
  await call("POST /domains", { name: "one" });
  const targets = { domains: ["one"], agents: [] };
  expect((await call("POST /policies", policy("first of one", { targets }))).status).toBe(201);
  const second = await call("POST /policies", policy("second of one", { targets }));
  expect([second.status, second.body.detail]).toEqual([
    409,
    "one goes by the policy first of one: take it out of the targets of one of them",
  ]);
  expect((await call("POST /policies", policy("first of one"))).status).toBe(409);
});

test("ticks of act as Update Agent become grants of the agents that a policy names, and of no domain", async () => {
  const { id: agent } = await enrolMachine(world, token, { name: "ua-berlin" });
  const updateAgent = { kinds: ["components"] };
  const domain = { targets: { domains: ["default"], agents: [] }, updateAgent };
  expect((await call("POST /policies", policy("too wide", domain))).status).toBe(422);
  const named = { targets: { domains: [], agents: [agent] }, updateAgent };
  const { id } = (await call("POST /policies", policy("update agents", named))).body.policy;
  const granted = () => publishedDocument(world, "update-agents");
  expect(await granted()).toEqual({ agents: [{ id: agent, kinds: ["components"] }], version: 1 });
  expect((await call(`DELETE /agents/${agent}/update-agent`)).body.code).toBe("CONFLICT");
  await call(`PUT /agents/${agent}/update-agent`, { kinds: ["programs", "settings"] });
  expect((await call("GET /update-agents")).body.items).toEqual([
    {
      id: agent,
      name: "ua-berlin",
      port: null,
      ...{ addresses: expect.any(Array), hostName: null, resolves: null, lostAt: null },
      kinds: ["settings", "components", "programs"],
      byHand: ["settings", "programs"],
      byPolicies: [{ id, name: "update agents", kinds: ["components"] }],
    },
  ]);
  await call(`DELETE /policies/${id}`);
  expect(await granted()).toEqual({ agents: [{ id: agent, kinds: ["settings", "programs"] }], version: 3 });
  expect((await call(`DELETE /agents/${agent}/update-agent`)).status).toBe(204);
  expect(await granted()).toEqual({ agents: [], version: 4 });
});

test("whoever is forgotten holds no role any more", async () => {
  const { id } = await enrolMachine(world, token, { name: "ua-lyon" });
  await call(`PUT /agents/${id}/update-agent`, { kinds: ["components"] });
  expect((await call(`DELETE /agents/${id}`)).status).toBe(204);
  expect(await publishedDocument(world, "update-agents")).toMatchObject({ agents: [] });
  expect((await call(`PUT /agents/${id}/update-agent`, { kinds: ["components"] })).status).toBe(404);
});

test("what cannot be published is not saved: rows, documents and grants are as they were", async () => {
  const { id } = await enrolMachine(world, token, { name: "ua-paris" });
  const before = [(await call("GET /policies")).body, (await call("GET /update-agents")).body];
  const key = path.join(world.dir, "keys", "settings", "timestamp.pem");
  await fs.rename(key, `${key}.away`);
  try {
    const targets = { domains: ["default"], agents: [id] };
    const fields = { targets, settings: { activeUpdate: true }, updateAgent: { kinds: ["components"] } };
    expect((await call("POST /policies", policy("lost", fields))).body.code).toBe("UNAVAILABLE");
    expect((await call(`PUT /agents/${id}/update-agent`, { kinds: ["settings"] })).body.code).toBe(
      "UNAVAILABLE",
    );
  } finally {
    await fs.rename(`${key}.away`, key);
  }
  expect([(await call("GET /policies")).body, (await call("GET /update-agents")).body]).toEqual(before);
  const [last] = (await call("GET /audit?limit=1")).body.items;
  expect(last).toMatchObject({ operation: "grantUpdateAgent", detail: { undone: expect.any(String) } });
});

test.for(["con", "a.", "default"])("a domain %s is refused", async (name) => {
  expect([409, 422]).toContain((await call("POST /domains", { name })).status);
});
