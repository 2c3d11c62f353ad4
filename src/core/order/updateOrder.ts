import { type Kind, sortKinds } from "../content/kind.ts";
import type { Policy } from "../settings/policy.ts";
import { type Address, formatAddress, parseAddress, rangeContains } from "./address.ts";
import type { SourceList, SourceListEntry } from "./sourceList.ts";

/** Which part of the update order put a step there. */
export type Rule = "custom" | "server" | "active-update";

/** One source to try, in its place in the plan. */
export interface Step {
  rule: Rule;
  /** The clause of docs/design.md §2 (docs/update-order.md) that put the step here. */
  clause: string;
  /** Index in the source list, for `custom`. */
  entry?: number;
  name?: string;
  url: string;
  /** The kinds this source can deliver, out of those the run needs. */
  kinds: Kind[];
  why: string;
}

/** A source that is not part of the plan, and why. */
export interface PassedOver {
  rule: Rule;
  entry?: number;
  name?: string;
  url?: string;
  reason: string;
}

/** The whole plan: what is tried in which order, and what is not. */
export interface UpdateOrder {
  steps: Step[];
  skipped: PassedOver[];
  /** Needed kinds that no step can deliver. */
  uncovered: Kind[];
}

/** Everything the order depends on. */
export interface Situation {
  list: SourceList;
  policy: Policy;
  role: "agent" | "update-agent";
  /** The agent's own addresses. An entry matches when its range contains any of them. */
  addresses: Address[];
  /** The agent's own host names, lower case, and the port it serves on: it never updates from itself. */
  self: { names: string[]; port: number };
  server?: string | undefined;
  activeUpdate?: string | undefined;
  kinds: Kind[];
}

/** A source under consideration; with a `reason` it is passed over. */
interface Candidate {
  rule: Rule;
  clause: string;
  entry?: number;
  name?: string | undefined;
  url?: string | undefined;
  kinds: Kind[];
  why: string;
  reason?: string | undefined;
}

/**
 * The update order (docs/design.md §2): which sources an agent tries, one after the other, and why. Pure:
 * equal situations give equal plans, and how a source fails never changes the plan.
 */
export function updateOrder(situation: Situation): UpdateOrder {
  const { list, policy, role } = situation;
  const privilege = policy.activeUpdate;

  // An Update Agent that updates only from the server ignores the list.
  if (role === "update-agent" && list.updateAgentsOnlyFromServer) {
    const first = isFirstEntry(situation);
    return plan(situation, [
      ...notWalked(situation, ONLY_FROM_SERVER),
      server(situation, "UA.1", situation.kinds, ONLY_FROM_SERVER),
      privilege
        ? activeUpdate(situation, "UA.2a", PRIVILEGE)
        : activeUpdate(situation, "UA.2b", "ActiveUpdate is the first entry of the source list", first),
    ]);
  }

  // The standard source.
  if (list.mode === "standard") {
    return plan(situation, [
      ...notWalked(situation, "the list says the standard source, so its entries are not used"),
      server(situation, "S.1", situation.kinds, "the standard source is the server"),
      activeUpdate(situation, "S.2", PRIVILEGE, privilege),
    ]);
  }

  // 1. Entries of the list, in list order, whose range contains one of the agent's addresses.
  const own = ownAddresses(situation);
  const custom = list.entries.map((entry, index) => customEntry(situation, entry, index, own));

  // 2. Falling back to the server is on: the server is next, and the end for kinds not ticked.
  if (list.serverFallback.enabled) {
    const after = policy.activeUpdateAfterServer;
    return plan(situation, [
      ...custom,
      server(situation, "2", list.serverFallback.kinds, "falling back to the server is on"),
      after
        ? activeUpdate(situation, "2+", `activeUpdateAfterServer is on, and ${PRIVILEGE}`, privilege)
        : activeUpdate(
            situation,
            "2",
            "",
            false,
            "falling back to the server is on, so the order ends there",
          ),
    ]);
  }

  // 3. It is off: ActiveUpdate is next if (a) the privilege is on, or (b) it is not in the list.
  const unlisted = policy.activeUpdateRule === "documented" && !isListed(situation);
  return plan(situation, [
    ...custom,
    server(situation, "3", [], "", "falling back to the server is off"),
    privilege
      ? activeUpdate(situation, "3a", PRIVILEGE)
      : activeUpdate(situation, "3b", "ActiveUpdate is not an entry of the source list", unlisted),
  ]);
  // 4. There is no further step: a run that comes to the end of the plan ends cleanly.
}

const PRIVILEGE = "this agent has the privilege to use ActiveUpdate";
const ONLY_FROM_SERVER = "Update Agents of this site update only from the server";

/** The entries of a list that does not apply: all passed over, for one reason. */
function notWalked({ list }: Situation, reason: string): Candidate[] {
  return list.entries.map(({ name, url, kinds }, entry) => {
    return { rule: "custom", clause: "1", entry, name, url, kinds, why: "", reason };
  });
}

function customEntry(
  situation: Situation,
  entry: SourceListEntry,
  index: number,
  own: OwnAddresses,
): Candidate {
  const { name, url, kinds } = entry;
  const match = situation.addresses.findIndex((address) => rangeContains(entry.range, address));
  const why = match === -1 ? "" : `${own.texts[match]} is in ${entry.rangeText}`;
  const reason =
    match === -1
      ? `no address of this agent is in ${entry.rangeText}`
      : isSelf(url, situation.self.port, own.hosts)
        ? "it is this agent itself"
        : undefined;
  return { rule: "custom", clause: "1", entry: index, name, url, kinds, why, reason };
}

function server(situation: Situation, clause: string, kinds: Kind[], why: string, off?: string): Candidate {
  const reason = off ?? (situation.server === undefined ? "no server is configured" : undefined);
  return { rule: "server", clause, url: situation.server, kinds, why, reason };
}

function activeUpdate(
  situation: Situation,
  clause: string,
  why: string,
  allowed = true,
  refusal = refusalOf(situation),
): Candidate {
  const missing = situation.activeUpdate === undefined ? "no ActiveUpdate address is configured" : undefined;
  const reason = missing ?? (allowed ? undefined : refusal);
  const kinds = situation.policy.activeUpdateKinds;
  return { rule: "active-update", clause, url: situation.activeUpdate, kinds, why, reason };
}

/** Why ActiveUpdate is not open to this agent, given that none of its conditions holds. */
function refusalOf(situation: Situation): string {
  const { list, policy, role } = situation;
  const noPrivilege = "this agent does not have the privilege to use ActiveUpdate";
  if (role === "update-agent" && list.updateAgentsOnlyFromServer) {
    return `${noPrivilege}, and ActiveUpdate is not the first entry of the source list`;
  }
  const listRuleApplies =
    list.mode === "customized" && !list.serverFallback.enabled && policy.activeUpdateRule === "documented";
  return listRuleApplies ? `${noPrivilege}, and ActiveUpdate is an entry of the source list` : noPrivilege;
}

function isListed({ list, activeUpdate }: Situation): boolean {
  return list.entries.some((entry) => entry.url === activeUpdate);
}

function isFirstEntry({ list, activeUpdate }: Situation): boolean {
  return activeUpdate !== undefined && list.entries[0]?.url === activeUpdate;
}

/** Host and port of a URL in the one spelling that `parseSourceUrl` gives it. */
const HOST_AND_PORT = /^(https?):\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?/;

/** The agent's addresses as they are written, in their order, and all that it answers to as hosts stand in URLs. */
interface OwnAddresses {
  texts: string[];
  hosts: ReadonlySet<string>;
}

function ownAddresses({ addresses, self }: Situation): OwnAddresses {
  const texts = addresses.map(formatAddress);
  return { texts, hosts: new Set([...self.names, ...texts]) };
}

function isSelf(url: string, port: number, own: ReadonlySet<string>): boolean {
  const [, scheme, host = "", given] = HOST_AND_PORT.exec(url) ?? [];
  if (Number(given ?? (scheme === "https" ? 443 : 80)) !== port) return false;
  // An IPv4-mapped literal is the IPv4 address, and a name with the root's dot the same name.
  const literal = host.startsWith("[") ? formatAddress(parseAddress(host.slice(1, -1))) : undefined;
  return own.has(literal ?? host.replace(/\.$/, ""));
}

/** Candidates in order become steps, less what this run does not need and what was asked there already. */
function plan({ kinds: needed }: Situation, candidates: Candidate[]): UpdateOrder {
  const order: UpdateOrder = { steps: [], skipped: [], uncovered: [] };
  const wanted = sortKinds(needed);
  const asked = new Map<string, Kind[]>();
  for (const { clause, kinds: offered, why, reason, ...source } of candidates) {
    const place = withoutUndefined(source);
    const earlier = asked.get(source.url ?? "") ?? [];
    const kinds = wanted.filter((kind) => offered.includes(kind) && !earlier.includes(kind));
    const refusal = reason ?? (kinds.length === 0 ? whyUseless(wanted, offered) : undefined);
    if (refusal === undefined && source.url !== undefined) {
      order.steps.push({ ...place, url: source.url, clause, kinds, why });
      asked.set(source.url, [...earlier, ...kinds]);
    } else {
      order.skipped.push({ ...place, reason: refusal ?? "it has no address" });
    }
  }
  order.uncovered = needed.filter((kind) => !order.steps.some((step) => step.kinds.includes(kind)));
  return order;
}

function whyUseless(wanted: Kind[], offered: Kind[]): string {
  return wanted.some((kind) => offered.includes(kind))
    ? "an earlier step asks the same address for the same"
    : `it delivers ${offered.join(", ") || "nothing"}, which is not needed`;
}

type Place = Pick<Step, "rule" | "entry" | "name">;

/** The place of a source with the fields it has, so that a plan reads well as JSON. */
function withoutUndefined({ rule, entry, name, url }: Omit<Candidate, "kinds" | "clause" | "why">) {
  const place: Place & { url?: string } = { rule };
  if (entry !== undefined) place.entry = entry;
  if (name !== undefined) place.name = name;
  if (url !== undefined) place.url = url;
  return place;
}
