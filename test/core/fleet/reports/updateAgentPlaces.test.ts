import { describe, expect, test } from "vitest";
import { SourceNames } from "../../../../src/core/fleet/reports/sourceNames.ts";
import { readSourceKey, UpdateAgentPlaces } from "../../../../src/core/fleet/reports/updateAgentPlaces.ts";
import { parseSourceList } from "../../../../src/core/order/sourceList.ts";

const agent = (id: string, hosts: string[], port = 21_112) => {
  return { id, hosts: new Set(hosts), port, pseudonym: `nearsource-${id}` };
};
const places = new UpdateAgentPlaces([
  agent("berlin", ["ua", "ua.berlin.example", "10.1.0.5"]),
  agent("lyon", ["ua", "ua.lyon.example", "10.2.0.5"]),
  agent("paris", ["ua-paris", "10.3.0.5"]),
]);
const at = (url: string, more: object = {}) => places.of({ rule: "custom", url, ...more });

describe("an attempt was at the Update Agent that it was at:", () => {
  test.for([
    ["by the name in its URL", "http://ua.lyon.example:21112", {}, "lyon"],
    ["by the address in its URL", "http://10.1.0.5:21112", {}, "berlin"],
    ["of two of one name, by the address that answered", "http://ua:21112", { address: "10.2.0.5" }, "lyon"],
    ["by the address behind an alias", "http://updates.example:21112", { address: "10.3.0.5" }, "paris"],
    ["by its label in a domain that it does not know", "http://ua-paris.corp.example:21112", {}, "paris"],
    ["of two of one name, by what it says", "http://ua:21112", { servedBy: "nearsource-berlin" }, "berlin"],
    ["behind a name of nobody, by what it says", "http://cdn:80", { servedBy: "nearsource-paris" }, "paris"],
  ] as const)("%s", ([, url, more, id]) => {
    expect(at(url, more)).toEqual({ id, isOne: true });
  });

  test("what a source says of itself changes nothing where it is known which one it is", () => {
    expect(at("http://10.1.0.5:21112", { servedBy: "nearsource-lyon" })).toEqual({
      id: "berlin",
      isOne: true,
    });
    expect(at("http://ua:21112", { servedBy: "nearsource-paris" })).toEqual({ isOne: true });
    expect(at("http://mirror", { servedBy: "nearsource-nobody" })).toEqual({ isOne: false });
  });

  test("names of entries say nothing: a mirror that is called like one, at another port, is none", () => {
    const mirror = { rule: "custom", name: "ua-paris", url: "http://ua-paris:8080", outcome: "delivered" };
    expect(places.of(mirror)).toEqual({ isOne: false });
    expect(places.keyOf(mirror)).toBe("ua-paris");
    expect(at("not a URL")).toEqual({ isOne: false });
    expect(at("http://[::zz]/")).toEqual({ isOne: false });
    expect(places.of({ rule: "server", url: "http://ua-paris:21112" })).toEqual({ isOne: false });
  });
});

test("keys of sources are read back, whatever agents call them", () => {
  const key = (name: string) => places.keyOf({ rule: "custom", name, url: "http://x", outcome: "delivered" });
  for (const name of ["@berlin", "@@x", "", "ua", "@"]) {
    expect(readSourceKey(key(name))).toEqual({ source: name });
  }
  const near = { rule: "custom", name: "any", url: "http://10.1.0.5:21112", outcome: "delivered" };
  expect(readSourceKey(places.keyOf(near))).toEqual({ agent: "berlin" });
});

test("two Update Agents of one name, and a mirror that is called so too, are three sources", () => {
  const { entries } = parseSourceList({
    entries: [
      { range: "10.1.0.0/16", name: "ua", url: "http://10.1.0.5:21112" },
      { range: "10.2.0.0/16", name: "ua", url: "http://10.2.0.5:21112" },
      { range: "10.3.0.0/16", name: "ua", url: "http://mirror" },
    ],
  });
  const agents = new Map([
    ["berlin", "ua"],
    ["lyon", "ua"],
    ["gone", "pc-3"],
    ["called", "server"],
  ]);
  const known = [
    { id: "berlin", hosts: new Set(["10.1.0.5"]), port: 21_112, pseudonym: "b" },
    { id: "lyon", hosts: new Set(["10.2.0.5"]), port: 21_112, pseudonym: "l" },
  ];
  const names = new SourceNames(new UpdateAgentPlaces(known), entries, agents);
  const sums = { attempts: 1, failed: 0, bytes: 10, wasted: 0 };
  const keys = ["@berlin", "@lyon", "ua", "@gone", "@deleted", "server", "@called"];
  expect(names.named(keys.map((source) => ({ source, ...sums }))).map(({ source }) => source)).toEqual([
    "ua (berlin)",
    "ua (lyon)",
    "ua (http://mirror)",
    "pc-3",
    "deleted",
    "server",
    "server (called)",
  ]);
  expect(entries.map((entry) => names.of(entry))).toEqual(["ua (berlin)", "ua (lyon)", "ua (http://mirror)"]);
  expect(names.of({ rule: "server", url: "http://10.1.0.5:21112" })).toBe("server");
  // What was summed up by name alone, before it was known by id, is the Update Agent's.
  const one = new SourceNames(
    new UpdateAgentPlaces(known.slice(0, 1)),
    entries.slice(0, 1),
    new Map([["berlin", "pc-1"]]),
  );
  expect(one.named(["@berlin", "ua"].map((source) => ({ source, ...sums })))).toEqual([
    { source: "pc-1", attempts: 2, failed: 0, bytes: 20, wasted: 0, isAgent: true },
  ]);
});
