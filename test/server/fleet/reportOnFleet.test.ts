import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { keepPlanned } from "../../../src/server/fleet/keepPlanned.ts";
import { databases } from "../../support/databases.ts";
import {
  type Call,
  enrolMachine,
  makeReadyServer,
  reportRun,
  type ServerWorld,
} from "../../support/serverWorld.ts";

const DAY = 86_400_000;
const UA = "http://ua-berlin.example:21112";

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("the report on a fleet", () => {
    let world: ServerWorld;
    let token: string;
    let call: Call;
    beforeAll(async () => {
      ({ world, token, call } = await makeReadyServer("operator", await makeUrl()));
    });
    afterAll(() => world.close());

    test("adds up what agents reported by source, network and day, and who goes where", async () => {
      // A mirror of the site's own has a name too.
      const mirror = { range: "10.3.0.0/16", name: "the mirror", url: "http://mirror.example" };
      const entries = [{ range: "10.1.0.0/16", name: "ua-berlin", url: UA }, mirror];
      await call("PUT /source-list", { entries }, 0);
      const near = {
        rule: "custom",
        name: "ua-berlin",
        url: UA,
        outcome: "delivered",
        bytes: 5_000_000_000,
        ms: 9,
      };
      const far = { rule: "server", url: "http://server", outcome: "delivered", bytes: 2_000_000_000, ms: 9 };
      const agents = [];
      for (const [name, address] of [
        ["ua-berlin", "10.1.0.1"],
        ["b", "10.1.0.2"],
        ["c", "10.1.0.3"],
        ["d", "10.2.0.1"],
      ] as const) {
        agents.push({ ...(await enrolMachine(world, token, { name, addresses: [address] })), address });
      }
      const granted = await call(`PUT /agents/${agents[0]?.id}/update-agent`, { kinds: ["components"] });
      expect(granted.status).toBe(200);
      const installed = [{ bytes: 5_000_000_000, whole: 8_000_000_000 }];
      for (const agent of agents) {
        const attempts = [agent.address.startsWith("10.1.") ? near : far];
        const report = { outcome: "updated", addresses: [agent.address], attempts, installed };
        expect(await reportRun(world, agent, report)).toBe(204);
      }
      world.clock.now += DAY;
      const [last] = agents.slice(-1);
      if (last === undefined) throw new Error("there is an agent");
      await reportRun(world, last, { outcome: "updated", addresses: [last.address], attempts: [far] });
      await keepPlanned(world.context);

      const { status, body } = await call("GET /report");
      expect(status).toBe(200);
      expect(body).toMatchObject({
        agents: 4,
        states: { online: 1, late: 3 },
        domains: [{ domain: "default", states: { online: 1, late: 3 } }],
        withoutSource: 0,
        total: {
          ...{ bytes: 19_000_000_000, far: 4_000_000_000, near: 15_000_000_000 },
          ...{ copies: 5_000_000_000, whole: 31_000_000_000, saved: 22_000_000_000 },
        },
        networks: [
          { network: "10.2.0.0/24", runs: 2, far: 4_000_000_000 },
          { network: "10.1.0.0/24", runs: 3, far: 0, whole: 24_000_000_000 },
        ],
        lines: [
          {
            source: "ua-berlin",
            kind: "update-agent",
            agents: 3,
            bytes: 15_000_000_000,
            ranges: ["10.1.0.0/16"],
          },
          { source: "server", kind: "server", agents: 1, attempts: 2 },
          { source: "the mirror", kind: "url", agents: 0, limit: null, verdict: null },
        ],
      });
      expect(body.days.map(({ far: over }: { far: number }) => over)).toEqual([2_000_000_000, 2_000_000_000]);
      const today = (await call(`GET /report?from=${world.clock.now}`)).body;
      expect(today.total.bytes).toBe(2_000_000_000);
    });

    test("tells what was thrown away from what was delivered, by source, hour and day", async () => {
      world.clock.now += 40 * DAY;
      const agent = await enrolMachine(world, token, { name: "e", addresses: ["10.3.0.9"] });
      const lie = {
        ...{ rule: "custom", name: "the mirror", url: "http://mirror.example", outcome: "failed", ms: 9 },
        ...{ code: "HASH_MISMATCH", bytes: 3_000, wasted: 2_900 },
      };
      const server = { rule: "server", url: "http://server", outcome: "delivered", bytes: 1_000, ms: 9 };
      const report = { outcome: "updated", addresses: ["10.3.0.9"], attempts: [lie, server] };
      expect(await reportRun(world, agent, report)).toBe(204);
      const { body } = await call(`GET /report?from=${world.clock.now}`);
      expect(body.lines.find(({ source }: { source: string }) => source === "the mirror")).toMatchObject({
        ...{ attempts: 1, failed: 1, bytes: 3_000, wasted: 2_900 },
      });
      // What was of use of it is what would have come in any case.
      expect(body.total).toMatchObject({ bytes: 4_000, wasted: 2_900, whole: 1_100 });
      // A mirror is over the link, whatever it is called.
      expect(body.total).toMatchObject({ far: 4_000, near: 0, saved: 0 });
      expect(body.networks).toMatchObject([{ network: "10.3.0.0/24", wasted: 2_900 }]);
      expect((await call("GET /traffic")).body.items).toMatchObject([
        { source: "server", bytes: 1_000, wasted: 0 },
        { source: "the mirror", bytes: 3_000, wasted: 2_900 },
      ]);
    });

    test("is on a year and a month at most, and on one day at least", async () => {
      const to = world.clock.now;
      expect((await call(`GET /report?from=${to - 500 * DAY}&to=${to}`)).status).toBe(422);
      expect((await call(`GET /report?from=${to + 2 * DAY}&to=${to}`)).status).toBe(422);
    });
  });
});

test("two Update Agents of one name, one that was renamed, and a mirror called like them are told apart by their ids", async () => {
  const { world, token, call } = await makeReadyServer("operator");
  onTestFinished(() => world.close());
  const ids: string[] = [];
  for (const address of ["10.1.0.5", "10.2.0.5"]) {
    const agent = await enrolMachine(world, token, { name: "ua", addresses: [address], machine: address });
    expect((await call(`PUT /agents/${agent.id}/update-agent`, { kinds: ["components"] })).status).toBe(200);
    ids.push(agent.id);
  }
  const urls = ["http://10.1.0.5:21112", "http://10.2.0.5:21112", "http://mirror.example"];
  const entries = urls.map((url, index) => ({ range: `10.${index + 1}.0.0/16`, name: "ua", url }));
  expect((await call("PUT /source-list", { entries }, 0)).status).toBe(200);
  const client = await enrolMachine(world, token, { name: "pc", addresses: ["10.1.0.9"] });
  await enrolMachine(world, token, { name: "pc-2", addresses: ["10.2.0.9"], machine: "pc-2" });
  await enrolMachine(world, token, { name: "pc-3", addresses: ["10.2.0.10"], machine: "pc-3" });
  const report = async () => {
    const attempts = urls.map((url, index) => {
      return { rule: "custom", name: "ua", url, outcome: "delivered", bytes: 10 ** index, ms: 5 };
    });
    const whole = { outcome: "updated", addresses: ["10.1.0.9"], attempts };
    expect(await reportRun(world, client, whole)).toBe(204);
    world.clock.now += 1_000;
  };
  await report();
  const linesOf = async () => {
    const { lines, total } = (await call("GET /report")).body;
    const came = lines.filter(({ bytes }: { bytes: number }) => bytes > 0);
    const named = came.map((line: { source: string; kind: string; bytes: number }) => {
      return [line.source, line.kind, line.bytes];
    });
    return { lines: named.toSorted(), far: total.far, near: total.near };
  };
  const [berlin, lyon] = ids;
  // Those that go to each are told apart too: the client of one, both clients of the other.
  await keepPlanned(world.context);
  const planned = (await call("GET /report")).body.lines;
  const agentsOf = (name: string) =>
    planned.find(({ source }: { source: string }) => source === name)?.agents;
  expect([agentsOf(`ua (${berlin})`), agentsOf(`ua (${lyon})`)]).toEqual([1, 2]);
  expect(await linesOf()).toEqual({
    lines: [
      [`ua (${berlin})`, "update-agent", 1],
      ["ua (http://mirror.example)", "url", 100],
      [`ua (${lyon})`, "update-agent", 10],
    ].toSorted(),
    ...{ far: 100, near: 11 },
  });
  // The same machine, installed anew under another name; and it leaves the list.
  const renamed = { name: "ua-lyon", addresses: ["10.2.0.5"], machine: "10.2.0.5" };
  expect((await enrolMachine(world, token, renamed)).id).toBe(lyon);
  const { version } = (await call("GET /source-list")).body;
  expect((await call("PUT /source-list", { entries: entries.toSpliced(1, 1) }, version)).status).toBe(200);
  await report();
  expect(await linesOf()).toEqual({
    lines: [
      ["ua", "update-agent", 2],
      ["ua (http://mirror.example)", "url", 200],
      ["ua-lyon", "update-agent", 20],
    ].toSorted(),
    ...{ far: 200, near: 22 },
  });
  const hours = (await call("GET /traffic")).body.items;
  expect(hours.map((hour: { agent: string | null; bytes: number }) => [hour.agent, hour.bytes])).toEqual(
    expect.arrayContaining([
      [berlin, 2],
      [lyon, 20],
      [null, 200],
    ]),
  );
});

test("an Update Agent that several entries lead to is one line, one load, and one finding", async () => {
  const { world, token, call } = await makeReadyServer("operator");
  onTestFinished(() => world.close());
  const enrolled = async (name: string, address: string) =>
    await enrolMachine(world, token, { name, addresses: [address], machine: name });
  const lyon = await enrolled("lyon-1", "10.2.0.5");
  await call(`PUT /agents/${lyon.id}/update-agent`, { kinds: ["components"] });
  await reportRun(world, lyon, { outcome: "current", addresses: ["10.2.0.5"] }, { freeBytes: 9e12 });
  const clients = [];
  for (const address of ["10.2.0.11", "10.2.0.12", "10.2.0.13", "10.3.0.11", "10.3.0.12"]) {
    clients.push({ ...(await enrolled(`pc-${address}`, address)), address });
  }
  const kinds = ["components"];
  const entries = [
    { range: "10.2.0.0/16", name: "ua-lyon", url: "http://10.2.0.5:21112", kinds },
    { range: "10.3.0.0/16", url: "http://lyon-1:21112", kinds },
    { range: "10.3.0.0/16", name: "again", url: "http://10.2.0.5:21112", kinds },
  ];
  expect((await call("PUT /source-list", { entries }, 0)).status).toBe(200);
  for (const { address, ...client } of clients) {
    const url = address.startsWith("10.2") ? entries[0]?.url : entries[1]?.url;
    const failed = { rule: "custom", url, outcome: "failed", code: "TIMED_OUT", ms: 9 };
    const attempts = [failed, { rule: "custom", url, outcome: "delivered", bytes: 10, ms: 9 }];
    await reportRun(world, client, { outcome: "updated", addresses: [address], attempts });
  }
  await keepPlanned(world.context);
  const { lines } = (await call("GET /report")).body;
  expect(lines).toHaveLength(2);
  const line = { source: "lyon-1", kind: "update-agent", agents: 5, verdict: null, bytes: 50, attempts: 10 };
  expect(lines[0]).toMatchObject({ ...line, ranges: ["10.2.0.0/16", "10.3.0.0/16", "10.3.0.0/16"] });
  const { findings } = (await call("GET /source-list/findings")).body;
  const message = "5 of 10 attempts at lyon-1 failed within a day";
  expect(findings).toMatchObject([
    { code: "SOURCE_FAILING", entry: 0, message },
    { code: "ENTRY_SHADOWED", entry: 2 },
  ]);
  // Those who used it are found by its name, whatever entry led them there.
  expect((await call("GET /agents?source=lyon-1")).body.total).toBe(5);
});
