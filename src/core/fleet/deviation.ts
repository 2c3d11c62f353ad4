import { failureInWords } from "../order/failureWords.ts";
import type { Rule, Step, UpdateOrder } from "../order/plan.ts";
import { hasFailed } from "../report.ts";
import { wentBy } from "./reports/agentAfter.ts";

/** An attempt as an agent reported it, as far as it is compared. */
export interface HappenedAttempt {
  rule: Rule;
  clause?: string | undefined;
  name?: string | undefined;
  url: string;
  outcome: string;
  code?: string | undefined;
  message?: string | undefined;
}

export interface Deviation {
  /** It did not go where it should have gone first. */
  deviates: boolean;
  /** Planned and happened, in one sentence for people. */
  sentence: string;
}

/**
 * Difference between the order that was computed and the attempts that were made.
 *
 * @param nameOf how a source is called
 * @param since when it began to differ (ms), where that is known
 * @param lists versions of the source list that the run went by, null where that is not known, and in force
 */
export function deviationOf(
  { steps }: UpdateOrder,
  happened: readonly HappenedAttempt[] | null,
  nameOf: (source: Pick<Step, "rule" | "name" | "url">) => string,
  since: number | null = null,
  lists: { wentBy: number | null; inForce: number } = { wentBy: null, inForce: 0 },
): Deviation {
  const [first] = steps;
  const plan =
    first === undefined ? "no source is open to it" : `${nameOf(first)} is first by clause ${first.clause}`;
  if (happened === null || happened.length === 0) {
    const yet = happened === null ? "it has not reported yet" : "its last run asked nobody";
    return { deviates: false, sentence: `${plan}; ${yet}` };
  }
  if (!wentBy(lists.wentBy, lists.inForce)) {
    const had = lists.wentBy === 0 ? "no list yet" : `list version ${lists.wentBy} still`;
    return { deviates: false, sentence: `${plan}; its last run had ${had}, ${lists.inForce} is in force` };
  }
  const failures = happened.filter(hasFailed);
  const why = failures.map((each) => `${nameOf(each)} ${failureInWords(each.code)}`).join(", ");
  const [used, ...later] = happened.filter(({ outcome }) => outcome !== "failed");
  const from = since === null ? "" : ` since ${momentInWords(since)}`;
  if (used === undefined)
    return { deviates: true, sentence: `${plan}; nothing was delivered${from}: ${why}` };
  const then = later.length === 0 ? "" : `, then ${later.map(nameOf).join(", ")} for the rest`;
  const isFirst = first !== undefined && nameOf(used) === nameOf(first);
  if (isFirst && why === "") return { deviates: false, sentence: `${plan}, and was used${then}` };
  const by = used.clause === undefined ? "" : ` by clause ${used.clause}`;
  const reasons = why === "" ? "" : `: ${why}`;
  const lasting = isFirst ? "" : from;
  return {
    deviates: !isFirst,
    sentence: `${plan}; ${nameOf(used)} was used${by}${then}${lasting}${reasons}`,
  };
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** A time (ms) for people: `Tuesday 2026-11-24 14:05 UTC`. */
export function momentInWords(time: number): string {
  const date = new Date(time);
  const [day, clock] = date.toISOString().split("T");
  return `${DAYS[date.getUTCDay()]} ${day} ${clock?.slice(0, 5)} UTC`;
}
