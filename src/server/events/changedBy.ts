import type { AnyRoute } from "../api/route.ts";
import type { Resources } from "./changeFeed.ts";

/** Resources that no operation of a person changes, or that change without one. */
const OF_THEMSELVES = ["publication", "expiries", "traffic", "uncovered", "audit"] as const;

/**
 * Resources that an operation changes beside the one that its path begins with, by what it is called in the audit
 * log. Entries that no route writes stand here too.
 */
export const ALSO: Record<string, readonly string[]> = {
  enrolAgent: ["agents"],
  enrolAgentAgain: ["agents"],
  enrolClone: ["agents"],
  createEnrolmentToken: ["expiries"],
  deleteEnrolmentToken: ["expiries"],
  createApiToken: ["expiries"],
  deleteApiToken: ["expiries"],
  grantUpdateAgent: ["update-agents"],
  takeUpdateAgent: ["update-agents"],
  deleteAgent: ["update-agents"],
  createPolicy: ["domains", "update-agents"],
  changePolicy: ["domains", "update-agents"],
  deletePolicy: ["domains", "update-agents"],
  saveSourceList: ["uncovered"],
  restoreSourceList: ["uncovered"],
  acceptSuggestion: ["source-list", "uncovered", "update-agents"],
  seeReleases: ["releases"],
  proposeRollout: ["proposals"],
  approveProposal: ["releases", "policies", "domains", "update-agents"],
  setUp: ["users"],
  setPassword: ["users", "sessions"],
};

/**
 * Resources are what the paths of the API begin with; each operation changes the one of its own path, so that
 * no route has to say so.
 */
export function resourcesOf(routes: readonly AnyRoute[]): Resources {
  const readable = routes.filter(({ method, streams }) => method === "GET" && streams !== true);
  const names = new Set<string>([...readable.map(firstOf), ...OF_THEMSELVES]);
  const byOperation = new Map<string, Set<string>>();
  for (const each of routes.filter(({ audit }) => audit !== "none")) {
    const changed = byOperation.getOrInsert(each.audit, new Set(["audit"]));
    for (const one of [firstOf(each), ...(ALSO[each.audit] ?? [])]) if (names.has(one)) changed.add(one);
  }
  for (const [operation, also] of Object.entries(ALSO)) {
    byOperation.getOrInsert(operation, new Set(["audit", ...also]));
  }
  const changedBy = (word: string) => (names.has(word) ? [word] : [...(byOperation.get(word) ?? [])]);
  return { names: [...names].toSorted(), changedBy };
}

function firstOf({ path }: AnyRoute): string {
  return path.split("/")[1] ?? "";
}
