/** Level of a finding: a list with an error is refused. */
export type Level = "error" | "warning";

/**
 * Every code of a finding: its level, the subject in words for the page (docs/findings.md), and the remedy.
 * Codes are added, and never mean something else.
 */
export const FINDINGS = {
  // Of a list by itself.
  FIELD_INVALID: ["error", "a field is missing or wrong", "correct it: agents refuse such a list whole"],
  TOO_MANY_ENTRIES: [
    "error",
    "there are more than 1,024 entries",
    "join ranges that go to the same source, or let a wider range follow the narrow ones",
  ],
  FIELD_UNKNOWN: ["warning", "a field is not known, and has no effect", "correct its name, or leave it out"],
  FIELD_REPEATED: ["warning", "a field stands twice, of which the last counts", "leave one of them out"],
  REQUIRES_LACKING: [
    "warning",
    "an older agent would pass over an exception or a search domain",
    'add it to "requires", so that such an agent keeps the list that it has',
  ],
  REQUIRES_IDLE: [
    "warning",
    "the list requires of agents what it does not have",
    'take it out of "requires"',
  ],
  STANDARD_WITH_ENTRIES: [
    "warning",
    "the mode is standard, and the entries are not used",
    'take the entries out, or set "mode" to "customized"',
  ],
  LEADS_NOWHERE: [
    "warning",
    "there are no entries, and no fallback to the server",
    "add entries, or fall back to the server",
  ],
  ENTRY_REPEATED: [
    "warning",
    "an entry repeats a source for addresses that have it already",
    "leave one of the two out",
  ],
  ENTRY_SHADOWED: [
    "warning",
    "entries before it are tried first by all that an entry is for",
    "put it before them, unless it is meant as a second choice",
  ],
  ENTRY_OVERLAPS: [
    "warning",
    "an entry is for some agents of an earlier one, which they try first",
    "let the ranges end where the other begins, or leave it where the order is meant",
  ],
  EXCEPTION_IDLE: ["warning", "an exception excepts nothing", "correct its range, or leave it out"],
  ENTRY_EXCEPTED: [
    "warning",
    "an entry excepts all of its range",
    "narrow the exceptions, or leave the entry out",
  ],
  HOST_UNRESOLVED: [
    "warning",
    "a host name has no address",
    "correct the name, or enter it in DNS: agents go on to their next source",
  ],
  // Of a list and the fleet.
  UPDATE_AGENT_UNKNOWN: [
    "warning",
    "an entry has a name, and no agent has that name or address",
    "correct the host name, or enrol the machine",
  ],
  UPDATE_AGENT_WITHOUT_ROLE: [
    "warning",
    "an entry leads to an agent that is no Update Agent",
    "grant it the role, or let the entry lead to a holder of it",
  ],
  UPDATE_AGENT_WITHOUT_KINDS: [
    "warning",
    "an entry asks an Update Agent for kinds that it was not granted",
    "grant it these kinds, or take them out of the entry",
  ],
  UPDATE_AGENT_SILENT: [
    "warning",
    "an Update Agent of the list has not reported for longer than its schedule allows",
    "see that the machine runs and reaches the server",
  ],
  UPDATE_AGENT_DISK: [
    "warning",
    "an Update Agent has less free space than the content may take",
    "make room on its disk, or choose another machine",
  ],
  UPDATE_AGENT_IDLE: [
    "warning",
    "an Update Agent is nobody's first source",
    "give it a range in the list, or take the role away: it fetches all content for nobody",
  ],
  UPDATE_AGENT_FOR_FEW: [
    "warning",
    "an Update Agent serves one or two agents",
    "let those go to another: it fetches more than they would",
  ],
  UPDATE_AGENT_OVERLOADED: [
    "warning",
    "more agents have an Update Agent as their first source than it should serve",
    "divide its range between it and another Update Agent",
  ],
  UPDATE_AGENTS_EXCESSIVE: [
    "warning",
    "one range has more Update Agents than its agents need",
    "take some out: each fetches all content over the same link",
  ],
  UPDATE_AGENTS_LOOP: [
    "warning",
    "Update Agents are each other's first sources",
    'let one of them fetch from the server: order the entries so, or set "updateAgentsOnlyFromServer"',
  ],
  UPDATE_AGENTS_CHAIN: [
    "warning",
    "an Update Agent gets its content through more than three others",
    "let one in the middle fetch from the server",
  ],
  SOURCE_FAILING: [
    "warning",
    "most attempts at a source failed within the last day",
    "look at the reports of its agents, and at the machine",
  ],
  SOURCE_REJECTED: [
    "warning",
    "agents rejected what a source sent: it is not the signed content, or it is behind for more than a day",
    "take it out of the list until it is known why: look at that machine, its disk, who may write there, and what stands between",
  ],
  RANGE_EMPTY: [
    "warning",
    "no agent is in the range of an entry",
    "correct the range, or leave the entry out",
  ],
  ENTRY_SERVES_NOBODY: [
    "warning",
    "no agent goes to an entry: those in its range are the Update Agent itself, or are asked elsewhere for the same",
    "widen the range to the agents that it is meant for, or leave the entry out",
  ],
  AGENTS_UNMATCHED: [
    "warning",
    "there are agents that no entry is for",
    "add entries for their networks (GET /uncovered), unless the server is meant for them",
  ],
  AGENTS_WITHOUT_SOURCE: [
    "warning",
    "there are agents that have no source for a kind",
    "fall back to the server for all kinds, or add the kind to an entry",
  ],
} as const satisfies Record<string, readonly [Level, string, string]>;

export type FindingCode = keyof typeof FINDINGS;

/** Something wrong or odd about a list, for people and for pages. */
export interface Finding {
  level: Level;
  /** Index of the entry; null for the list as a whole. */
  entry: number | null;
  /** Place within the entry, or within the list; empty for the whole of it. */
  field: string;
  code: FindingCode;
  message: string;
  remedy: string;
}

/** A finding of a code, with its level and remedy. */
export function findingOf(
  code: FindingCode,
  message: string,
  { entry = null, field = "" }: Partial<Pick<Finding, "entry" | "field">> = {},
): Finding {
  const [level, , remedy] = FINDINGS[code];
  return { level, entry, field, code, message, remedy };
}

/** The order in which findings are shown: those of the list as a whole, then entry by entry, errors first. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const place = ({ entry }: Finding) => entry ?? -1;
  return findings.toSorted((one, other) => {
    return place(one) - place(other) || Number(one.level === "warning") - Number(other.level === "warning");
  });
}

/** A finding with its place, in words for people. */
export function describeFinding({ entry, message }: Finding): string {
  return entry === null ? message : `entries[${entry}]: ${message}`;
}
