import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { startDnsServer } from "../support/dnsServer.ts";
import { honestly, type RawAnswer, startRawServer } from "../support/rawServer.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  closeAll,
  expectInstalled,
  expectTidy,
  HASTY,
  makeAgent,
  objectOf,
  payload,
  runUpdate,
  SMALL,
  sharedWorld,
} from "../support/world.ts";
import { head } from "./faults/meet.ts";

// The clock is the whole process's, so that nothing here may run at the same time as anything else.

const stage = sharedWorld();

const open: Pick<TestSource, "close">[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await closeAll(open);
});

/** Sets the clock alone: timers go on as they are. */
function setClock(time: string): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(new Date(time));
}

const JUMPS = [
  "1970-01-01T00:00:00Z",
  "2038-01-20T00:00:00Z",
  "2099-06-01T00:00:00Z",
  "2106-02-08T00:00:00Z",
];

/** A source whose answer to the object is `answer`, given right after the clock has been set. */
async function jumping(time: string, answer: RawAnswer) {
  const honest = honestly(stage.world.www(2));
  const source = await startRawServer({
    answer: (socket, request) => {
      if (!request.path.endsWith(objectOf(2, "rules"))) return honest(socket, request);
      setClock(time);
      return answer(socket, request);
    },
  });
  open.push(source);
  return source;
}

describe("a clock that jumps in the middle of a run", () => {
  test.for(JUMPS)("to %s changes nothing: the run has one time", async (time) => {
    const source = await jumping(time, honestly(stage.world.www(2)));
    const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
    expect(report.attempts[0]?.ms).toBeLessThan(60_000);
    await expectInstalled(agent, 2);
    await expectTidy(agent);
    vi.useRealTimers();
    expect((await runUpdate(agent)).report.outcome).toBe("current");
  });

  test.for(JUMPS)("to %s moves no deadline: a source that stalls is left as ever", async (time) => {
    const source = await jumping(time, (socket) => socket.write(head(200, `content-length: ${SMALL}`)));
    const good = await startSource(stage.world.www(2));
    open.push(good);
    const agent = await makeAgent(stage.world, {
      sources: { source: source.url, good: good.url },
      installed: 1,
      config: { http: HASTY },
    });
    const { report } = await runUpdate(agent);
    expect(report.attempts.map(({ code, outcome }) => code ?? outcome)).toEqual(["STALLED", "delivered"]);
    await expectInstalled(agent, 2);
  });

  test.for(JUMPS)("to %s cuts off no source that sends steadily", async (time) => {
    const bytes = payload(2, "rules")["rules.dat"] ?? Buffer.alloc(0);
    const source = await jumping(time, async (socket) => {
      socket.write(head(200, `content-length: ${SMALL}`));
      for (let at = 0; at < SMALL; at += 4_096) {
        setClock(at % 8_192 === 0 ? "2026-01-01T00:00:00Z" : time);
        socket.write(bytes.subarray(at, at + 4_096));
        await new Promise(setImmediate);
      }
    });
    const agent = await makeAgent(stage.world, {
      sources: { source: source.url },
      installed: 1,
      config: { http: HASTY },
    });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 2);
  });

  test("makes no name be looked up again, and none be kept for ever", async () => {
    const dns = await startDnsServer({ records: { "ua.test": { A: ["127.0.0.1"] } } });
    const source = await jumping("2099-06-01T00:00:00Z", honestly(stage.world.www(2)));
    open.push(dns);
    const agent = await makeAgent(stage.world, {
      sources: { source: source.url.replace("127.0.0.1", "ua.test") },
      installed: 1,
      config: { dns: { servers: [dns.address], search: [] } },
    });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    expect(dns.queries).toHaveLength(2);
  });
});

describe("a clock that is wrong from the start", () => {
  test.for(["1970-01-01T00:00:00Z", "2000-01-01T00:00:00Z"])(
    "and says %s stops the run, which says so, and asks nobody",
    async (time) => {
      const source = await startSource(stage.world.www(2));
      open.push(source);
      const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
      setClock(time);
      await expect(runUpdate(agent)).rejects.toMatchObject({
        code: "CLOCK_BEHIND",
        message: expect.stringContaining(time.slice(0, 10)),
      });
      expect(source.requests).toEqual([]);
      await expectInstalled(agent, 1);
    },
  );

  test.for(["2038-01-20T00:00:00Z", "2099-06-01T00:00:00Z", "2106-02-08T00:00:00Z"])(
    "and says %s finds everything expired, asks about the clock, and is forgotten once it is right",
    async (time) => {
      const source = await startSource(stage.world.www(2));
      open.push(source);
      const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
      setClock(time);
      const { report, lines } = await runUpdate(agent);
      expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_EXPIRED" }] });
      expect(lines.map(({ message }) => message).join("\n")).toMatch(/clock/);
      vi.useRealTimers();
      expect((await runUpdate(agent)).report.outcome).toBe("updated");
      await expectInstalled(agent, 2);
    },
  );

  test("never makes the time that has passed be forgotten", async () => {
    const source = await startSource(stage.world.www(2));
    open.push(source);
    const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
    await runUpdate(agent);
    const state = path.join(agent.dataDir, "state.json");
    const floor = JSON.parse(await fs.readFile(state, "utf8")).clockFloor;
    setClock(new Date(Date.parse(floor) - 3_600_000).toISOString());
    await runUpdate(agent);
    expect(JSON.parse(await fs.readFile(state, "utf8")).clockFloor).toBe(floor);
  });
});
