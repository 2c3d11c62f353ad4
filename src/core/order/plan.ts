import { type Kind, sortKinds } from "../content/kind.ts";
import { formatAddress, rangeContains } from "./address.ts";
import {
  activeUpdateConfigured,
  type Condition,
  type OwnEntry,
  type Sentence,
  type Situation,
  serverConfigured,
} from "./conditions.ts";
import { exceptionFor, isForAddress } from "./entryMatch.ts";
import type { SourceListEntry } from "./sourceList.ts";

/** The part of the update order that put a step there. */
export type Rule = "custom" | "server" | "active-update";

/** The clauses of docs/update-order.md; by 4, the end of the order, no source is tried. */
export const CLAUSES = ["1", "2", "2+", "3a", "3b", "4", "S.1", "S.2", "UA.1", "UA.2a", "UA.2b"] as const;

/** A clause that puts a source into the order. */
export type Clause = Exclude<(typeof CLAUSES)[number], "4">;

/** One source to try, in its place in the plan. */
export interface Step {
  rule: Rule;
  clause: Clause;
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

/** The whole plan: the sources to try, in order, and those passed over. */
export interface UpdateOrder {
  steps: Step[];
  skipped: PassedOver[];
  /** Needed kinds that no step can deliver. */
  uncovered: Kind[];
}

/** A clause and its conditions, all of which must hold. */
type Way = [clause: Clause, ...conditions: Condition[]];

/** A source under consideration, and whether it is tried. */
interface Candidate {
  source: Source;
  /** The kinds it can deliver, needed or not. */
  kinds: Kind[];
  verdict: Verdict;
}

type Source = Omit<PassedOver, "reason">;

type Verdict = { clause: Clause; why: string; reason?: undefined } | { reason: string };

/** The sources of one rule, in a situation. */
type Candidates = (situation: Situation) => Candidate[];

/**
 * The entries of the list, in list order.
 *
 * @param ofEach conditions of an entry, beside those of the whole list
 */
export function entries([clause, ...ofList]: Way, ofEach: Condition<OwnEntry>[]): Candidates {
  return (situation) => {
    const { list, addresses, dnsSuffixes } = situation;
    const own = addresses.map(formatAddress);
    const { names, port, urls } = situation.self;
    const self = { hosts: new Set([...names, ...own]), port, urls };
    const ofAll = judge(clause, ofList, situation);
    return list.entries.map((entry, index) => {
      const { name, url, kinds } = entry;
      const source: Source = { rule: "custom", entry: index };
      if (name !== undefined) source.name = name;
      source.url = url;
      if (ofAll.reason !== undefined) return { source, kinds, verdict: ofAll };
      const { at, exception } = placeIn(entry, situation);
      const address = own[at];
      return {
        source,
        kinds,
        verdict: judge(clause, ofEach, { entry, address, exception, dnsSuffixes, self }),
      };
    });
  };
}

/** Index of the address that an entry is for; else of one that it excepts, with that exception; else -1. */
function placeIn(
  entry: SourceListEntry,
  { addresses }: Situation,
): { at: number; exception: string | undefined } {
  const at = addresses.findIndex((each) => isForAddress(entry, each));
  if (at !== -1 || entry.except === undefined) return { at, exception: undefined };
  const excepted = addresses.findIndex((each) => rangeContains(entry.range, each));
  const address = addresses[excepted];
  return { at: excepted, exception: address && exceptionFor(entry.except, address)?.rangeText };
}

/**
 * The server.
 *
 * @param kinds the kinds to ask it for: by default all that are needed
 */
export function server([clause, ...conditions]: Way, kinds?: Kind[]): Candidates {
  return (situation) => {
    const { server: url } = situation;
    const source: Source = url === undefined ? { rule: "server" } : { rule: "server", url };
    const verdict = judge(clause, [...conditions, serverConfigured], situation);
    return [{ source, kinds: kinds ?? situation.kinds, verdict }];
  };
}

/** ActiveUpdate, by the first of these clauses whose conditions hold. */
export function activeUpdate(...ways: Way[]): Candidates {
  return (situation) => {
    const { activeUpdate: url, policy } = situation;
    const source: Source = url === undefined ? { rule: "active-update" } : { rule: "active-update", url };
    const verdicts = ways.map(([clause, ...conditions]) =>
      judge(clause, [activeUpdateConfigured, ...conditions], situation),
    );
    const reasons = new Set(verdicts.map(({ reason }) => reason).filter(Boolean));
    const verdict = verdicts.find(({ reason }) => reason === undefined) ?? {
      reason: [...reasons].join(", and "),
    };
    return [{ source, kinds: policy.activeUpdateKinds, verdict }];
  };
}

/** The verdict by a clause: to try if all its conditions hold; else not, for the first that does not. */
export function judge<Of>(clause: Clause, conditions: Condition<Of>[], of: Of): Verdict {
  let why = "";
  for (const { holds, because, otherwise } of conditions) {
    if (!holds(of)) return { reason: tell(otherwise, of) };
    const reason = tell(because, of);
    if (reason !== "") why += why === "" ? reason : `, and ${reason}`;
  }
  return { clause, why };
}

function tell<Of>(sentence: Sentence<Of> = "", of: Of): string {
  return typeof sentence === "function" ? sentence(of) : sentence;
}

/**
 * Candidates in order become steps, without the kinds that this run does not need or that an earlier step
 * asks the same source for.
 */
export function plan(situation: Situation, parts: Candidates[]): UpdateOrder {
  const order: UpdateOrder = { steps: [], skipped: [], uncovered: [] };
  const wanted = sortKinds(situation.kinds);
  const asked = new Map<string, Kind[]>();
  for (const { source, kinds: offered, verdict } of parts.flatMap((part) => part(situation))) {
    const { url } = source;
    const earlier = asked.get(url ?? "") ?? [];
    const kinds = wanted.filter((kind) => offered.includes(kind) && !earlier.includes(kind));
    if (verdict.reason !== undefined || url === undefined) {
      order.skipped.push({ ...source, reason: verdict.reason ?? "it has no address" });
    } else if (kinds.length === 0) {
      order.skipped.push({ ...source, reason: whyUseless(wanted, offered) });
    } else {
      order.steps.push({ ...source, url, clause: verdict.clause, kinds, why: verdict.why });
      asked.set(url, [...earlier, ...kinds]);
    }
  }
  order.uncovered = situation.kinds.filter((kind) => !order.steps.some((step) => step.kinds.includes(kind)));
  return order;
}

function whyUseless(wanted: Kind[], offered: Kind[]): string {
  return wanted.some((kind) => offered.includes(kind))
    ? "an earlier step asks the same address for the same"
    : `it delivers ${offered.join(", ") || "nothing"}, which is not needed`;
}
