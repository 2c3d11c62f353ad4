import type { ProblemCode } from "./problem.ts";

/** Roles of people: to see, to see and act on what is there, to do everything. */
export const ROLES = ["viewer", "operator", "administrator"] as const;
export type Role = (typeof ROLES)[number];

/** Parts of the settings that may be kept elsewhere, as in a repository of one's own. */
export const AREAS = ["source-list", "policies"] as const;
export type Area = (typeof AREAS)[number];

/** Callers that a route is open to: everybody, the holder of the unused set-up link, one agent, or people of a role and above. */
export type Allow = "public" | "set-up" | "agent" | Role;

/** Caller of a request, as the head of the request shows it. */
export type Caller =
  | { kind: "nobody" }
  /** `lacksFactor`: the role needs a second factor, and there is none. */
  | { kind: "user"; id: string; name: string; role: Role; session: string; lacksFactor: boolean }
  /** `scope` has the operations and areas that it is for; null for all that its role may. */
  | { kind: "token"; id: string; name: string; role: Role; scope: readonly string[] | null }
  /** It is to fetch another secret. */
  | { kind: "agent"; id: string; domain: string; rotates: boolean }
  /** This program itself, which asks nobody: no request comes from it. */
  | { kind: "server" };

export interface Claim {
  allow: Allow;
  caller: Caller;
  /** Whether there is an administrator. */
  isSetUp: boolean;
  /** The agent that the path names, for what only that agent may. */
  agentId?: string | undefined;
  /** Names by which a token's scope may have the operation. */
  names: readonly string[];
}

/** Whether an operation is of one's own session, in which a second factor is begun. */
function isOfSession(names: readonly string[]): boolean {
  return names.length === 0 || names.includes("session");
}

/** Whether what a token is for lets it call an operation of these names; one without is for every token. */
function isInScope(scope: readonly string[] | null, names: readonly string[]): boolean {
  return scope === null || names.length === 0 || names.some((name) => scope.includes(name));
}

/** Reason for which a call is refused; undefined when it is allowed. */
export function refusalOf({ allow, caller, isSetUp, agentId, names }: Claim): ProblemCode | undefined {
  // Once there is an administrator, the set-up is nothing that there is; before, all else is not.
  if (allow === "set-up") return isSetUp ? "NOT_FOUND" : undefined;
  if (!isSetUp) return "NOT_SET_UP";
  if (allow === "public") return undefined;
  if (allow === "agent") {
    if (caller.kind !== "agent") return "NOT_SIGNED_IN";
    return caller.id === agentId ? undefined : "NOT_ALLOWED";
  }
  if (caller.kind !== "user" && caller.kind !== "token") return "NOT_SIGNED_IN";
  if (caller.kind === "user" && caller.lacksFactor && !isOfSession(names)) return "SECOND_FACTOR_MISSING";
  if (ROLES.indexOf(caller.role) < ROLES.indexOf(allow)) return "NOT_ALLOWED";
  return caller.kind === "user" || isInScope(caller.scope, names) ? undefined : "SCOPE_TOO_NARROW";
}
