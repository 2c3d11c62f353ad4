import { Problem } from "../../api/problem.ts";
import { ROLES, type Role } from "../../api/roles.ts";
import type { By } from "../auditTrail.ts";

/**
 * Refuses to have a program make, change or delete an administrator, or a token of one: whoever has stolen its token would
 * keep what it can do when the token is taken back.
 *
 * @param role of whom is made or changed
 * @throws Problem NOT_ALLOWED
 */
export function refuseAdministrators({ caller }: Pick<By, "caller">, role: Role): void {
  if (caller.kind === "user" || role !== "administrator") return;
  throw new Problem(
    "NOT_ALLOWED",
    "administrators, and tokens of theirs, are made, changed and deleted by a person: sign in for that",
  );
}

/**
 * Refuses to let somebody in with more than the caller has: a token with a scope may not all that its role may.
 *
 * @param role that somebody gets
 * @throws Problem NOT_ALLOWED, REFUSED
 */
export function refuseMoreThanOwn({ caller }: Pick<By, "caller">, role: Role): void {
  refuseAdministrators({ caller }, role);
  if (caller.kind !== "user" && caller.kind !== "token") throw new Problem("NOT_ALLOWED");
  if (ROLES.indexOf(role) > ROLES.indexOf(caller.role))
    throw new Problem("NOT_ALLOWED", `nobody gives more than their own role, ${caller.role}`);
  if (caller.kind === "user" || caller.scope === null) return;
  if (role === "viewer" && caller.scope.includes("read")) return;
  throw new Problem(
    "REFUSED",
    `a token with a scope lets nobody in with more than it may itself: ${role}s need ${
      role === "viewer" ? "read in its scope" : "a person, or a token without a scope"
    }`,
  );
}
