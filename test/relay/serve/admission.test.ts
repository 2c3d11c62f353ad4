import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Admission, type AdmissionLimits, type Ticket } from "../../../src/relay/serve/admission.ts";
import { newStats } from "../../../src/relay/stats.ts";

const LIMITS: AdmissionLimits = { maxTransfers: 2, maxPerClient: 2, minRate: 1_000 };

/** An admission with a clock that goes forward when told to. */
function makeAdmission(limits: Partial<AdmissionLimits> = {}) {
  const stats = newStats();
  const admission = new Admission({ ...LIMITS, ...limits }, stats, () => Date.now());
  const enter = (client: string, cut = () => {}) => {
    const ticket = admission.enter(client, cut);
    return typeof ticket === "string" ? expect.fail(ticket) : ticket;
  };
  return { admission, enter, stats };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the least rate counts as it is now: one that was lowered meanwhile cuts off nobody who keeps to it", () => {
  const limits = { ...LIMITS, minRate: 4_096 };
  const admission = new Admission(limits, newStats(), () => Date.now());
  let cut = 0;
  const ticket = admission.enter("a", () => cut++);
  if (typeof ticket === "string") expect.fail(ticket);
  else ticket.waitsFor(65_536);
  limits.minRate = 500;
  vi.advanceTimersByTime(131_000);
  expect(cut).toBe(0);
  vi.advanceTimersByTime(2_000);
  expect(cut).toBe(1);
});

describe("who is sent objects", () => {
  test("beyond the places there are, a newcomer is sent away, until one leaves", () => {
    const { admission, enter, stats } = makeAdmission();
    const first = enter("a");
    enter("b");
    expect(admission.enter("c", () => {})).toBe("transfers");
    first.leave();
    enter("c");
    expect(stats.active).toBe(2);
  });

  test("a client that has its share is sent away, however much room there is", () => {
    const { admission, enter } = makeAdmission({ maxTransfers: 100 });
    const first = enter("a");
    enter("a");
    expect(admission.enter("a", () => {})).toBe("client");
    enter("b");
    first.leave();
    enter("a");
  });

  test("of an IPv6 network (/64) all addresses are one client: one host has them all", () => {
    const { admission, enter } = makeAdmission({ maxTransfers: 100 });
    enter("2001:db8::1");
    enter("2001:db8::ffff:2");
    expect(admission.enter("2001:db8:0:0:3::", () => {})).toBe("client");
    enter("2001:db8:0:1::1");
    enter("10.0.0.1");
    enter("::ffff:10.0.0.1");
    expect(admission.enter("10.0.0.1", () => {})).toBe("client");
  });

  test("leaving twice gives back one place", () => {
    const { admission, enter } = makeAdmission({ maxTransfers: 3, maxPerClient: 3 });
    const first = enter("a");
    enter("a");
    enter("a");
    first.leave();
    first.leave();
    enter("a");
    expect(admission.enter("a", () => {})).toBe("client");
  });
});

describe("a reader that takes nothing", () => {
  /** Time (ms) for which it is held, given the bytes that wait for it and the least rate. */
  function heldFor(bytes: number, minRate: number): number | undefined {
    const cut = vi.fn();
    const { enter } = makeAdmission({ minRate });
    enter("a", cut).waitsFor(bytes);
    for (let seconds = 1; seconds <= 100; seconds++) {
      vi.advanceTimersByTime(1_000);
      if (cut.mock.calls.length > 0) return seconds * 1_000;
    }
    return undefined;
  }

  test("is cut when it is below the least rate", () => {
    expect(heldFor(30_000, 1_000)).toBe(31_000);
  });

  test("has ten seconds, however little it was given", () => {
    expect(heldFor(1, 1_000)).toBe(11_000);
  });

  test("is held for ever where there is no least rate", () => {
    expect(heldFor(30_000, 0)).toBeUndefined();
  });

  test("is not cut once it has taken what waited, nor while it is we who are slow", () => {
    const cut = vi.fn();
    const { enter, stats } = makeAdmission();
    const ticket = enter("a", cut);
    vi.advanceTimersByTime(60_000);
    ticket.waitsFor(1);
    vi.advanceTimersByTime(9_000);
    ticket.taken();
    vi.advanceTimersByTime(60_000);
    expect(cut).not.toHaveBeenCalled();
    expect(stats.transfers.cut).toBe(0);
  });

  test("goes for a newcomer when all places are taken: the one that took nothing for longest", () => {
    const { admission, enter, stats } = makeAdmission({ maxTransfers: 3 });
    const cuts: string[] = [];
    const waiting = (client: string): Ticket => {
      const ticket = enter(client, () => void cuts.push(client));
      ticket.waitsFor(1_000_000);
      return ticket;
    };
    waiting("a");
    vi.advanceTimersByTime(3_000);
    waiting("b");
    enter("c", () => void cuts.push("c"));
    expect(admission.enter("d", () => {})).toBe("transfers");
    vi.advanceTimersByTime(3_000);
    enter("d");
    expect(cuts).toEqual(["a"]);
    expect(stats.transfers.cut).toBe(1);
    expect(admission.enter("e", () => {})).toBe("transfers");
  });
});
