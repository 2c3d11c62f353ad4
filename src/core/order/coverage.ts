import type { Kind } from "../content/kind.ts";
import { customized, fallback, listApplies, type Situation, serverConfigured } from "./conditions.ts";
import { isForAgent } from "./entryMatch.ts";
import { judge, type UpdateOrder } from "./plan.ts";
import type { SourceListEntry } from "./sourceList.ts";

/** Needed kinds that no step of the order can deliver, wherever this agent is: a fact, not a failure. */
export interface Uncovered {
  kinds: Kind[];
  /** Remarks for people on the reason and the remedy: one for all kinds of which the same is true. */
  remarks: string[];
}

/**
 * The kinds that no run can get as things are set up. A kind that an entry for other addresses delivers
 * is none of them: this machine may move, or has no address yet.
 *
 * @param fromServer the settings come from the server before the order is walked
 */
export function uncoveredKinds(
  situation: Situation,
  { uncovered }: Pick<UpdateOrder, "uncovered">,
  fromServer: boolean,
): Uncovered {
  const walked = walkedEntries(situation);
  const isNear = (entry: SourceListEntry) => isForAgent(entry, situation);
  const elsewhere = walked.filter((entry) => !isNear(entry));
  const kinds = uncovered
    .filter((kind) => !(kind === "settings" && fromServer))
    .filter((kind) => !elsewhere.some((entry) => entry.kinds.includes(kind)));
  const byReason = Map.groupBy(kinds, (kind) => reasonFor(kind, situation, walked.map(isNear)));
  const remarks = [...byReason].map(([reason, of]) => {
    return `no source delivers ${of.join(", ")}: ${reason}; what is not needed, leave out of the configuration's "kinds"`;
  });
  return { kinds, remarks };
}

/** The entries that the order looks at: none where the list is not walked. */
function walkedEntries(situation: Situation): SourceListEntry[] {
  const isWalked = listApplies.holds(situation) && customized.holds(situation);
  return isWalked ? situation.list.entries : [];
}

/** Entries that are named one by one; of more, the rest is counted. */
const NAMED = 3;

function reasonFor(kind: Kind, situation: Situation, near: boolean[]): string {
  const { list, policy, server, activeUpdate } = situation;
  if (list.entries.length === 0 && server === undefined && activeUpdate === undefined) {
    return 'there is no source at all: the configuration needs "server", "sourceList" or "activeUpdate"';
  }
  const entries = list.entries.flatMap(({ kinds }, index) => {
    if (near[index] !== true) return [];
    const own = kinds.includes(kind)
      ? "is this agent itself"
      : `declares only ${kinds.join(", ")}: add kinds`;
    return [`entries[${index}] ${own}`];
  });
  const more = entries.length - NAMED;
  return [
    ...entries.slice(0, NAMED),
    ...(more > 0 ? [`${more} more entries are like that`] : []),
    // A server that is asked for everything leaves no kind uncovered.
    judge("2", [serverConfigured, fallback], situation).reason ??
      'the server is not asked for it: add it to "serverFallback.kinds"',
    ...(activeUpdate !== undefined && !policy.activeUpdateKinds.includes(kind)
      ? [`ActiveUpdate is asked only for ${policy.activeUpdateKinds.join(", ")}`]
      : []),
  ].join("; ");
}
