import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { enrolMachine, makeReadyServer } from "../../support/serverWorld.ts";

test("an agent that asks again and again over one connection leaves nothing behind on it", async () => {
  const { world } = await makeReadyServer("viewer");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(async () => {
    agent.destroy();
    await world.close();
  });
  await world.agents.listen({ host: "127.0.0.1", port: 0 });
  const sockets: Socket[] = [];
  world.agents.server.on("connection", (socket) => sockets.push(socket));
  const { port } = world.agents.server.address() as AddressInfo;
  const fingerprint = "0".repeat(64);
  const body = { token: "is none", name: "pc", addresses: [], fingerprint, program: "0.1.0" };
  const ask = () =>
    new Promise<number | undefined>((done, fail) => {
      const headers = { "content-type": "application/json" };
      const options = { host: "127.0.0.1", port, path: "/v1/enrol", method: "POST", agent, headers };
      const request = http.request(options, (response) => {
        response.resume().once("end", () => done(response.statusCode));
      });
      request.once("error", fail).end(JSON.stringify(body));
    });
  expect(await ask()).toBe(401);
  const before = sockets[0]?.listenerCount("close");
  for (let count = 0; count < 20; count++) await ask();
  expect(sockets).toHaveLength(1);
  expect(sockets[0]?.listenerCount("close")).toBe(before);
});

test("the request of an agent that has hung up is held no longer", async () => {
  const { world, token: operator } = await makeReadyServer("operator");
  onTestFinished(() => world.close());
  const { polls, now } = world.context;
  const { id, secret } = await enrolMachine(world, operator, { name: "pc" });
  await world.agents.listen({ host: "127.0.0.1", port: 0 });
  const { port } = world.agents.server.address() as AddressInfo;
  const path = `/v1/agents/${id}/notifications?settings=999`;
  const request = http.get({ host: "127.0.0.1", port, path, headers: { authorization: `Bearer ${secret}` } });
  request.on("error", () => {});
  const isHeld = () => polls.isAsking(id, null, now() + 86_400_000);
  await expect.poll(isHeld, { timeout: 10_000 }).toBe(true);
  request.destroy();
  await expect.poll(isHeld, { timeout: 10_000 }).toBe(false);
});
