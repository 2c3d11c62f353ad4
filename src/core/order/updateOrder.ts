import {
  afterServer,
  customized,
  documentedRule,
  fallback,
  firstEntry,
  inDomain,
  inRange,
  listApplies,
  notExcepted,
  notSelf,
  onlyFromServer,
  privilege,
  type Situation,
  standard,
  unlisted,
} from "./conditions.ts";
import { activeUpdate, entries, plan, server, type UpdateOrder } from "./plan.ts";

/**
 * The update order, in the clauses of docs/update-order.md (docs/design.md §2): which sources an agent
 * tries, one after the other, and why. A clause puts its source there where all its conditions hold. Pure:
 * equal situations give equal plans, and how a source fails never changes the plan.
 */
export function updateOrder(situation: Situation): UpdateOrder {
  const custom = entries(["1", listApplies, customized], [inRange, notExcepted, inDomain, notSelf]);

  // An Update Agent, where these update only from the server.
  if (onlyFromServer.holds(situation)) {
    const last = activeUpdate(["UA.2a", privilege], ["UA.2b", firstEntry]);
    return plan(situation, [custom, server(["UA.1", onlyFromServer]), last]);
  }

  // The standard source.
  if (standard.holds(situation)) {
    const last = activeUpdate(["S.2", privilege]);
    return plan(situation, [custom, server(["S.1", standard]), last]);
  }

  // A customized source list; 4: at the end of the plan the run ends, cleanly.
  const last = fallback.holds(situation)
    ? activeUpdate(["2+", afterServer, privilege])
    : activeUpdate(["3a", privilege], ["3b", documentedRule, unlisted]);
  return plan(situation, [custom, server(["2", fallback], situation.list.serverFallback.kinds), last]);
}
