import { describe, expect, test } from "vitest";
import { parseAddress } from "../../../src/core/order/address.ts";
import type { Situation } from "../../../src/core/order/conditions.ts";
import type { UpdateOrder } from "../../../src/core/order/plan.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";
import { updateOrder } from "../../../src/core/order/updateOrder.ts";
import { parsePolicy } from "../../../src/core/settings/policy.ts";

const NEAR = "http://ua-berlin.corp.example:21112";
const FAR = "http://ua-munich.corp.example:21112";
const SERVER = "http://server.corp.example";
const VENDOR = "https://update.vendor.example";

const near = { range: "10.1.0.0/16", name: "ua-berlin", url: NEAR };
const far = { range: "10.2.0.0/16", name: "ua-munich", url: FAR };
const other = { range: "10.0.0.0/8", url: FAR };
const vendor = { range: "10.2.0.0/16", url: VENDOR };
const OFF = { serverFallback: { enabled: false } };
/** An agent that is not the Update Agent of its own list. */
const NOBODY: Partial<Situation> = { self: { names: [], port: 21_112 } };
const UNPRIVILEGED = "this agent does not have the privilege to use ActiveUpdate";

interface Given {
  list?: object;
  policy?: object;
  addresses?: string[];
  dnsSuffixes?: string[];
}

/** The plan of an agent at 10.1.2.3 that needs every kind. */
function orderOf(
  { list = {}, policy = {}, addresses = ["10.1.2.3"], dnsSuffixes = [] }: Given,
  more: Partial<Situation> = {},
) {
  return updateOrder({
    list: parseSourceList(list),
    policy: parsePolicy(policy),
    role: "agent",
    addresses: addresses.map(parseAddress),
    dnsSuffixes,
    self: { names: ["ua-berlin"], port: 21_112 },
    server: SERVER,
    activeUpdate: VENDOR,
    kinds: ["settings", "components", "programs"],
    ...more,
  });
}

const places = (order: UpdateOrder) =>
  order.steps.map(
    ({ rule, entry, clause }) => `${rule}${entry === undefined ? "" : ` ${entry}`} by ${clause}`,
  );
const kindsOf = (order: UpdateOrder) => order.steps.map(({ kinds }) => kinds.join(" "));
const reasonFor = (order: UpdateOrder, rule: string, entry?: number) =>
  order.skipped.find((each) => each.rule === rule && each.entry === entry)?.reason;

describe("the clauses of the order put in place", () => {
  const onlyServer = { updateAgentsOnlyFromServer: true };
  const agent = { role: "agent" } as const;
  const relay = { role: "update-agent" } as const;

  test.for([
    [
      "1, 2: the matches, then the server",
      agent,
      { entries: [far, near, other] },
      {},
      ["custom 1 by 1", "custom 2 by 1", "server by 2"],
    ],
    ["2: the server when none matches", agent, { entries: [far] }, {}, ["server by 2"]],
    [
      "2: the server and no further, whatever the privilege",
      agent,
      {},
      { activeUpdate: true },
      ["server by 2"],
    ],
    [
      "2+: ActiveUpdate after the server, with both",
      agent,
      {},
      { activeUpdate: true, activeUpdateAfterServer: true },
      ["server by 2", "active-update by 2+"],
    ],
    ["2+: nothing without the privilege", agent, {}, { activeUpdateAfterServer: true }, ["server by 2"]],
    [
      "3a: ActiveUpdate by privilege, listed",
      agent,
      { ...OFF, entries: [vendor] },
      { activeUpdate: true },
      ["active-update by 3a"],
    ],
    ["3a: before 3b where both hold", agent, OFF, { activeUpdate: true }, ["active-update by 3a"]],
    [
      "3b: ActiveUpdate that is not listed",
      agent,
      { ...OFF, entries: [near] },
      {},
      ["custom 0 by 1", "active-update by 3b"],
    ],
    ["4: nothing when listed and without privilege", agent, { ...OFF, entries: [vendor] }, {}, []],
    [
      "1: ActiveUpdate as an entry, where its range says so",
      agent,
      { ...OFF, entries: [{ ...vendor, range: "10.1.0.0/16" }] },
      {},
      ["custom 0 by 1"],
    ],
    ["3: the privilege alone, by the rule", agent, OFF, { activeUpdateRule: "privilege" }, []],
    [
      "3a: also by the rule",
      agent,
      OFF,
      { activeUpdateRule: "privilege", activeUpdate: true },
      ["active-update by 3a"],
    ],
    ["S.1: the server alone", agent, { mode: "standard", entries: [near] }, {}, ["server by S.1"]],
    [
      "S.2: ActiveUpdate by privilege",
      agent,
      { mode: "standard", ...OFF },
      { activeUpdate: true },
      ["server by S.1", "active-update by S.2"],
    ],
    [
      "1, 2: for an Update Agent as for an agent",
      relay,
      { entries: [near] },
      {},
      ["custom 0 by 1", "server by 2"],
    ],
    [
      "1, 2: for an agent, whatever Update Agents do",
      agent,
      { ...onlyServer, entries: [near] },
      {},
      ["custom 0 by 1", "server by 2"],
    ],
    ["UA.1: the server alone", relay, { ...onlyServer, ...OFF, entries: [near] }, {}, ["server by UA.1"]],
    [
      "UA.2a: ActiveUpdate by privilege",
      relay,
      { ...onlyServer, entries: [near] },
      { activeUpdate: true },
      ["server by UA.1", "active-update by UA.2a"],
    ],
    [
      "UA.2b: ActiveUpdate that is the first entry, whatever its range",
      relay,
      { ...onlyServer, entries: [vendor, near] },
      {},
      ["server by UA.1", "active-update by UA.2b"],
    ],
    [
      "UA.2b: not as a later entry",
      relay,
      { ...onlyServer, entries: [near, vendor] },
      {},
      ["server by UA.1"],
    ],
    ["UA.2b: not when it is no entry at all", relay, { ...onlyServer, ...OFF }, {}, ["server by UA.1"]],
  ] as const)("%s", ([, role, list, policy, steps]) => {
    const order = orderOf({ list, policy }, { ...NOBODY, ...role });
    expect(places(order)).toEqual(steps);
  });
});

describe("an entry is", () => {
  test("in the plan with the address and the range that put it there", () => {
    const [step] = orderOf(
      { list: { entries: [near] }, addresses: ["192.168.7.7", "10.1.2.3"] },
      NOBODY,
    ).steps;
    expect(step).toEqual({
      rule: "custom",
      clause: "1",
      entry: 0,
      name: "ua-berlin",
      url: NEAR,
      kinds: ["components"],
      why: "10.1.2.3 is in 10.1.0.0/16",
    });
  });

  test("passed over with its range when no address is in it", () => {
    expect(orderOf({ list: { entries: [far] } }).skipped[0]).toEqual({
      rule: "custom",
      entry: 0,
      name: "ua-munich",
      url: FAR,
      reason: "no address of this agent is in 10.2.0.0/16",
    });
  });

  test("passed over with the reason when the list is not walked", () => {
    const entries = [near, vendor];
    const standard = orderOf({ list: { mode: "standard", entries } });
    expect(reasonFor(standard, "custom", 0)).toBe(
      "the list says the standard source, so its entries are not used",
    );
    const relay = orderOf({ list: { updateAgentsOnlyFromServer: true, entries } }, { role: "update-agent" });
    expect(reasonFor(relay, "custom", 1)).toBe("Update Agents of this site update only from the server");
  });
});

describe("an agent is never its own source:", () => {
  test.for([
    ["its host name", "http://ua-berlin:21112"],
    ["its host name in other letters", "http://UA-Berlin:21112/"],
    ["its host name with the root's dot", "http://ua-berlin.:21112"],
    ["its IPv4 address", "http://10.1.2.3:21112"],
    ["its IPv6 address", "http://[2001:db8::7]:21112"],
    ["its IPv6 address in another spelling", "http://[2001:db8:0:0::7]:21112"],
    ["its IPv4 address, mapped", "http://[::ffff:10.1.2.3]:21112"],
    ["its address on https", "https://10.1.2.3:21112"],
  ])("%s", ([, url]) => {
    const list = { entries: [{ ...near, url }] };
    const order = orderOf({ list, addresses: ["10.1.2.3", "2001:db8::7"] });
    expect(reasonFor(order, "custom", 0)).toBe("it is this agent itself");
  });

  test("nor through a proxy or another name, by a URL that it is reached under", () => {
    const list = { entries: [{ ...near, url: "https://updates.example/berlin/" }] };
    const urls = ["https://updates.example/berlin"];
    const order = orderOf({ list }, { self: { names: [], port: 21_112, urls } });
    expect(reasonFor(order, "custom", 0)).toBe("it is this agent itself");
  });

  test.for([
    ["another port of it", "http://ua-berlin:8080"],
    ["its port by default", "http://ua-berlin"],
    ["another address", "http://10.1.2.4:21112"],
    ["a host of which its name is a part", "http://ua-berlin.corp.example:21112"],
  ])("%s is somebody else", ([, url]) => {
    expect(places(orderOf({ list: { entries: [{ ...near, url }] } }))).toContain("custom 0 by 1");
  });

  test.for([
    ["http://ua-berlin", 80],
    ["https://ua-berlin", 443],
  ] as const)("%s, where it serves on port %d", ([url, port]) => {
    const order = orderOf(
      { list: { entries: [{ ...near, url }] } },
      { self: { names: ["ua-berlin"], port } },
    );
    expect(reasonFor(order, "custom", 0)).toBe("it is this agent itself");
  });
});

describe("a step has the kinds", () => {
  test("that its source can deliver out of those that are needed", () => {
    const entries = [
      { ...near, kinds: ["components", "programs"] },
      { ...near, url: FAR },
    ];
    const order = orderOf({ list: { entries } }, { ...NOBODY, kinds: ["settings", "components"] });
    expect(kindsOf(order)).toEqual(["components", "components", "settings components"]);
  });

  test("that are ticked for the server", () => {
    expect(kindsOf(orderOf({ list: { serverFallback: { kinds: ["programs"] } } }))).toEqual(["programs"]);
  });

  test("all for the server as the standard source, whatever is ticked", () => {
    const list = { mode: "standard", serverFallback: { enabled: false, kinds: [] } };
    expect(kindsOf(orderOf({ list }))).toEqual(["settings components programs"]);
  });

  test("components for ActiveUpdate, or what the policy says", () => {
    expect(kindsOf(orderOf({ list: OFF }))).toEqual(["components"]);
    const policy = { activeUpdateKinds: ["programs", "components"] };
    expect(kindsOf(orderOf({ list: OFF, policy }))).toEqual(["components programs"]);
  });

  test("that no earlier step asks the same address for", () => {
    const entries = [near, { ...near, kinds: ["components", "programs"] }, near];
    const order = orderOf({ list: { entries } }, NOBODY);
    expect(kindsOf(order)).toEqual(["components", "programs", "settings components programs"]);
    expect(reasonFor(order, "custom", 2)).toBe("an earlier step asks the same address for the same");
  });
});

describe("a source is passed over", () => {
  test("when it delivers nothing that is needed", () => {
    const order = orderOf({ list: { entries: [near] } }, { ...NOBODY, kinds: ["programs"] });
    expect(reasonFor(order, "custom", 0)).toBe("it delivers components, which is not needed");
  });

  test("when nothing is ticked for the server", () => {
    const order = orderOf({ list: { serverFallback: { kinds: [] } } });
    expect(reasonFor(order, "server")).toBe("it delivers nothing, which is not needed");
  });

  test("when it has no address", () => {
    const order = orderOf({ policy: { activeUpdate: true } }, { server: undefined, activeUpdate: undefined });
    expect(order.steps).toEqual([]);
    expect(reasonFor(order, "server")).toBe("no server is configured");
    expect(reasonFor(order, "active-update")).toBe("no ActiveUpdate address is configured");
  });

  test("when it is an entry too, with everything that is asked of it", () => {
    const entries = [{ ...near, url: SERVER, kinds: ["settings", "components", "programs"] }];
    const order = orderOf({ list: { entries } });
    expect(places(order)).toEqual(["custom 0 by 1"]);
    expect(reasonFor(order, "server")).toBe("an earlier step asks the same address for the same");
  });

  test.for([
    [{}, {}, "agent", "falling back to the server is on, so the order ends there"],
    [{}, { activeUpdateAfterServer: true }, "agent", UNPRIVILEGED],
    [
      { ...OFF, entries: [vendor] },
      {},
      "agent",
      `${UNPRIVILEGED}, and ActiveUpdate is an entry of the source list`,
    ],
    [OFF, { activeUpdateRule: "privilege" }, "agent", UNPRIVILEGED],
    [{ mode: "standard" }, {}, "agent", UNPRIVILEGED],
    [
      { updateAgentsOnlyFromServer: true },
      {},
      "update-agent",
      `${UNPRIVILEGED}, and ActiveUpdate is not the first entry of the source list`,
    ],
  ] as const)("when ActiveUpdate is closed: list %j, policy %j, %s: %s", ([list, policy, role, reason]) => {
    expect(reasonFor(orderOf({ list, policy }, { role }), "active-update")).toBe(reason);
  });
});

describe("uncovered are the needed kinds that", () => {
  test("no step delivers", () => {
    const order = orderOf({ list: { entries: [near], serverFallback: { kinds: ["settings"] } } }, NOBODY);
    expect(order.uncovered).toEqual(["programs"]);
  });

  test("are all that is needed when there is no step", () => {
    const order = orderOf({ list: { ...OFF, entries: [vendor] } });
    expect(order).toMatchObject({ steps: [], uncovered: ["settings", "components", "programs"] });
  });
});

describe("an entry that excepts ranges", () => {
  const list = { entries: [{ ...near, except: ["10.1.2.0/24", "10.1.9.1-10.1.9.9"] }] };

  test("is passed over where the agent is in one of them, which is said", () => {
    const order = orderOf({ list }, NOBODY);
    expect(reasonFor(order, "custom", 0)).toBe(
      "10.1.2.3 is in 10.1.0.0/16, but the entry excepts 10.1.2.0/24",
    );
    expect(places(order)).toEqual(["server by 2"]);
  });

  test("is for those beside them", () => {
    expect(orderOf({ list, addresses: ["10.1.9.10"] }, NOBODY).steps[0]).toMatchObject({
      entry: 0,
      why: "10.1.9.10 is in 10.1.0.0/16",
    });
  });

  test("is for an agent of which another address is in its range and not excepted (ADR 15)", () => {
    const order = orderOf({ list, addresses: ["10.1.2.3", "192.168.0.1", "10.1.3.4"] }, NOBODY);
    expect(order.steps[0]).toMatchObject({ entry: 0, why: "10.1.3.4 is in 10.1.0.0/16" });
  });

  test("is as one without where what it excepts is of the other family, or elsewhere", () => {
    const idle = { entries: [{ ...near, except: ["::/0", "10.2.0.0/16"] }] };
    expect(places(orderOf({ list: idle }, NOBODY))[0]).toBe("custom 0 by 1");
  });
});

describe("an entry for a search domain", () => {
  const list = { entries: [{ ...near, dnsSuffix: "Corp.Example." }] };

  test.for([
    ["that domain, whatever its case and the dot at its end", ["home.arpa", "corp.example"], true],
    ["none", [], false],
    ["another", ["corp.example.net"], false],
    ["a domain below it", ["berlin.corp.example"], false],
    ["a domain above it", ["example"], false],
  ] as const)("and an agent whose search list has %s", ([, dnsSuffixes, isFor]) => {
    const order = orderOf({ list, dnsSuffixes: [...dnsSuffixes] }, NOBODY);
    if (isFor) {
      expect(order.steps[0]?.why).toBe(
        "10.1.2.3 is in 10.1.0.0/16, and corp.example is in its DNS search list",
      );
    } else {
      expect(reasonFor(order, "custom", 0)).toBe("corp.example is not in the DNS search list of this agent");
    }
  });

  test("is passed over for its range first", () => {
    const order = orderOf({ list, addresses: ["10.7.0.1"] }, NOBODY);
    expect(reasonFor(order, "custom", 0)).toBe("no address of this agent is in 10.1.0.0/16");
  });
});
