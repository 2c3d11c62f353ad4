import type { Address } from "../core/order/address.ts";
import { canonicalName, isHostName } from "../core/order/hostNames.ts";
import { type AddressType, type DnsAnswer, DnsAnswerError } from "./answer.ts";

/** The names an answer's aliases lead through, the asked one first, and the least TTL on the way (s). */
export interface Chain {
  names: string[];
  ttl: number;
}

/** The result of one answer: the chain as it is now, and the state of its end. */
export interface ChainStep {
  chain: Chain;
  /** `unfinished`: an alias whose end this server did not look up; the end is to be asked for. */
  end: "addresses" | "none" | "no such name" | "unfinished";
  addresses: Address[];
}

/** More links than this are a mistake or an attack. */
const MAX_LINKS = 8;

const UNSPECIFIED = new Set(["0".repeat(8), "0".repeat(32)]);

/** The chain before the first answer. */
export function startChain(name: string): Chain {
  return { names: [canonicalName(name)], ttl: Number.POSITIVE_INFINITY };
}

/**
 * Follows the aliases in `answer` from the end of `chain` (RFC 1034 §3.6.2), in any order. Records of names
 * outside of the chain do not count.
 *
 * @throws DnsAnswerError when the aliases go in a circle, are too many, or lead to no host name
 */
export function followChain(answer: DnsAnswer, type: AddressType, chain: Chain): ChainStep {
  const extended = extendChain(answer, chain);
  const owners = new Set(extended.names);
  const found = answer.records.flatMap((record) =>
    record.type === type && owners.has(record.owner) ? [record] : [],
  );
  const ttl = Math.min(extended.ttl, ...found.map((record) => record.ttl));
  const addresses = uniqueAddresses(found.map((record) => record.address));
  const step = { chain: { names: extended.names, ttl }, addresses };
  // RFC 6604 §3: the rcode is about the end of the chain.
  if (answer.rcode === "NXDOMAIN") return { ...step, end: "no such name", addresses: [] };
  if (found.length > 0) return { ...step, end: addresses.length > 0 ? "addresses" : "none" };
  // RFC 2308 §2.2: with an SOA record the server speaks of the end; without, it went no further.
  const wentFurther = extended.names.length > chain.names.length && answer.negativeTtl === undefined;
  return { ...step, end: wentFurther ? "unfinished" : "none" };
}

/**
 * The addresses to try, at most four (a name with a hundred is no reason for a hundred attempts):
 * IPv6 and IPv4 in turn, so that one dead family costs one attempt at a time (RFC 8305 §4).
 */
export function interleaveAddresses(addresses: Address[]): Address[] {
  const six = addresses.filter(({ family }) => family === 6);
  const four = addresses.filter(({ family }) => family === 4);
  const longest = Math.max(six.length, four.length);
  const inTurn = Array.from({ length: longest }, (_, index) => [six[index], four[index]]).flat();
  return inTurn.filter((address) => address !== undefined).slice(0, 4);
}

/** Different addresses, without 0.0.0.0 and ::, at which no source can live. */
export function uniqueAddresses(addresses: Address[]): Address[] {
  const usable = addresses.filter(({ hex }) => !UNSPECIFIED.has(hex));
  return [...new Map(usable.map((address) => [address.hex, address])).values()];
}

function extendChain(answer: DnsAnswer, chain: Chain): Chain {
  const links = answer.records.filter((record) => record.type === "CNAME");
  const names = [...chain.names];
  let ttl = chain.ttl;
  for (;;) {
    const link = links.find(({ owner }) => owner === names.at(-1));
    if (link === undefined) return { names, ttl };
    checkLink(names, link.target);
    names.push(link.target);
    ttl = Math.min(ttl, link.ttl);
  }
}

function checkLink(names: string[], target: string): void {
  if (names.includes(target))
    throw new DnsAnswerError(`its aliases go in a circle: ${[...names, target].join(" to ")}`);
  if (names.length > MAX_LINKS) throw new DnsAnswerError(`it has more than ${MAX_LINKS} aliases in a row`);
  if (!isHostName(target)) throw new DnsAnswerError(`its alias ${JSON.stringify(target)} is not a host name`);
}
