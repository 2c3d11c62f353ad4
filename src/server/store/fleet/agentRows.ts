import type { Selectable } from "kysely";
import type { AgentPath } from "../../../core/fleet/reports/agentPaths.ts";
import type { OwnUrls } from "../../../core/fleet/reports/ownUrls.ts";
import type { Tables } from "../tables.ts";

/** The URLs of a row: hardly any agent has some. */
export function urlsOf(text: string | null): string[] {
  if (text === null) return [];
  const { said, found } = JSON.parse(text) as OwnUrls;
  return [...new Set([...said, ...found])];
}

/** Names of hosts or domains in a row: most agents have none of some sort, and say so in as many words. */
export function namesIn(text: string | null): string[] {
  return text === null || text === "[]" ? [] : (JSON.parse(text) as string[]);
}

/** The ways to sources of a row. */
export function pathsIn(text: string | null): AgentPath[] {
  return text === null ? [] : (JSON.parse(text) as AgentPath[]);
}

/** Columns of an agent's names and addresses. */
export const PLACE_COLUMNS = ["addresses", "dns_suffixes", "host_names", "own_urls"] as const;

type PlaceRow = Pick<Selectable<Tables["agents"]>, (typeof PLACE_COLUMNS)[number]>;

/** Names and addresses of a row. */
export function placeIn({ addresses, dns_suffixes, host_names, own_urls }: PlaceRow) {
  return {
    addresses: JSON.parse(addresses) as string[],
    dnsSuffixes: namesIn(dns_suffixes),
    hostNames: namesIn(host_names),
    urls: urlsOf(own_urls),
  };
}
