import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FleetAgent, FleetSettings } from "../../../../src/core/fleet/fleetAgent.ts";
import { type MeasuredPath, PathMeasurements } from "../../../../src/core/fleet/suggest/networkPaths.ts";
import { networkUses } from "../../../../src/core/fleet/suggest/networkUses.ts";
import { withEntry, withoutEntries } from "../../../../src/core/fleet/suggest/suggestedEntry.ts";
import {
  type Candidate,
  type NetworkUse,
  suggestionsFor,
} from "../../../../src/core/fleet/suggest/suggestions.ts";
import { parseAddress } from "../../../../src/core/order/address.ts";
import { parseSourceList } from "../../../../src/core/order/sourceList.ts";
import { DEFAULT_POLICY } from "../../../../src/core/settings/policy.ts";
import { WRONG_NUMBER } from "../../../support/wrongNumber.ts";

const DAY = 86_400_000;
const candidate = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ id: name, name, url: `http://${name}:21112`, freeBytes: 9e9, uptime: 9 * DAY },
  ...more,
});
const network = (more: Partial<NetworkUse> = {}): NetworkUse => ({
  ...{ network: "10.1.2.0/24", far: 40, near: new Map(), candidates: [candidate("pc-1")] },
  ...{ farBytes: 4_000_000_000, farMs: 20_000_000, nearBytes: 0 },
  ...{ farSources: new Map([["server", more.far ?? 40]]), paths: new Map() },
  ...more,
});
const suggested = (networks: NetworkUse[], holders: Parameters<typeof suggestionsFor>[0]["holders"] = []) =>
  suggestionsFor({ networks, holders }, 1_000);

describe("suggested is", () => {
  test("an Update Agent for a network whose agents all fetch over the link, with what it saves and why", () => {
    expect(suggested([network()])).toEqual([
      {
        id: "add_10-1-2-0_24",
        kind: "add",
        agent: { id: "pc-1", name: "pc-1" },
        network: "10.1.2.0/24",
        entry: { range: "10.1.2.0/24", name: "pc-1", url: "http://pc-1:21112", kinds: ["components"] },
        entries: [],
        saves: 3_900_000_000,
        reason:
          "40 agents of 10.1.2.0/24 fetched 4.0 GB over the link within a week at 200 kB/s; " +
          "pc-1 has been up for 9 days and has 9.0 GB free: it would fetch for all of them once, and save 3.9 GB",
      },
    ]);
  });

  test("the machine that runs longest, and of those the one with the most space", () => {
    const candidates = [
      candidate("new", { uptime: DAY / 2, freeBytes: 9e12 }),
      candidate("small", { uptime: 90 * DAY, freeBytes: 1e9 }),
      candidate("large", { uptime: 40 * DAY, freeBytes: 2e9 }),
      candidate("short", { uptime: 20 * DAY, freeBytes: 9e12 }),
    ];
    expect(suggested([network({ candidates })])[0]?.agent.name).toBe("large");
    expect(suggested([network({ candidates: candidates.slice(0, 1) })])).toEqual([]);
  });

  test("nothing where few agents are, nothing came over the link, or nobody could serve", () => {
    expect(suggested([network({ far: 4 })])).toEqual([]);
    expect(suggested([network({ farBytes: 0 })])).toEqual([]);
    expect(suggested([network({ candidates: [] })])).toEqual([]);
  });

  test("an Update Agent of its own for a network of one that serves too many", () => {
    const near = (agents: number) => new Map([["http://ua:21112", agents]]);
    const networks = [
      network({ far: 0, near: near(900) }),
      network({ network: "2001:db8::/64", far: 0, near: near(300), candidates: [candidate("pc-6")] }),
      network({ network: "10.9.0.0/24", far: 0, near: new Map([["http://other:21112", 900]]) }),
    ];
    expect(suggested(networks).map(({ id }) => id)).toEqual(["split_10-1-2-0_24", "split_2001-db8--_64"]);
    expect(suggested(networks)[0]?.reason).toContain("is the first source of 1200 agents");
  });

  test("the end of an Update Agent that serves nobody, and of its entries", () => {
    const holders = [
      { id: "a", name: "ua-a", entries: [2, 5], near: 0 },
      { id: "b", name: "ua-b", entries: [], near: 0 },
      { id: "c", name: "ua-c", entries: [1], near: 9 },
    ];
    expect(suggested([], holders)).toMatchObject([
      { id: "remove_a", kind: "remove", entries: [2, 5], entry: null },
      { id: "remove_b", kind: "remove", entries: [] },
    ]);
  });
});

describe("by the connect times that agents measured,", () => {
  const way = (connectMs: number, more: Partial<MeasuredPath> = {}): MeasuredPath => {
    return { agents: 8, connectMs, rate: null, ...more };
  };
  const near = candidate("near", {
    paths: new Map([["server", { to: "server", connectMs: 3, rate: null, at: 0 }]]),
  });
  const behind = candidate("behind", {
    ...{ uptime: 90 * DAY, freeBytes: 9e12 },
    paths: new Map([["server", { to: "server", connectMs: 85, rate: null, at: 0 }]]),
  });
  const berlin = {
    ...{ id: "ua", name: "ua-berlin", entries: [0], near: 9 },
    served: [{ name: "ua-berlin", url: "http://ua-berlin:21112", kinds: ["components" as const] }],
  };

  test("the machine with the shorter way is the Update Agent, though another has run longer and has more space", () => {
    const paths = new Map([["server", way(80)]]);
    expect(suggested([network({ candidates: [behind, near], paths })])).toMatchObject([
      {
        kind: "add",
        agent: { name: "near" },
        reason:
          "40 agents of 10.1.2.0/24 fetched 4.0 GB over the link within a week at 200 kB/s, 80 ms away; " +
          "near has been up for 9 days, has 9.0 GB free and is 3 ms from the server, others up to 85 ms: " +
          "it would fetch for all of them once, and save 3.9 GB",
      },
    ]);
    // A millisecond is no reason.
    const like = candidate("like", { ...behind, id: "like", name: "like", paths: near.paths });
    expect(suggested([network({ candidates: [like, near], paths })])[0]?.agent.name).toBe("like");
  });

  test("none is suggested for a network whose source is in its building", () => {
    const at = (path: MeasuredPath) => suggested([network({ paths: new Map([["server", path]]) })]).length;
    expect(at(way(1))).toBe(0);
    expect(at(way(1, { agents: 2 }))).toBe(1);
    expect(at(way(1, { rate: 200_000 }))).toBe(1);
    expect(at(way(30))).toBe(1);
  });

  test("a network moves to an Update Agent that is there and nearer, with the figures", () => {
    const paths = new Map([
      ["server", way(80, { rate: 250_000 })],
      ["http://ua-berlin:21112", way(4, { agents: 5 })],
    ]);
    expect(suggested([network({ paths })], [berlin])).toMatchObject([
      {
        ...{ id: "move_10-1-2-0_24", kind: "move", agent: { id: "ua" }, saves: 4_000_000_000 },
        entry: {
          range: "10.1.2.0/24",
          name: "ua-berlin",
          url: "http://ua-berlin:21112",
          kinds: ["components"],
        },
        reason:
          "40 agents of 10.1.2.0/24 go to the server, 80 ms away at 250 kB/s, by the connections of 8; " +
          "ua-berlin, an Update Agent already, is 4 ms away, by those of 5: it would save the way 4.0 GB a week",
      },
    ]);
    // An Update Agent of its own is better than one in another city.
    const city = new Map([...paths, ["http://ua-berlin:21112", way(15)] as const]);
    expect(suggested([network({ paths: city })], [berlin])[0]?.kind).toBe("add");
    expect(suggested([network({ paths: city, candidates: [] })], [berlin])[0]?.kind).toBe("move");
    // One that nobody goes to yet stays for those who should.
    expect(suggested([network({ paths })], [{ ...berlin, near: 0 }]).map(({ kind }) => kind)).toEqual([
      "move",
    ]);
  });

  test("a network whose Update Agent is behind a link gets one of its own", () => {
    const url = "http://ua-far:21112";
    const use = { far: 0, farBytes: 0, near: new Map([[url, 10]]), nearBytes: 1_000_000_000 };
    const at = (connectMs: number) =>
      suggested([network({ ...use, paths: new Map([[url, way(connectMs)]]) })]);
    expect(at(60)).toMatchObject([{ kind: "split", agent: { name: "pc-1" }, saves: 900_000_000 }]);
    expect(at(60)[0]?.reason).toContain("10 agents of 10.1.2.0/24 go to http://ua-far:21112, 60 ms away");
    expect(at(8)).toEqual([]);
  });

  test("whatever agents measure, a network moves only to what most of them found clearly nearer", () => {
    const urls = ["server", "http://a:21112", "http://b:21112"];
    const measured = fc.array(
      fc.array(
        fc.record({
          to: fc.constantFrom(...urls),
          connectMs: fc.option(fc.integer({ min: 0, max: 600_000 })),
          rate: fc.option(fc.integer({ min: 1, max: 1e9 })),
          at: fc.constant(0),
        }),
        { maxLength: 4 },
      ),
      { maxLength: 12 },
    );
    const holders = urls.slice(1).map((url) => ({
      ...{ id: url, name: url, entries: [0], near: 1 },
      served: [{ name: url, url, kinds: ["components" as const] }],
    }));
    fc.assert(
      fc.property(
        measured,
        fc.constantFrom(...urls),
        fc.integer({ min: 1, max: 9 }),
        (all, present, agents) => {
          const medians = (given: typeof all) => {
            const paths = new PathMeasurements();
            for (const each of given) paths.add(each);
            return paths.medians();
          };
          const paths = medians(all);
          expect(medians(all.toReversed())).toEqual(paths);
          const isFar = present === "server";
          const use = network({
            ...(isFar ? { far: agents, near: new Map() } : { far: 0, farSources: new Map(), farBytes: 0 }),
            ...(isFar ? {} : { near: new Map([[present, agents]]), nearBytes: 1_000 }),
            paths,
          });
          for (const each of suggested([use], holders)) {
            expect(each.saves).toBeLessThanOrEqual(use.farBytes + use.nearBytes);
            if (each.kind !== "move") continue;
            const [now, then] = [paths.get(present), paths.get(each.entry?.url ?? "")];
            expect(then?.agents).toBeGreaterThanOrEqual(3);
            expect((then?.connectMs ?? 0) * 2).toBeLessThan(now?.connectMs ?? 0);
            // More than half of those who measured it cannot be further away than that.
            const own = all
              .flat()
              .filter(({ to, connectMs }) => to === each.entry?.url && connectMs !== null);
            const within = own.filter(({ connectMs }) => (connectMs ?? 0) <= (then?.connectMs ?? 0));
            expect(within.length * 2).toBeGreaterThanOrEqual(own.length);
          }
        },
      ),
    );
  });
});

test("an entry is put before the first that is for any of its addresses, else at the end", () => {
  const entry = { range: "10.1.2.0/24", name: "pc", url: "http://pc:21112", kinds: ["components" as const] };
  const [far, other] = [
    { range: "10.0.0.0/8", url: "http://a" },
    { range: "10.2.0.0/16", url: "http://b" },
  ];
  expect(withEntry({ entries: [other, far] }, entry).entries).toEqual([other, entry, far]);
  const hole = { ...far, except: ["10.1.0.0/16"] };
  expect(withEntry({ entries: [hole, other] }, entry).entries).toEqual([hole, other, entry]);
  expect(withEntry({}, entry)).toEqual({ mode: "customized", entries: [entry] });
  expect(withoutEntries({ version: 3, entries: [far, other, hole] }, [0, 2])).toEqual({
    version: 3,
    entries: [other],
  });
});

describe("over any fleet", () => {
  const agents = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 30 })), {
    selector: ([third, last]) => `${third}.${last}`,
    maxLength: 60,
  });
  const fleetOf = (places: readonly (readonly [number, number])[]) =>
    places.map(([third, last]): FleetAgent => {
      const name = `pc-${third}-${last}`;
      return {
        ...{ id: name, addresses: [parseAddress(`10.1.${third}.${last}`)], dnsSuffixes: [] },
        ...{ self: { names: [name], port: 21_112 }, domain: "default", role: "agent" },
      };
    });
  const settingsOf = (list: unknown): FleetSettings => ({
    ...{ list: parseSourceList(list), policyOf: () => DEFAULT_POLICY, server: "http://server:21111" },
    ...{ activeUpdate: undefined, kinds: ["components"] },
  });
  const suggestionsOf = (fleet: FleetAgent[], list: unknown, serving: number[]) => {
    const candidates = new Map(fleet.map(({ id }) => [id, candidate(id, { freeBytes: id.length })]));
    const traffic = new Map([0, 1, 2, 3].map((third) => [`10.1.${third}.0/24`, { farBytes: 1e9, farMs: 1 }]));
    const facts = { servingEntries: new Set(serving), candidates, traffic };
    return suggestionsFor({ networks: networkUses(fleet, settingsOf(list), facts), holders: [] }, 1_000);
  };

  test("suggestions are the same in whatever order the agents come", () => {
    fc.assert(
      fc.property(agents, (places) => {
        const fleet = fleetOf(places);
        expect(suggestionsOf(fleet.toReversed(), {}, [])).toEqual(suggestionsOf(fleet, {}, []));
      }),
    );
  });

  test("one that was followed is not made again, and changes none of the others", () => {
    fc.assert(
      fc.property(agents, (places) => {
        const fleet = fleetOf(places);
        let list: Record<string, unknown> = {};
        let left = suggestionsOf(fleet, list, []);
        while (left.length > 0) {
          const [first, ...rest] = left;
          if (first?.entry == null) throw new Error("an entry was expected");
          list = withEntry(list, first.entry);
          const chosen = fleet.find(({ id }) => id === first.agent.id);
          if (chosen !== undefined) chosen.role = "update-agent";
          const count = (list.entries as unknown[]).length;
          left = suggestionsOf(fleet, list, [...Array(count).keys()]);
          expect(left.map(({ id }) => id)).toEqual(rest.map(({ id }) => id));
        }
      }),
    );
  });
});

test("no reason counts one thing in the plural, or more than one in the singular", () => {
  const few = fc.integer({ min: 0, max: 6 });
  const fleets = fc.record({ far: few, near: few, measured: few, days: few, most: few, holders: few });
  const kinds = new Set<string>();
  fc.assert(
    fc.property(fleets, ({ far, near, measured, days, most, holders }) => {
      const way = (connectMs: number): MeasuredPath => ({ agents: measured, connectMs, rate: null });
      const use = network({
        ...{ far, near: new Map([["http://ua-0:21112", near]]), nearBytes: 9e9 },
        candidates: [candidate("pc-1", { uptime: days * DAY })],
        paths: new Map([
          ["http://ua-0:21112", way(90)],
          ["http://ua-1:21112", way(30)],
          ["server", way(60)],
        ]),
      });
      const served = (url: string) => [{ name: "ua", url, kinds: ["components" as const] }];
      const all = Array.from({ length: Math.min(holders, 2) }, (_, index) => ({
        ...{ id: `${index}`, name: `ua-${index}`, entries: [0], near: index === 0 ? near : 0 },
        served: served(`http://ua-${index}:21112`),
      }));
      for (const { kind, reason } of suggestionsFor({ networks: [use], holders: all }, most)) {
        kinds.add(kind);
        expect(reason).not.toMatch(WRONG_NUMBER);
      }
    }),
    { numRuns: 500 },
  );
  expect([...kinds].toSorted()).toEqual(["add", "move", "remove", "split"]);
});
