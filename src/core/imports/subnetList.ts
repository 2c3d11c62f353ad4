import { KINDS } from "../content/kind.ts";
import { type AddressRange, formatAddress } from "../order/address.ts";
import { addressesOf } from "../order/entryMatch.ts";
import { MAX_EXCEPTIONS } from "../order/sourceList.ts";
import type { Imported } from "./importApex.ts";
import type { SiteTarget } from "./siteMap.ts";
import type { Subnet, Subnets } from "./subnets.ts";

/** Subnets of one site that are named; of more, the rest is counted. */
const NAMED = 3;

type Placed = Subnet & { targets: SiteTarget[] };

/**
 * A source list of subnets. Where these come from the most specific one counts, in a list the first: so the most
 * specific comes first. A subnet of a site that goes nowhere is taken out of those around it, whose Update Agents
 * are not meant for it.
 */
export function listOfSubnets({ subnets, remarks }: Subnets, map: readonly SiteTarget[]): Imported {
  const placed = subnets.map((subnet): Placed => ({ ...subnet, targets: targetsOf(subnet, map) }));
  const sorted = placed.toSorted((one, other) => bySize(one.range, other.range));
  const unmapped = sorted.filter(({ targets }) => targets.length === 0);
  const entries = sorted.flatMap((subnet) => entriesOf(subnet, unmapped));
  return {
    list: { mode: "customized", entries, serverFallback: { enabled: true, kinds: [...KINDS] } },
    remarks: [...remarks, ...remarksOnSites(unmapped), ...remarksOnRows(map, placed)],
  };
}

/** The rows of its site; else those of its first tag that has some; else those of `*`. */
function targetsOf({ sites, tags }: Subnet, map: readonly SiteTarget[]): SiteTarget[] {
  const names = sites.map((name) => name.toLowerCase());
  const ofSite = map.filter(({ site }) => site !== undefined && names.includes(site));
  if (ofSite.length > 0) return ofSite;
  for (const tag of tags) {
    const ofTag = map.filter((row) => row.tag === tag.toLowerCase());
    if (ofTag.length > 0) return ofTag;
  }
  return map.filter(({ site }) => site === "*");
}

function bySize(one: AddressRange, other: AddressRange): number {
  if (one.family !== other.family) return one.family - other.family;
  const [size, otherSize] = [sizeOf(one), sizeOf(other)];
  if (size !== otherSize) return size < otherSize ? -1 : 1;
  return one.first < other.first ? -1 : 1;
}

function sizeOf({ first, last }: AddressRange): bigint {
  return BigInt(`0x${last}`) - BigInt(`0x${first}`);
}

function entriesOf({ text, range, targets }: Placed, unmapped: Placed[]): Imported["list"]["entries"] {
  if (targets.length === 0) return [];
  const inside = unmapped.filter((each) => isWithin(each.range, range));
  // Of those within each other, the outermost.
  const outermost = inside.filter(
    ({ range: own }) => !inside.some((each) => each.range !== own && isWithin(own, each.range)),
  );
  return targets.flatMap(({ name, url, kinds, dnsSuffix }) => {
    const rest = {
      ...(dnsSuffix !== undefined && { dnsSuffix }),
      ...(name !== undefined && { name }),
      url,
      kinds,
    };
    if (outermost.length === 0) return [{ range: text, ...rest }];
    if (outermost.length <= MAX_EXCEPTIONS)
      return [{ range: text, except: outermost.map((each) => each.text), ...rest }];
    const except = outermost.map((each) => ({ range: each.range, rangeText: each.text }));
    const pieces = addressesOf({ range, rangeText: text, except, url, kinds });
    return pieces.map((piece) => ({ range: textOf(piece), ...rest }));
  });
}

function isWithin(inner: AddressRange, outer: AddressRange): boolean {
  return inner.family === outer.family && outer.first <= inner.first && inner.last <= outer.last;
}

function textOf({ family, first, last }: AddressRange): string {
  const [from, to] = [first, last].map((hex) => formatAddress({ family, hex }));
  return from === to ? `${from}` : `${from}-${to}`;
}

function remarksOnSites(unmapped: Placed[]): string[] {
  const bySite = Map.groupBy(unmapped, ({ sites, tags }) =>
    sites[0] === undefined ? `the tag ${tags[0]}` : `the site ${sites[0]}`,
  );
  return [...bySite].map(([site, subnets]) => {
    const named = subnets.slice(0, NAMED).map(({ text }) => text);
    const more = subnets.length - named.length;
    const all = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    return `${site} has no row in the map: agents in ${all} go to the server`;
  });
}

function remarksOnRows(map: readonly SiteTarget[], placed: Placed[]): string[] {
  const used = new Set(placed.flatMap(({ targets }) => targets));
  const idle = map.filter((row) => !used.has(row));
  return idle.map(({ line, site, tag }) => {
    const what = site === undefined ? `the tag ${tag}` : `the site ${site}`;
    return `line ${line} of the map has no effect: no subnet is of ${what}`;
  });
}
