import fc from "fast-check";
import { expect, test } from "vitest";
import type { FleetAgent } from "../../../src/core/fleet/fleetAgent.ts";
import { findUncovered } from "../../../src/core/fleet/uncovered.ts";
import { parseAddress, parseRange, rangeContains } from "../../../src/core/order/address.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";

const agent = (id: string, ...addresses: string[]): FleetAgent => ({
  id,
  addresses: addresses.map(parseAddress),
  dnsSuffixes: [],
  self: { names: [], port: 21112 },
  domain: "default",
  role: "agent",
});

test("agents that no entry matches are added up by /24 and /64, the largest network first", () => {
  const list = parseSourceList({ entries: [{ range: "10.1.0.0/16", url: "http://ua.example" }] });
  const agents = [
    agent("covered", "10.1.0.1", "2001:db8:0:1::1"),
    agent("a", "10.2.3.4"),
    agent("b", "10.2.3.250", "2001:db8:0:1:ffff::2"),
    agent("c", "2001:db8:0:2::1"),
    agent("d"),
  ];
  expect(findUncovered(agents, list)).toEqual({
    agents: 4,
    withoutAddress: 1,
    networks: [
      { network: "10.2.3.0/24", agents: 2, some: ["a", "b"] },
      { network: "2001:db8:0:1::/64", agents: 1, some: ["b"] },
      { network: "2001:db8:0:2::/64", agents: 1, some: ["c"] },
    ],
    more: 0,
  });
});

test("an entry for a network that is shown matches all that were counted in it", () => {
  const address = fc.oneof(
    fc.tuple(fc.nat(3), fc.nat(255)).map(([third, last]) => `10.0.${third}.${last}`),
    fc.tuple(fc.nat(3), fc.nat(9)).map(([network, last]) => `2001:db8:0:${network}::${last}`),
  );
  const agents = fc
    .array(fc.array(address, { minLength: 1, maxLength: 3 }), { maxLength: 30 })
    .map((all) => all.map((addresses, at) => agent(String(at), ...addresses)));
  fc.assert(
    fc.property(agents, (fleet) => {
      const { networks } = findUncovered(fleet, parseSourceList({ entries: [] }));
      for (const { network, agents: count } of networks) {
        const { range } = { range: parseRange(network) };
        const inside = fleet.filter(({ addresses }) => addresses.some((each) => rangeContains(range, each)));
        expect(count).toBe(inside.length);
      }
    }),
  );
});
