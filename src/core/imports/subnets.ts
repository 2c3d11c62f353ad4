import { type AddressRange, parseRange } from "../order/address.ts";
import type { Row, Rows } from "./rows.ts";

/** A subnet as another system has it, with what decides where its machines go. */
export interface Subnet {
  /** A CIDR prefix, as it was written. */
  text: string;
  range: AddressRange;
  /** Names of its site; the first is shown to people. */
  sites: string[];
  tags: string[];
}

/** Subnets that were read, and remarks on those that were left out. */
export interface Subnets {
  subnets: Subnet[];
  remarks: string[];
}

/** Whether a table is an export of `Get-ADReplicationSubnet`. */
export function isAdExport({ columns }: Rows): boolean {
  return columns.includes("name") && columns.includes("site") && !columns.includes("prefix");
}

/** Whether a table is NetBox's export of prefixes. */
export function isNetboxTable({ columns }: Rows): boolean {
  return (
    columns.includes("prefix") &&
    (columns.includes("site") || columns.includes("scope") || columns.includes("tags"))
  );
}

/** Subnets of Active Directory: the site is a distinguished name (RFC 4514), or its common name. */
export function readAdSubnets({ rows }: Rows): Subnets {
  return gather(rows, ({ cells }) => ({
    text: cells.name ?? "",
    sites: [commonName(cells.site ?? "")].filter((name) => name !== ""),
    tags: [],
  }));
}

/** `CN=Berlin\, Mitte,CN=Sites,…` is `Berlin, Mitte`. */
function commonName(site: string): string {
  const [, name] = /^CN=((?:\\.|[^,\\])*)/i.exec(site) ?? [];
  return (name?.replaceAll(/\\(.)/g, "$1") ?? site).trim();
}

/** States of prefixes in which no machine is meant to be. */
const UNUSED = ["reserved", "deprecated"];

/** NetBox's export as a table. From 4.2 on a prefix has a scope, which is a site where its type says so. */
export function readNetboxTable({ rows }: Rows): Subnets {
  return gather(rows, ({ cells }) => {
    const { prefix = "", site = "", scope = "", tags = "", status = "" } = cells;
    const type = cells["scope type"] ?? "";
    const place = site !== "" ? site : type === "" || /site/i.test(type) ? scope : "";
    return {
      text: prefix,
      sites: place === "" ? [] : [place],
      tags: tags
        .split(",")
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ""),
      unused: UNUSED.includes(status.toLowerCase()) ? status.toLowerCase() : undefined,
    };
  });
}

/** Whether a value is an answer of NetBox's `/api/ipam/prefixes/`, or the list in it. */
export function isNetboxAnswer(value: unknown): boolean {
  const [first] = resultsOf(value);
  return typeof first === "object" && first !== null && "prefix" in first;
}

/** An answer of NetBox's `/api/ipam/prefixes/`. */
export function readNetboxAnswer(value: unknown): Subnets {
  const results = resultsOf(value);
  const rows = results.map((result, index) => ({ line: index + 1, result: (result ?? {}) as NetboxPrefix }));
  const { subnets, remarks } = gather(
    rows,
    ({ result }) => {
      const { prefix, status, site, scope, scope_type: type, tags } = result;
      const place =
        site ?? (type === undefined || type === null || /site/i.test(String(type)) ? scope : undefined);
      const state = String((status as { value?: unknown })?.value ?? status ?? "").toLowerCase();
      return {
        text: String(prefix ?? ""),
        sites: namesOf(place),
        tags: Array.isArray(tags) ? tags.flatMap(namesOf) : [],
        unused: UNUSED.includes(state) ? state : undefined,
      };
    },
    "prefix",
  );
  const { next, count } = (value ?? {}) as { next?: unknown; count?: unknown };
  const isPart = typeof next === "string";
  const more = `it has ${results.length} of ${count} prefixes: ask NetBox for all of them, with ?limit=0`;
  return { subnets, remarks: [...(isPart ? [more] : []), ...remarks] };
}

type NetboxPrefix = Partial<Record<"prefix" | "status" | "site" | "scope" | "scope_type" | "tags", unknown>>;

function resultsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  const { results } = (value ?? {}) as { results?: unknown };
  return Array.isArray(results) ? results : [];
}

/** The names of a nested object: it is shown by the first. */
function namesOf(nested: unknown): string[] {
  if (typeof nested === "string") return nested === "" ? [] : [nested];
  const { name, display, slug } = (nested ?? {}) as Record<string, unknown>;
  const names = [name, display, slug].filter(
    (each): each is string => typeof each === "string" && each !== "",
  );
  return [...new Set(names)];
}

type Read = Omit<Subnet, "range"> & { unused?: string | undefined };

/** Subnets of rows: one that is none, is not used, has neither site nor tag, or stands there twice is left out, and said. */
function gather<Each extends Pick<Row, "line">>(
  rows: Each[],
  read: (row: Each) => Read,
  unit = "line",
): Subnets {
  const subnets = new Map<string, Subnet>();
  const remarks: string[] = [];
  for (const row of rows) {
    const { unused, ...subnet } = read(row);
    const leaveOut = (reason: string) => remarks.push(`${unit} ${row.line} is left out: ${reason}`);
    const { range, fault } = rangeOf(subnet.text);
    if (range === undefined) leaveOut(fault);
    else if (unused !== undefined) leaveOut(`${subnet.text} is ${unused}`);
    else if (subnet.sites.length + subnet.tags.length === 0) leaveOut(`${subnet.text} has no site`);
    else {
      const key = `${range.first}-${range.last}`;
      const twin = subnets.get(key);
      if (twin === undefined) subnets.set(key, { ...subnet, range });
      else leaveOut(`${subnet.text} is there already, of ${twin.sites[0] ?? twin.tags[0]}`);
    }
  }
  return { subnets: [...subnets.values()], remarks };
}

function rangeOf(
  text: string,
): { range: AddressRange; fault?: undefined } | { range?: undefined; fault: string } {
  try {
    return { range: parseRange(text) };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}
