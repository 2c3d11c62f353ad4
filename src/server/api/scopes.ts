import type { AnyRoute } from "./route.ts";

/**
 * Words by which a token's scope names an operation: its own name, its area (the first word of its path, unless it says
 * another), and `read` where it changes nothing. None for one that every token may call.
 */
export function scopesOf({ scope, operation, path, method }: AnyRoute): string[] {
  if (scope === "any") return [];
  return [operation, scope ?? path.split("/")[1] ?? "", ...(method === "GET" ? ["read"] : [])];
}
