import os from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  asScript,
  type Call,
  enrolMachine,
  makeReadyServer,
  type ServerWorld,
} from "../../support/serverWorld.ts";

const UA = "http://ua-berlin.corp.example:8080";

describe("an Update Agent, as the server computes its order,", () => {
  let world: ServerWorld;
  let token: string;
  let call: Call;
  let ua: { id: string; secret: string };
  beforeAll(async () => {
    ({ world, token, call } = await makeReadyServer("administrator"));
    ua = await enrolMachine(world, token, { name: "ua-berlin", addresses: ["10.1.0.5"] });
    await enrolMachine(world, token, { name: "pc", addresses: ["10.1.0.7"] });
    const list = {
      entries: [
        { range: "10.1.0.0/16", name: "ua-berlin", url: UA, kinds: ["components", "settings", "programs"] },
      ],
      updateAgentsOnlyFromServer: true,
    };
    expect((await call("PUT /source-list", list, 0)).status).toBe(200);
  });
  afterAll(() => world.close());

  const firstOf = async () => (await call(`GET /agents/${ua.id}/order`)).body.planned.steps[0];

  test("is itself by its full name, at the port that it reported", async () => {
    expect(await firstOf()).toMatchObject({ name: "ua-berlin" });
    const payload = {
      ...{ started: "2026-11-25T12:00:00.000Z", ended: "2026-11-25T12:00:02.000Z" },
      ...{ trigger: "schedule", program: "0.1.0", port: 8080 },
      report: { outcome: "updated", addresses: ["10.1.0.5"], dnsSuffixes: ["corp.example"] },
    };
    const request = { method: "PUT", url: `/v1/agents/${ua.id}/report`, payload } as const;
    expect((await world.agents.inject(asScript(request, ua.secret))).statusCode).toBe(204);
    const { planned } = (await call(`GET /agents/${ua.id}/order`)).body;
    expect(planned.skipped[0]).toMatchObject({ entry: 0, reason: "it is this agent itself" });
    expect(planned.steps[0]).toMatchObject({ rule: "server" });
  });

  test("goes to a server that is called what its machine is, where nobody has said otherwise", async () => {
    expect((await firstOf()).url).toBe(
      `http://${os.hostname().toLowerCase()}:${world.context.config.agents.port}`,
    );
  });

  test("moves with the role that a policy grants by name, and back with the policy", async () => {
    const pc = (await call("GET /agents?q=10.1.0.7")).body.items[0].id;
    const targets = { domains: [], agents: [pc] };
    const fields = { name: "Update Agents", targets, settings: {}, updateAgent: { kinds: ["components"] } };
    const made = await call("POST /policies", fields);
    expect(made.body.effect.moved).toEqual([{ from: "ua-berlin", to: "server", agents: 1 }]);
    const { id } = made.body.policy;
    const changed = await call(`PATCH /policies/${id}`, { updateAgent: { kinds: ["programs"] } }, 1);
    expect(changed.body.effect.moved).toEqual([]);
    // Granted by hand too, the role stays.
    await call(`PUT /agents/${pc}/update-agent`, { kinds: ["components"] });
    const left = await call(
      `PATCH /policies/${id}`,
      { targets: { domains: [], agents: [] }, updateAgent: { kinds: [] } },
      2,
    );
    expect(left.body.effect.moved).toEqual([]);
    await call(`DELETE /agents/${pc}/update-agent`);
    const again = await call(`PATCH /policies/${id}`, { targets, updateAgent: { kinds: ["components"] } }, 3);
    expect(again.body.effect.moved).toEqual([{ from: "ua-berlin", to: "server", agents: 1 }]);
    const taken = await call(
      `PATCH /policies/${id}`,
      { targets: { domains: [], agents: [] }, updateAgent: { kinds: [] } },
      4,
    );
    expect([taken.status, taken.body.effect?.moved]).toEqual([
      200,
      [{ from: "server", to: "ua-berlin", agents: 1 }],
    ]);
  });
});
