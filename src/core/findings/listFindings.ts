import { type Fault, findFaults, placeOf } from "../document.ts";
import { MAX_ENTRIES, parseSourceList, parseSourceUrl, sourceListSchema } from "../order/sourceList.ts";
import { findingAt, reviewFields, reviewSourceList } from "../order/sourceListReview.ts";
import { hostOfUrl } from "../order/url.ts";
import { type Finding, findingOf, sortFindings } from "./findingCodes.ts";

/** Faults and oddities of a list as it was written, by itself. */
export function listFindings(written: unknown): Finding[] {
  const faults = findFaults(sourceListSchema, written).map((fault) => asError(fault, written));
  const odd = reviewFields(written);
  if (faults.length > 0) return sortFindings([...faults, ...odd]);
  return sortFindings([...odd, ...reviewSourceList(parseSourceList(written))]);
}

function asError({ path, error }: Fault, written: unknown): Finding {
  const message = error.message.replace(`${placeOf(path)}: `, "").replace(`${placeOf(path)} `, "");
  const { entries } = (written ?? {}) as { entries?: unknown };
  const isTooLong = Array.isArray(entries) && entries.length > MAX_ENTRIES;
  const code = path.length === 1 && path[0] === "entries" && isTooLong ? "TOO_MANY_ENTRIES" : "FIELD_INVALID";
  return findingAt(code, path, () => message);
}

/** Whether a list with these findings is refused. */
export function hasError(findings: readonly Finding[]): boolean {
  return findings.some(({ level }) => level === "error");
}

/** The host names of a list's entries, as it was written, each with the first entry that has it. Addresses are none. */
export function hostsOf(written: unknown): Map<string, number> {
  const { entries } = (written ?? {}) as { entries?: unknown };
  const hosts = new Map<string, number>();
  for (const [index, entry] of (Array.isArray(entries) ? entries.slice(0, MAX_ENTRIES) : []).entries()) {
    const host = hostOf((entry as { url?: unknown } | null)?.url);
    if (host !== undefined && !/^[\d.]+$|:/.test(host)) hosts.getOrInsert(host, index);
  }
  return hosts;
}

/** The host of a URL; undefined for a value that is none, which is an error elsewhere. */
function hostOf(url: unknown): string | undefined {
  try {
    return typeof url === "string" ? hostOfUrl(parseSourceUrl(url)) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Findings of the hosts that have no address.
 *
 * @param addresses of those that are names of agents
 */
export function unresolvedFindings(
  hosts: ReadonlyMap<string, number>,
  unresolved: readonly string[],
  addresses: ReadonlyMap<string, string> = new Map(),
): Finding[] {
  return unresolved.map((host) => {
    const entry = hosts.get(host) ?? null;
    const found = findingOf("HOST_UNRESOLVED", `${host} has no address in DNS`, { entry, field: "url" });
    const address = addresses.get(host);
    if (address === undefined) return found;
    const written = address.includes(":") ? `[${address}]` : address;
    return {
      ...found,
      remedy: `write its address ${written} in place of the name, or enter the name in DNS`,
    };
  });
}
