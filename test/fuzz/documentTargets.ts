import assert from "node:assert/strict";
import fc from "fast-check";
import { target } from "../../src/core/content/chooseRelease.ts";
import { KINDS, sortKinds } from "../../src/core/content/kind.ts";
import type { Release } from "../../src/core/content/manifest.ts";
import { DocumentError, parseJson } from "../../src/core/document.ts";
import { formatAddress, parseAddress } from "../../src/core/order/address.ts";
import { addressesOf } from "../../src/core/order/entryMatch.ts";
import { canonicalName } from "../../src/core/order/hostNames.ts";
import {
  MAX_ENTRIES,
  parseSourceList,
  parseSourceUrl,
  type SourceList,
} from "../../src/core/order/sourceList.ts";
import { reviewSourceList } from "../../src/core/order/sourceListReview.ts";
import { updateOrder } from "../../src/core/order/updateOrder.ts";
import { type Policy, parsePolicy, parseUpdateAgents } from "../../src/core/settings/policy.ts";
import { parseReleases, reviewReleases } from "../../src/core/settings/rollout.ts";
import { type FuzzTarget, toJsonBytes, unlessRefused } from "./target.ts";

/** The documents that people and the server write: source list, policy, grants. */
export function documentTargets(): FuzzTarget[] {
  return [
    {
      name: "source-list",
      json: true,
      made: madeList(),
      check: (input) => checkSourceList(input.toString()),
    },
    { name: "policy", json: true, made: madePolicy(), check: (input) => checkPolicy(input.toString()) },
    {
      name: "update-agents",
      json: true,
      made: madeGrants(),
      check: (input) => checkGrants(input.toString()),
    },
    {
      name: "releases",
      json: true,
      made: madeReleases(),
      check: (input) => checkReleases(input.toString()),
    },
  ];
}

const kinds = fc.array(fc.constantFrom(...KINDS, "none"), { maxLength: 4 });

function madeList(): fc.Arbitrary<Buffer> {
  const url = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.webUrl(),
    fc.string(),
  );
  const range = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom("10.0.0.0/8", "::/0", "10.0.0.1-10.0.0.9", "1-2"),
  );
  const entry = fc.record(
    {
      range,
      except: fc.array(range, { maxLength: 4 }),
      dnsSuffix: fc.oneof(fc.domain(), fc.string()),
      name: fc.string(),
      url,
      kinds,
    },
    { requiredKeys: ["range", "url"] },
  );
  const list = fc.record(
    {
      requires: fc.array(fc.constantFrom("except", "dnsSuffix", "hours"), { maxLength: 3 }),
      version: fc.oneof(fc.nat(), fc.double()),
      mode: fc.constantFrom("standard", "customized", "other"),
      entries: fc.array(entry, { maxLength: 6 }),
      serverFallback: fc.record({ enabled: fc.boolean(), kinds }, { requiredKeys: [] }),
      updateAgentsOnlyFromServer: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  return fc.oneof(list, fc.jsonValue()).map(toJsonBytes);
}

/** An accepted list is the same when written and read again, can be reviewed, and gives an order. */
function checkSourceList(text: string): boolean {
  const list = unlessRefused(DocumentError, () => parseSourceList(parseJson(text)));
  if (list === undefined) return false;
  assert(Number.isSafeInteger(list.version) && list.version >= 0);
  assert(list.entries.length <= MAX_ENTRIES);
  for (const entry of list.entries) {
    const { range, except = [], dnsSuffix, url, kinds } = entry;
    for (const each of [range, ...except.map((one) => one.range), ...addressesOf(entry)]) {
      assert(each.first <= each.last && each.first.length === (each.family === 4 ? 8 : 32));
    }
    if (dnsSuffix !== undefined) assert.equal(canonicalName(dnsSuffix), dnsSuffix);
    checkUrl(url);
    assert(kinds.length > 0);
    assert.deepEqual(kinds, sortKinds(kinds));
  }
  assert.deepEqual(parseSourceList(parseJson(JSON.stringify(asWritten(list)))), list);
  for (const { entry } of reviewSourceList(list)) assert(entry === null || entry < list.entries.length);
  checkOrder(list);
  return true;
}

function asWritten(list: SourceList): unknown {
  const entries = list.entries.map(({ range: _, rangeText, except, ...entry }) => ({
    range: rangeText,
    ...entry,
    ...(except && { except: except.map((each) => each.rangeText) }),
  }));
  return { ...list, entries };
}

/** A base URL: its path can be continued, and nothing in it tells who asks. */
function checkUrl(text: string): void {
  const url = new URL(text);
  assert(["http:", "https:"].includes(url.protocol));
  assert.equal(`${url.username}${url.password}${url.search}${url.hash}`, "");
  assert(!text.endsWith("/"));
  assert.equal(parseSourceUrl(text), text);
  assert.equal(new URL(`${text}/content/metadata/timestamp.json`).origin, url.origin);
}

function checkOrder(list: SourceList): void {
  const addresses = ["10.1.2.3", "2001:db8::7"].map(parseAddress);
  const policy: Policy = { ...parsePolicy({}), activeUpdate: true };
  for (const role of ["agent", "update-agent"] as const) {
    const order = updateOrder({
      list,
      policy,
      role,
      addresses,
      dnsSuffixes: [],
      self: { names: ["ua-self"], port: 21_112 },
      server: "http://server.corp.example",
      activeUpdate: "https://update.vendor.example",
      kinds: [...KINDS],
    });
    for (const step of order.steps) assert(step.kinds.length > 0, `a step for nothing at ${step.url}`);
    assert(order.steps.length <= list.entries.length + 2);
  }
  assert.equal(addresses.map(formatAddress).join(" "), "10.1.2.3 2001:db8::7");
}

function madePolicy(): fc.Arbitrary<Buffer> {
  const holds = fc.dictionary(fc.string(), fc.oneof(fc.nat(), fc.double(), fc.string()));
  const schedule = fc.record(
    {
      cron: fc.constantFrom("0 3 * * *", "*/5 * * * 1-5", "61 * * * *", "x", "0 0 30 2 *"),
      interval: fc.oneof(fc.nat(), fc.double()),
      splay: fc.oneof(fc.nat(), fc.constant(-1)),
    },
    { requiredKeys: [] },
  );
  const policy = fc.record(
    {
      schedule,
      version: fc.nat(),
      activeUpdate: fc.boolean(),
      activeUpdateRule: fc.constantFrom("documented", "privilege", "none"),
      activeUpdateAfterServer: fc.boolean(),
      activeUpdateKinds: kinds,
      kinds,
      holds,
    },
    { requiredKeys: [] },
  );
  return fc.oneof(policy, fc.jsonValue()).map(toJsonBytes);
}

/** An accepted policy is the same when written and read again, and holds only what can be a release. */
function checkPolicy(text: string): boolean {
  const policy = unlessRefused(DocumentError, () => parsePolicy(parseJson(text)));
  if (policy === undefined) return false;
  for (const release of Object.values(policy.holds)) assert(Number.isSafeInteger(release) && release >= 1);
  assert.equal(Object.getPrototypeOf(policy.holds), Object.prototype);
  for (const list of [policy.activeUpdateKinds, policy.kinds ?? ["settings" as const]]) {
    assert(list.length > 0);
    assert.deepEqual(list, sortKinds(list));
  }
  assert.deepEqual(parsePolicy(parseJson(JSON.stringify(policy))), policy);
  return true;
}

function madeGrants(): fc.Arbitrary<Buffer> {
  const agents = fc.array(fc.record({ id: fc.string(), kinds }), { maxLength: 5 });
  return fc.oneof(fc.record({ version: fc.nat(), agents }), fc.jsonValue()).map(toJsonBytes);
}

/** Every accepted grant names an agent and at least one kind. */
function checkGrants(text: string): boolean {
  const granted = unlessRefused(DocumentError, () => parseUpdateAgents(parseJson(text)));
  if (granted === undefined) return false;
  for (const { id, kinds } of granted.agents) assert(id !== "" && kinds.length > 0);
  assert.deepEqual(parseUpdateAgents(parseJson(JSON.stringify(granted))), granted);
  return true;
}

function madeReleases(): fc.Arbitrary<Buffer> {
  const release = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.double());
  const stage = fc.record(
    {
      domains: fc.array(fc.string(), { maxLength: 2 }),
      percent: fc.oneof(fc.constantFrom(0, 10, 100, 101), fc.double()),
      after: fc.oneof(fc.nat(), fc.double()),
    },
    { requiredKeys: ["percent", "after"] },
  );
  const rollout = fc.record(
    {
      stages: fc.array(stage, { maxLength: 3 }),
      seen: fc.array(fc.record({ release, at: fc.nat() }), { maxLength: 3 }),
      halted: fc.array(fc.record({ release, reason: fc.string() }), { maxLength: 2 }),
      pin: release,
    },
    { requiredKeys: [] },
  );
  const name = fc.oneof(fc.constantFrom("components/rules", "programs/agent", "__proto__"), fc.string());
  const components = fc.dictionary(name, rollout, { maxKeys: 3 });
  return fc.oneof(fc.record({ version: fc.nat(), components }), fc.jsonValue()).map(toJsonBytes);
}

/** Accepted releases are the same when written and read again, and an agent can decide by each of them. */
function checkReleases(text: string): boolean {
  const given = unlessRefused(DocumentError, () => parseReleases(parseJson(text)));
  if (given === undefined) return false;
  assert.deepEqual(parseReleases(parseJson(JSON.stringify(given))), given);
  reviewReleases(parseJson(text));
  const releases: Release[] = [3, 2, 1].map((release) => ({ release, version: `${release}`, files: [] }));
  const agent = { id: "some-agent", domain: "berlin" };
  for (const rollout of Object.values(given.components)) {
    const staging = { rollout, agent, now: 0 };
    const decision = target({ kind: "components", name: "rules", releases }, undefined, { staging });
    if (decision.action === "install") assert(releases.includes(decision.release));
    assert(decision.action !== "unavailable");
  }
  return true;
}
