import { OPERATIONS } from "./operations.ts";

const ROLES = ["viewer", "operator", "administrator"] as const;
export type Role = (typeof ROLES)[number];
export type Operation = keyof typeof OPERATIONS;

/** Whether somebody of a role may call an operation: buttons that would be refused are not shown. */
export function may(role: Role | undefined, operation: Operation): boolean {
  const least: string = OPERATIONS[operation];
  if (least === "public") return true;
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(least as Role) && isRole(least);
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}
