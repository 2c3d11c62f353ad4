import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forgetOldReports, forgetOldTraffic, retireUnheard } from "../../../src/server/fleet/fleetUpkeep.ts";
import { deleteAgent } from "../../../src/server/store/fleet/agentStore.ts";
import { keptBytes } from "../../../src/server/store/fleet/runStore.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { databases } from "../../support/databases.ts";
import { asScript, makeReadyServer, type ServerWorld } from "../../support/serverWorld.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("a machine", () => {
    let world: ServerWorld;
    let token: string;
    let count = 0;
    beforeAll(async () => {
      const settings = { enrolment: "open", reports: { perAgent: 3 } };
      ({ world, token } = await makeReadyServer("operator", await makeUrl(), settings));
    });
    afterAll(() => world.close());

    const newFingerprint = () => createHash("sha256").update(String(++count)).digest("hex");
    const enrol = async (fingerprint: string, name: string, addresses: string[]) => {
      const payload = { name, addresses, fingerprint, program: "0.1.0" };
      const answer = await world.agents.inject(asScript({ method: "POST", url: "/v1/enrol", payload }));
      return answer.json() as { id: string; secret: string };
    };
    /** Reports a run of 10 minutes that began so long after the server's time. */
    const report = async (
      { id, secret }: { id: string; secret: string },
      after: number,
      addresses: string[],
    ) => {
      const at = (time: number) => new Date(world.clock.now + time).toISOString();
      const payload = {
        started: at(after),
        ended: at(after + HOUR / 6),
        trigger: "schedule",
        program: "0.1.0",
        report: { outcome: "updated", addresses },
      };
      const request = { method: "PUT", url: `/v1/agents/${id}/report`, payload } as const;
      return (await world.agents.inject(asScript(request, secret))).statusCode;
    };
    const shown = async (place: string) =>
      (await world.people.inject(asScript({ method: "GET", url: `/api/v1${place}` }, token))).json();

    test("that was installed anew is the agent that it was, and its old secret is nothing", async () => {
      const fingerprint = newFingerprint();
      const first = await enrol(fingerprint, "pc-1", ["10.1.0.1"]);
      const moved = await enrol(fingerprint, "pc-1", ["10.9.0.1"]);
      const renamed = await enrol(fingerprint, "localhost", ["10.9.0.1", "fd00::1"]);
      expect([moved.id, renamed.id]).toEqual([first.id, first.id]);
      expect(await report(first, 0, [])).toBe(401);
      expect(await report(renamed, 0, [])).toBe(204);
    });

    test("that is a copy of one that runs is an agent of its own, shown as its clone, and stays it", async () => {
      const fingerprint = newFingerprint();
      const original = await enrol(fingerprint, "pc-2", ["10.1.0.2"]);
      const clone = await enrol(fingerprint, "pc-2-copy", ["10.1.0.3"]);
      expect(clone.id).not.toBe(original.id);
      expect(await shown(`/agents/${clone.id}`)).toMatchObject({ cloneOf: original.id });
      expect(await report(original, 0, ["10.1.0.2"])).toBe(204);
      expect((await enrol(fingerprint, "pc-2-copy", ["10.7.0.1"])).id).toBe(clone.id);
      expect((await enrol(fingerprint, "pc-2", ["10.1.0.2"])).id).toBe(original.id);
    });

    test("of another name and place is what it was, where nobody was heard of under that for hours", async () => {
      const fingerprint = newFingerprint();
      const first = await enrol(fingerprint, "pc-3", ["10.1.0.4"]);
      world.clock.now += 3 * HOUR;
      expect((await enrol(fingerprint, "renamed", ["10.1.0.5"])).id).toBe(first.id);
    });

    test("of which two report as one at the same time is shown to be copied; one that moves is not", async () => {
      const agent = await enrol(newFingerprint(), "pc-4", ["10.1.0.6"]);
      await report(agent, 0, ["10.1.0.6"]);
      await report(agent, HOUR, ["10.2.0.6"]);
      expect(await shown(`/agents/${agent.id}`)).toMatchObject({ doubledAt: null });
      await report(agent, HOUR + 60_000, ["10.3.0.6"]);
      expect(await shown(`/agents/${agent.id}`)).toMatchObject({ doubledAt: world.clock.now });
    });

    test("is found by the addresses that it reported last", async () => {
      const agent = await enrol(newFingerprint(), "pc-5", ["10.1.0.7"]);
      await report(agent, 0, ["10.250.0.7"]);
      expect((await shown("/agents?q=10.250.0.7")).items).toMatchObject([{ id: agent.id }]);
      expect((await shown("/agents?q=10.1.0.7")).items).toEqual([]);
    });

    test("has its newest reports kept, as many as server.json says", async () => {
      const agent = await enrol(newFingerprint(), "pc-6", []);
      for (const hour of [1, 2, 3, 4, 5]) expect(await report(agent, hour * HOUR, [])).toBe(204);
      const { items, total } = await shown(`/agents/${agent.id}/runs`);
      expect([items.length, total]).toEqual([3, 3]);
      expect(items[0].startedAt).toBe(world.clock.now + 5 * HOUR);
    });

    test("has its reports forgotten after so many days, and the oldest of all while they take too much", async () => {
      const agent = await enrol(newFingerprint(), "pc-9", []);
      const { reports } = world.context.config;
      const kept = async () => (await shown(`/agents/${agent.id}/runs`)).total;
      for (const hour of [1, 2]) await report(agent, hour * HOUR, []);
      world.clock.now += 10 * DAY;
      await report(agent, HOUR, []);
      await forgetOldReports(world.context);
      expect(await kept()).toBe(3);
      reports.days = 9;
      await forgetOldReports(world.context);
      expect(await kept()).toBe(1);
      const size = await keptBytes(world.context.database.db);
      await report(agent, 2 * HOUR, []);
      expect(await keptBytes(world.context.database.db)).toBeGreaterThan(size);
      reports.maxBytes = 1;
      await forgetOldReports(world.context);
      expect([await kept(), await keptBytes(world.context.database.db)]).toEqual([0, 0]);
      [reports.days, reports.maxBytes] = [90, 10_000_000_000];
    });

    test("that is deleted takes the size of its reports with it", async () => {
      const agent = await enrol(newFingerprint(), "pc-10", []);
      const before = await keptBytes(world.context.database.db);
      await report(agent, HOUR, []);
      await transact(world.context.database.db, (tx) => deleteAgent(tx, agent.id));
      expect(await keptBytes(world.context.database.db)).toBe(before);
    });

    test("adds to the traffic of its hour and sources, which outlives its reports", async () => {
      const agent = await enrol(newFingerprint(), "pc-8", []);
      world.clock.now += DAY;
      const at = new Date(world.clock.now).toISOString();
      const attempts = [
        { name: "ua-berlin", url: "http://ua:21112", outcome: "failed", bytes: 10 },
        { name: "ua-berlin", url: "http://ua:21112", outcome: "delivered", bytes: 6_000_000_000 },
        { url: "https://vendor.example", outcome: "current" },
      ];
      const run = { ended: at, trigger: "schedule", program: "0.1.0" };
      const send = async (ms: number) => {
        const started = new Date(world.clock.now - ms).toISOString();
        const payload = { ...run, started, report: { outcome: "updated", attempts } };
        const request = { method: "PUT", url: `/v1/agents/${agent.id}/report`, payload } as const;
        return (await world.agents.inject(asScript(request, agent.secret))).statusCode;
      };
      expect(await Promise.all([1, 2, 3, 4, 5].map(send))).toEqual([204, 204, 204, 204, 204]);
      // Reports that are sent again, since nobody said that they were taken.
      expect(await Promise.all([5, 5].map(send))).toEqual([204, 204]);
      expect((await shown(`/agents/${agent.id}/runs`)).items[0]).toMatchObject({ sequence: 5 });
      const hour = world.clock.now - (world.clock.now % HOUR);
      expect((await shown("/traffic")).items.filter((item: { hour: number }) => item.hour === hour)).toEqual([
        { hour, source: "https://vendor.example", agent: null, attempts: 5, failed: 0, bytes: 0, wasted: 0 },
        { hour, source: "ua-berlin", agent: null, attempts: 10, failed: 5, bytes: 30_000_000_050, wasted: 0 },
      ]);
      world.clock.now += 401 * DAY;
      await forgetOldTraffic(world.context);
      expect((await shown(`/traffic?from=${hour}`)).items).toEqual([]);
    });

    test("whose report names a time that there is not is told so", async () => {
      const { id, secret } = await enrol(newFingerprint(), "pc-7", []);
      const payload = {
        started: "2026-99-99T00:00:00Z",
        ended: "2026-11-25T00:00:00Z",
        trigger: "",
        program: "",
      };
      const request = { method: "PUT", url: `/v1/agents/${id}/report`, payload } as const;
      expect((await world.agents.inject(asScript(request, secret))).json().code).toBe("BODY_INVALID");
    });

    test("that is not heard of for 90 days is retired, and back as soon as it reports", async () => {
      const silent = await enrol(newFingerprint(), "silent", []);
      world.clock.now += 60 * DAY;
      const heard = await enrol(newFingerprint(), "heard", []);
      await report(heard, 0, []);
      await retireUnheard(world.context);
      expect((await shown("/agents?q=silent")).total).toBe(1);
      world.clock.now += 31 * DAY;
      await retireUnheard(world.context);
      expect((await shown("/agents?q=silent")).total).toBe(0);
      expect((await shown("/agents?q=heard")).total).toBe(1);
      expect(await report(silent, 0, [])).toBe(204);
      expect((await shown("/agents?q=silent")).total).toBe(1);
    });
  });
});
