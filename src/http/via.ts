/** The header in which an Update Agent says which one it is, beside each timestamp. Nobody has to believe it. */
export const AGENT_HEADER = "nearsource-agent";

/** The pseudonym in that header; undefined for anything else. */
export function parsePseudonym(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && /^nearsource-[0-9a-f]{16}$/.test(header) ? header : undefined;
}

/** Update Agents that a request may have come through; one more is refused. Longer chains only add waits. */
export const MAX_HOPS = 2;

/** The name of this agent in `Via` (RFC 9110 §7.6.3): a pseudonym, since an address may be many agents'. */
export function viaEntry(pseudonym: string): string {
  return `1.1 ${pseudonym}`;
}

/** The names that a request came through, first to last, from its `Via`. */
export function parseVia(header: string | undefined): string[] {
  if (header === undefined) return [];
  // A comment in a comment stays in part, which names nobody. A match never reaches past a bracket.
  const entries = header.replaceAll(/\([^()]*\)/g, "").split(",");
  return entries.map((each) => each.trim().split(/[ \t]+/)[1] ?? "").filter((each) => each !== "");
}

/**
 * The reason not to answer a request that came through these; undefined if there is none. A loop must be
 * refused, not answered from the copy held: two Update Agents that each believe the other to be current would
 * never ask anybody else.
 */
export function refusedHops(via: string[], self: string): "loop" | "too many" | undefined {
  if (via.includes(self)) return "loop";
  return via.length > MAX_HOPS ? "too many" : undefined;
}
