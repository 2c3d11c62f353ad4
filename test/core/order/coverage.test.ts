import { describe, expect, test } from "vitest";
import { KINDS } from "../../../src/core/content/kind.ts";
import { parseAddress } from "../../../src/core/order/address.ts";
import type { Situation } from "../../../src/core/order/conditions.ts";
import { uncoveredKinds } from "../../../src/core/order/coverage.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";
import { updateOrder } from "../../../src/core/order/updateOrder.ts";
import { parsePolicy } from "../../../src/core/settings/policy.ts";

const near = { range: "10.1.0.0/16", url: "http://ua:21112" };
const far = { range: "10.2.0.0/16", url: "http://far:21112" };

/** The kinds that an agent at 10.1.0.1 can get from nobody, and what is said of them. */
function uncovered(list: object, more: Partial<Situation> = {}, fromServer = false) {
  const situation: Situation = {
    list: parseSourceList(list),
    policy: parsePolicy({}),
    role: "agent",
    addresses: [parseAddress("10.1.0.1")],
    dnsSuffixes: [],
    self: { names: ["here"], port: 21_112 },
    kinds: [...KINDS],
    ...more,
  };
  return uncoveredKinds(situation, updateOrder(situation), fromServer);
}

const server = "http://server.test";

describe("a kind that no source can deliver is a fact, said with its remedy:", () => {
  test("entries that do not declare it", () => {
    const { kinds, remarks } = uncovered({ entries: [far, near] });
    expect(kinds).toEqual(["settings", "programs"]);
    expect(remarks).toEqual([
      'no source delivers settings, programs: entries[1] declares only components: add kinds; no server is configured; what is not needed, leave out of the configuration\'s "kinds"',
    ]);
  });

  test("a server that is not asked for it, and one that is not fallen back to", () => {
    const unticked = uncovered({ serverFallback: { kinds: ["components"] } }, { server }, true);
    expect(unticked.kinds).toEqual(["programs"]);
    expect(unticked.remarks[0]).toContain('not asked for it: add it to "serverFallback.kinds"');
    const off = uncovered({ entries: [near], serverFallback: { enabled: false } }, { server });
    expect(off.kinds).toEqual(["settings", "programs"]);
    expect(off.remarks[0]).toContain("falling back to the server is off");
  });

  test("ActiveUpdate, which is asked for components alone", () => {
    const list = { serverFallback: { enabled: false } };
    const { kinds, remarks } = uncovered(list, { activeUpdate: "http://vendor.test" });
    expect(kinds).toEqual(["settings", "programs"]);
    expect(remarks[0]).toContain("ActiveUpdate is asked only for components");
  });

  test("no source at all, and a source that is this agent itself", () => {
    expect(uncovered({}).remarks).toEqual([
      expect.stringMatching(
        /settings, components, programs: .* needs "server", "sourceList" or "activeUpdate"/,
      ),
    ]);
    const self = { ...near, url: "http://10.1.0.1:21112", kinds: ["settings"] };
    expect(uncovered({ entries: [self] }, { kinds: ["settings"] }).remarks[0]).toContain(
      "entries[0] is this agent itself",
    );
  });

  test("many entries are not named one by one", () => {
    const entries = Array.from({ length: 1_000 }, (_, at) => ({ ...near, url: `http://ua-${at}:1` }));
    expect(uncovered({ entries }).remarks[0]).toContain("; 997 more entries are like that; ");
  });

  test("the entries of a list that is not walked do not count", () => {
    const all = { ...far, kinds: [...KINDS] };
    expect(uncovered({ mode: "standard", entries: [all] }).kinds).toEqual([...KINDS]);
    const only = { entries: [all], updateAgentsOnlyFromServer: true };
    expect(uncovered(only, { role: "update-agent" }).kinds).toEqual([...KINDS]);
  });
});

describe("is none of them:", () => {
  test("a kind that an entry for other addresses delivers, since this machine may move", () => {
    expect(uncovered({ entries: [{ ...far, kinds: [...KINDS] }] })).toEqual({ kinds: [], remarks: [] });
    const without = uncovered({ entries: [{ ...near, kinds: [...KINDS] }] }, { addresses: [] });
    expect(without.kinds).toEqual([]);
  });

  test("what the server brings with the list", () => {
    const list = { entries: [near], serverFallback: { enabled: false } };
    expect(uncovered(list, { server }, true).kinds).toEqual(["programs"]);
  });

  test("a kind that a source delivers, however it fails", () => {
    expect(uncovered({ entries: [near] }, { server })).toEqual({ kinds: [], remarks: [] });
    expect(uncovered({ entries: [near] }, { kinds: ["components"] }).kinds).toEqual([]);
  });
});
