import type { Kind } from "../content/kind.ts";
import type { Policy } from "../settings/policy.ts";
import type { Address } from "./address.ts";
import { isForDomains } from "./entryMatch.ts";
import type { SourceList, SourceListEntry } from "./sourceList.ts";
import { leadsTo } from "./url.ts";

/** Everything the order depends on. */
export interface Situation {
  list: SourceList;
  policy: Policy;
  role: "agent" | "update-agent";
  /** The agent's own addresses. An entry matches when it is for any of them. */
  addresses: Address[];
  /** The domains of its DNS search list, in the spelling of `canonicalName`. */
  dnsSuffixes: readonly string[];
  /** The agent itself, as sources may lead to it: it never updates from itself. */
  self: Self;
  server?: string | undefined;
  activeUpdate?: string | undefined;
  kinds: Kind[];
}

/** An agent, as URLs of sources may lead to it. */
export interface Self {
  /** Its own host names, lower case. */
  names: readonly string[];
  /** The port it serves on; 0 for none. */
  port: number;
  /** URLs under which others reach it, in the spelling of `parseSourceUrl`: of a proxy, or by another name or port. */
  urls?: readonly string[] | undefined;
}

/**
 * One condition of a clause, and the sentences that explain its result to people.
 *
 * @typeParam Of the subject of the condition: the whole situation, or one entry of its list
 */
export interface Condition<Of = Situation> {
  holds: (of: Of) => boolean;
  /** The reason to try a source when the condition holds; absent where it is obvious. */
  because?: Sentence<Of>;
  /** The reason not to try it when the condition does not hold. */
  otherwise?: Sentence<Of>;
}

/** A sentence, or a function that makes it for the subject of the condition. */
export type Sentence<Of> = string | ((of: Of) => string);

/** An entry of the list, and the facts about this agent that bear on it. */
export interface OwnEntry {
  entry: SourceListEntry;
  /** The first of the agent's own addresses that the entry is for, else the first in its range, as text. */
  address: string | undefined;
  /** The exception that this address is in: then the entry is for none of them. */
  exception: string | undefined;
  /** The domains of the agent's DNS search list. */
  dnsSuffixes: readonly string[];
  /** The agent's own names and addresses, as hosts stand in URLs, and the port it serves on. */
  self: { hosts: ReadonlySet<string> } & Omit<Self, "names">;
}

// The list.

const ONLY_FROM_SERVER = "Update Agents of this site update only from the server";

/** An Update Agent to which the list does not apply. */
export const onlyFromServer: Condition = {
  holds: ({ role, list }) => role === "update-agent" && list.updateAgentsOnlyFromServer,
  because: ONLY_FROM_SERVER,
};

/** The contrary, as the entries have it. */
export const listApplies: Condition = {
  holds: (situation) => !onlyFromServer.holds(situation),
  otherwise: ONLY_FROM_SERVER,
};

export const standard: Condition = {
  holds: ({ list }) => list.mode === "standard",
  because: "the standard source is the server",
};

export const customized: Condition = {
  holds: ({ list }) => list.mode === "customized",
  otherwise: "the list says the standard source, so its entries are not used",
};

// An entry of it.

export const inRange: Condition<OwnEntry> = {
  holds: ({ address }) => address !== undefined,
  because: ({ address, entry }) => `${address} is in ${entry.rangeText}`,
  otherwise: ({ entry }) => `no address of this agent is in ${entry.rangeText}`,
};

export const notExcepted: Condition<OwnEntry> = {
  holds: ({ exception }) => exception === undefined,
  otherwise: ({ address, entry, exception }) =>
    `${address} is in ${entry.rangeText}, but the entry excepts ${exception}`,
};

export const inDomain: Condition<OwnEntry> = {
  holds: ({ entry, dnsSuffixes }) => isForDomains(entry, dnsSuffixes),
  because: ({ entry: { dnsSuffix } }) =>
    dnsSuffix === undefined ? "" : `${dnsSuffix} is in its DNS search list`,
  otherwise: ({ entry }) => `${entry.dnsSuffix} is not in the DNS search list of this agent`,
};

export const notSelf: Condition<OwnEntry> = {
  holds: ({ entry, self }) =>
    !leadsTo(entry.url, self.hosts, self.port) && self.urls?.includes(entry.url) !== true,
  otherwise: "it is this agent itself",
};

// The server.

export const serverConfigured: Condition = {
  holds: ({ server }) => server !== undefined,
  otherwise: "no server is configured",
};

export const fallback: Condition = {
  holds: ({ list }) => list.serverFallback.enabled,
  because: "falling back to the server is on",
  otherwise: "falling back to the server is off",
};

// ActiveUpdate.

export const activeUpdateConfigured: Condition = {
  holds: ({ activeUpdate }) => activeUpdate !== undefined,
  otherwise: "no ActiveUpdate address is configured",
};

export const privilege: Condition = {
  holds: ({ policy }) => policy.activeUpdate,
  because: "this agent has the privilege to use ActiveUpdate",
  otherwise: "this agent does not have the privilege to use ActiveUpdate",
};

export const afterServer: Condition = {
  holds: ({ policy }) => policy.activeUpdateAfterServer,
  because: "activeUpdateAfterServer is on",
  otherwise: "falling back to the server is on, so the order ends there",
};

/** The rule as it is documented; without it, only the privilege opens ActiveUpdate (ADR 1). */
export const documentedRule: Condition = {
  holds: ({ policy }) => policy.activeUpdateRule === "documented",
};

export const unlisted: Condition = {
  holds: ({ list, activeUpdate }) => !list.entries.some(({ url }) => url === activeUpdate),
  because: "ActiveUpdate is not an entry of the source list",
  otherwise: "ActiveUpdate is an entry of the source list",
};

export const firstEntry: Condition = {
  holds: ({ list: { entries }, activeUpdate }) => entries.length > 0 && entries[0]?.url === activeUpdate,
  because: "ActiveUpdate is the first entry of the source list",
  otherwise: "ActiveUpdate is not the first entry of the source list",
};
