import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type GivenReport, ReportIntake } from "../../../src/server/fleet/reportIntake.ts";

const reportOf = (agentId: string, document = "{}"): GivenReport => {
  const report = { started: "", ended: "", trigger: "schedule", program: "0.1.0" };
  const summary = {
    startedAt: 1,
    endedAt: 2,
    trigger: "schedule",
    program: "0.1.0",
    outcome: "current",
    code: null,
    bytes: 0,
    source: null,
    addresses: undefined,
    dnsSuffixes: undefined,
  };
  return { agentId, report, summary, document, address: "10.1.2.3", receivedAt: 3 } as GivenReport;
};

/** A store that notes what is written together, and refuses what holds `poison`. */
function storeOf(known = (_: string) => true) {
  const written: string[][] = [];
  const write = async (given: readonly GivenReport[]) => {
    if (given.some(({ document }) => document === "poison")) throw new Error("it cannot be kept");
    written.push(given.map(({ agentId }) => agentId));
    return new Set(given.map(({ agentId }) => agentId).filter(known));
  };
  return { written, write };
}

describe("reports that come together", () => {
  test("are written together, in their order, and acknowledged when they are", async () => {
    const { written, write } = storeOf();
    const intake = new ReportIntake({ write, isAnswering: async () => true, random: randomBytes });
    const names = Array.from({ length: 600 }, (_, index) => `agent-${index}`);
    await Promise.all(names.map((name) => intake.take(reportOf(name))));
    expect(written.flat()).toEqual(names);
    expect(written.length).toBeLessThan(6);
  });

  test("are kept though one of them cannot be, which alone is refused", async () => {
    const { written, write } = storeOf();
    const intake = new ReportIntake({ write, isAnswering: async () => true, random: randomBytes });
    const taken = await Promise.allSettled(
      ["a", "b", "c", "d", "e"].map((name) => intake.take(reportOf(name, name === "c" ? "poison" : "{}"))),
    );
    expect(taken.map(({ status }) => status === "fulfilled")).toEqual([true, true, false, true, true]);
    expect(written.flat()).toEqual(["a", "b", "d", "e"]);
  });

  test("of an agent that is gone are refused as a stranger's", async () => {
    const { write } = storeOf((id) => id !== "gone");
    const intake = new ReportIntake({ write, isAnswering: async () => true, random: randomBytes });
    const [one, other] = await Promise.allSettled(["here", "gone"].map((id) => intake.take(reportOf(id))));
    expect([one?.status, other]).toMatchObject(["fulfilled", { reason: { code: "NOT_SIGNED_IN" } }]);
  });

  test("are told to come again, each at another time, while the database is away or behind", async () => {
    const away = new ReportIntake({
      write: async () => await Promise.reject(new Error("no connection")),
      isAnswering: async () => false,
      random: randomBytes,
    });
    const refused = await Promise.allSettled(["a", "b"].map((name) => away.take(reportOf(name))));
    expect(refused).toMatchObject(Array(2).fill({ reason: { code: "UNAVAILABLE", retryAfter: 30 } }));

    const { promise, resolve } = Promise.withResolvers<void>();
    const { write } = storeOf();
    const behind = new ReportIntake({
      write: async (given) => {
        await promise;
        return await write(given);
      },
      isAnswering: async () => true,
      random: randomBytes,
    });
    const flood = Array.from({ length: 40_000 }, (_, index) => behind.take(reportOf(`agent-${index}`)));
    const done = Promise.allSettled(flood);
    expect(() => behind.refuseIfBusy()).toThrow(expect.objectContaining({ code: "TOO_MANY" }));
    resolve();
    const outcomes = await done;
    const pauses = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason.retryAfter] : []));
    expect(outcomes.length - pauses.length).toBeGreaterThanOrEqual(512);
    expect(new Set(pauses).size).toBeGreaterThan(10);
    expect([Math.min(...pauses), Math.max(...pauses)]).toEqual([5, 30]);
    await behind.take(reportOf("afterwards"));
  });
});
