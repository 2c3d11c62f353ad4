import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KINDS, type Kind } from "../../src/core/content/kind.ts";
import { formatAddress, parseAddress, rangeContains } from "../../src/core/order/address.ts";
import type { Situation } from "../../src/core/order/conditions.ts";
import { CLAUSES, type UpdateOrder } from "../../src/core/order/plan.ts";
import { parseSourceList, type SourceListEntry } from "../../src/core/order/sourceList.ts";
import { updateOrder } from "../../src/core/order/updateOrder.ts";
import { parsePolicy } from "../../src/core/settings/policy.ts";

const SERVER = "http://server.corp.example";
const VENDOR = "https://update.vendor.example";
const SELF = { names: ["ua-self"], port: 21_112 };
/** Few, so that lists repeat themselves; the server, ActiveUpdate and the agent are among them. */
const URLS = [
  "http://ua-berlin.corp.example:21112",
  "http://ua-munich.corp.example:21112/",
  "http://ua-self:21112",
  "http://10.1.2.3:21112",
  SERVER,
  VENDOR,
];
const RANGES = [
  "10.1.0.0/16",
  "10.1.2.3",
  "10.1.2.4-10.1.2.9",
  "192.168.0.0/16",
  "2001:db8::/32",
  "0.0.0.0/0",
  "::/0",
];
const ADDRESSES = [
  "10.1.2.3",
  "10.1.2.7",
  "192.168.7.7",
  "172.16.0.1",
  "2001:db8::7",
  "fd00::7",
  "::ffff:10.1.9.9",
];

const SUFFIXES = ["corp.example", "berlin.corp.example", "home.arpa"];

const kinds = fc.uniqueArray(fc.constantFrom<Kind>(...KINDS), { minLength: 1 });

const entry = fc.record(
  {
    range: fc.constantFrom(...RANGES),
    except: fc.array(fc.constantFrom(...RANGES), { maxLength: 3 }),
    dnsSuffix: fc.constantFrom(...SUFFIXES, "CORP.Example", "home.arpa."),
    url: fc.constantFrom(...URLS),
    name: fc.constant("ua"),
    kinds,
  },
  { requiredKeys: ["range", "url"] },
);

const list = fc
  .record({
    version: fc.nat(),
    mode: fc.oneof({ weight: 4, arbitrary: fc.constant("customized") }, fc.constant("standard")),
    entries: fc.array(entry, { maxLength: 8 }),
    serverFallback: fc.record({ enabled: fc.boolean(), kinds: fc.uniqueArray(fc.constantFrom(...KINDS)) }),
    updateAgentsOnlyFromServer: fc.boolean(),
  })
  .map(parseSourceList);

const policy = fc
  .record(
    {
      activeUpdate: fc.boolean(),
      activeUpdateRule: fc.constantFrom("documented", "privilege"),
      activeUpdateAfterServer: fc.boolean(),
      activeUpdateKinds: kinds,
    },
    { requiredKeys: [] },
  )
  .map(parsePolicy);

/** Everything that the order may depend on, frozen: whoever writes to it is found out. */
const situation: fc.Arbitrary<Situation> = fc
  .record({
    list,
    policy,
    role: fc.constantFrom<Situation["role"]>("agent", "update-agent"),
    addresses: fc
      .uniqueArray(fc.constantFrom(...ADDRESSES), { maxLength: 4 })
      .map((all) => all.map(parseAddress)),
    dnsSuffixes: fc.subarray(SUFFIXES),
    self: fc.constant(SELF),
    server: fc.option(fc.constant(SERVER), { nil: undefined }),
    activeUpdate: fc.option(fc.constant(VENDOR), { nil: undefined }),
    kinds,
  })
  .map(deepFreeze);

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const each of Object.values(value)) deepFreeze(each);
  return Object.freeze(value);
}

/** Holds `promise` to be true of every situation and its order. */
function always(promise: (order: UpdateOrder, given: Situation) => void): void {
  fc.assert(
    fc.property(situation, (given) => promise(updateOrder(given), given)),
    { numRuns: 1_000 },
  );
}

const customSteps = (order: UpdateOrder) => order.steps.filter((step) => step.rule === "custom");
/** Whom an entry is for, as naively as it can be said. */
const matches = (each: SourceListEntry, { addresses, dnsSuffixes }: Situation) => {
  const left = addresses
    .filter((address) => rangeContains(each.range, address))
    .filter((address) => !(each.except ?? []).some(({ range }) => rangeContains(range, address)));
  return left.length > 0 && (each.dnsSuffix === undefined || dnsSuffixes.includes(each.dnsSuffix));
};
/** Whether an entry leads to the agent itself. */
const isOwn = ({ url }: SourceListEntry, { addresses }: Situation) =>
  [...SELF.names, ...addresses.map(formatAddress)].some((host) => url === `http://${host}:21112`);
/** Whether the list is ignored, or is no more than a word for the server. */
const isUnwalked = ({ list, role }: Situation) =>
  list.mode === "standard" || (role === "update-agent" && list.updateAgentsOnlyFromServer);

describe("whatever the situation,", () => {
  test("every step by the list is an entry that is for an address of the agent, and for one of its search domains", () => {
    always((order, given) => {
      for (const step of customSteps(order)) {
        const each = given.list.entries[step.entry ?? -1];
        expect(each).toMatchObject({ url: step.url });
        expect(each !== undefined && matches(each, given)).toBe(true);
      }
    });
  });

  test("the entries that are asked, or would be but for an earlier step, are those of the naive model", () => {
    always((order, given) => {
      if (isUnwalked(given)) return;
      const naive = [...given.list.entries.keys()].filter((index) => {
        const each = given.list.entries[index];
        return each !== undefined && matches(each, given) && !isOwn(each, given);
      });
      const useless = order.skipped
        .filter(
          ({ rule, reason }) => rule === "custom" && /^an earlier step|which is not needed$/.test(reason),
        )
        .map(({ entry: index = -1 }) => index);
      const asked = customSteps(order).map(({ entry: index = -1 }) => index);
      expect([...asked, ...useless].sort((a, b) => a - b)).toEqual(naive);
    });
  });

  test("the order of the list is kept", () => {
    always((order) => {
      const indexes = customSteps(order).map((step) => step.entry ?? -1);
      expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
    });
  });

  test("every entry, the server and ActiveUpdate are in the plan or passed over, once", () => {
    always((order, { list }) => {
      const everywhere = [...order.steps, ...order.skipped];
      const indexes = everywhere.filter((each) => each.rule === "custom").map((each) => each.entry ?? -1);
      expect(indexes.sort((a, b) => a - b)).toEqual([...list.entries.keys()]);
      for (const rule of ["server", "active-update"]) {
        expect(everywhere.filter((each) => each.rule === rule)).toHaveLength(1);
      }
    });
  });

  test("entries come first, then the server, and ActiveUpdate last", () => {
    always((order) => {
      const ranks = order.steps.map((step) => ["custom", "server", "active-update"].indexOf(step.rule));
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
      expect(ranks.filter((rank) => rank > 0)).toEqual([...new Set(ranks.filter((rank) => rank > 0))]);
    });
  });

  test("no address is asked twice for one kind", () => {
    always((order) => {
      const questions = order.steps.flatMap((step) => step.kinds.map((kind) => `${kind} from ${step.url}`));
      expect(questions).toEqual([...new Set(questions)]);
    });
  });

  test("a step asks for something, and for nothing that is not needed", () => {
    always((order, given) => {
      for (const step of order.steps) {
        expect(step.kinds).not.toEqual([]);
        expect(given.kinds).toEqual(expect.arrayContaining(step.kinds));
        expect(KINDS.filter((kind) => step.kinds.includes(kind))).toEqual(step.kinds);
      }
    });
  });

  test("uncovered is exactly what is needed and no step has", () => {
    always((order, given) => {
      const covered = new Set(order.steps.flatMap((step) => step.kinds));
      expect(order.uncovered).toEqual(given.kinds.filter((kind) => !covered.has(kind)));
    });
  });

  test("an agent never uses itself, and says so", () => {
    always((order, given) => {
      const own = [...SELF.names, ...given.addresses.map(formatAddress)].map(
        (host) => `http://${host}:21112`,
      );
      for (const step of customSteps(order)) expect(own).not.toContain(step.url);
    });
  });

  test("a list that does not apply puts nothing into the plan", () => {
    always((order, given) => {
      if (isUnwalked(given)) expect(customSteps(order)).toEqual([]);
    });
  });

  test("ActiveUpdate is open without the privilege by clauses 3b and UA.2b alone", () => {
    always((order, { policy }) => {
      const step = order.steps.find((each) => each.rule === "active-update");
      if (step !== undefined && !policy.activeUpdate) expect(["3b", "UA.2b"]).toContain(step.clause);
      if (policy.activeUpdateRule === "privilege") expect(step?.clause).not.toBe("3b");
    });
  });

  test("a step is there by a clause, and of every clause but the last there are some", () => {
    const orders = fc.sample(situation, { numRuns: 2_000, seed: 1 }).map(updateOrder);
    const carried = new Set(orders.flatMap(({ steps }) => steps.map(({ clause }) => clause)));
    expect([...carried].sort()).toEqual(CLAUSES.filter((clause) => clause !== "4"));
  });

  test("every step and every refusal has its reason", () => {
    always((order) => {
      for (const step of order.steps) expect(step.why).not.toBe("");
      for (const each of order.skipped) expect(each.reason).not.toBe("");
    });
  });

  test("equal situations have equal plans", () => {
    always((order, given) => {
      expect(updateOrder(structuredClone(given))).toEqual(order);
    });
  });
});

test("an entry that does not match changes nothing by its absence, but the numbers of those after it", () => {
  const withIndex = situation.chain((given) =>
    fc.record({ given: fc.constant(given), index: fc.nat(Math.max(given.list.entries.length - 1, 0)) }),
  );
  fc.assert(
    fc.property(withIndex, ({ given, index }) => {
      const removed = given.list.entries[index];
      fc.pre(removed !== undefined && !matches(removed, given) && removed.url !== given.activeUpdate);
      // Clause UA.2b speaks of the first entry: without it, another one is the first.
      fc.pre(index > 0 || !(given.role === "update-agent" && given.list.updateAgentsOnlyFromServer));
      const entries = given.list.entries.filter((each) => each !== removed);
      const without = updateOrder({ ...given, list: { ...given.list, entries } });
      expect(without).toEqual(renumbered(updateOrder(given), index));
    }),
    { numRuns: 1_000 },
  );
});

/** The plan without what it says of one entry, and those after it counted from there. */
function renumbered({ steps, skipped, uncovered }: UpdateOrder, index: number): UpdateOrder {
  const rest = <Each extends { entry?: number }>(all: Each[]): Each[] =>
    all
      .filter((each) => each.entry !== index)
      .map((each) =>
        each.entry === undefined || each.entry < index ? each : { ...each, entry: each.entry - 1 },
      );
  return { steps: rest(steps), skipped: rest(skipped), uncovered };
}
