import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { type Address, formatAddress, parseAddress } from "../core/order/address.ts";
import { canonicalName, isHostName } from "../core/order/hostNames.ts";
import { NearsourceError } from "../errors.ts";
import { createTimedCache, shareWork } from "./cache.ts";
import { interleaveAddresses, uniqueAddresses } from "./chain.ts";
import { type LookupContext, type LookupResult, lookupAddresses } from "./lookup.ts";
import {
  type DnsServer,
  namesToTry,
  parseHosts,
  parseNameservers,
  parseSearch,
  parseServer,
  SYSTEM_HOSTS_FILE,
  SYSTEM_RESOLV_CONF,
  systemServers,
  watchedFile,
} from "./systemConfig.ts";

export interface ResolverOptions {
  /** `address`, `address:port` or `[IPv6]:port`; default: those of the system, as they are at each question. */
  servers?: string[];
  /** Domains to look for a name in; default: those of resolv.conf. */
  search?: string[];
  /** Limit of the wait for one packet, in ms (default 2,000); a whole resolution has four times that. */
  timeout?: number;
  /** Default: the platform's. */
  hostsFile?: string;
  /** File of the servers and the search list; default: the platform's. */
  resolvConf?: string;
  /** A clock that only goes forward, in ms. */
  now?: () => number;
}

/** The addresses that a name leads to. */
export interface Resolution {
  /** One to four addresses, in the order to try them. */
  addresses: Address[];
  /** The DNS server that answered, `hosts`, or `literal`. */
  server: string;
  /** The full name that answered. */
  name: string;
  /** Time for which this holds, in ms. */
  ttl: number;
}

export interface Resolver {
  resolve(host: string, signal?: AbortSignal): Promise<Resolution>;
}

/**
 * The outcome of a resolution: an answer, or the answer that there is none. Failures are thrown, and not
 * kept.
 */
type Outcome = { resolution: Resolution } | { error: NearsourceError; ttl: number };

const SECOND = 1_000;
const LEAST_TTL = 5 * SECOND;
const GREATEST_TTL = 3_600 * SECOND;
const GREATEST_NEGATIVE_TTL = 300 * SECOND;
const SILENT_SERVER_LAST_FOR = 30 * SECOND;
const MAX_CACHED_NAMES = 1_000;

const LOOPBACK = ["::1", "127.0.0.1"].map(parseAddress);

/**
 * Makes a stub resolver (RFC 1034 §5.3.1) with a cache of its own. Its `resolve` throws a
 * NearsourceError with one of the DNS_ codes, or the signal's reason.
 *
 * @throws NearsourceError CONFIG_INVALID when one of `servers` is not an address
 */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const now = options.now ?? (() => performance.now());
  const cache = createTimedCache<Outcome>(MAX_CACHED_NAMES, now);
  const resolveLocally = createLocalResolver(options.hostsFile ?? SYSTEM_HOSTS_FILE);
  const resolveRemotely = createRemoteResolver(options, now);
  const resolveOnce = shareWork(async (host, signal) => {
    const outcome = await resolveRemotely(host, signal);
    cache.put(host, outcome, ttlOf(outcome));
    return outcome;
  });
  return {
    async resolve(text, signal) {
      signal?.throwIfAborted();
      const host = text.toLowerCase();
      const local = await resolveLocally(host);
      if (local !== undefined) return local;
      const cached = cache.get(host);
      if (cached === undefined) return unwrap(await resolveOnce(host, signal));
      return { ...unwrap(cached.value), ttl: cached.ttl };
    },
  };
}

/**
 * `resolver` in the shape of `dns.lookup`, for the `lookup` option of node:net and got's `dnsLookup`:
 * the connection goes to our addresses, while TLS still checks the name.
 */
export function toLookup(resolver: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    const done = ({ addresses }: Resolution) => {
      const found = addresses.filter((address) => isWanted(address, options.family)).map(toLookupAddress);
      const [first] = found;
      if (first === undefined) callback(noAddress(`"${hostname}" has no IPv${options.family} address`), "");
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    };
    resolver.resolve(hostname).then(done, (error) => callback(error, ""));
  };
}

function isWanted(address: Address, family: number | string | undefined): boolean {
  if (family === 4 || family === "IPv4") return address.family === 4;
  if (family === 6 || family === "IPv6") return address.family === 6;
  return true;
}

function toLookupAddress(address: Address): LookupAddress {
  return { address: formatAddress(address), family: address.family };
}

/** Answers names that need no DNS: addresses, localhost (RFC 6761 §6.3), and the names of the hosts file. */
function createLocalResolver(hostsFile: string): (host: string) => Promise<Resolution | undefined> {
  const hosts = watchedFile(hostsFile, parseHosts);
  return async (host) => {
    const literal = parseLiteral(host);
    if (literal !== undefined) return local(formatAddress(literal), [literal], "literal");
    if (!isHostName(host)) throw notFound(`"${host}" is not a host name`);
    const name = canonicalName(host);
    if (name === "localhost" || name.endsWith(".localhost")) return local(name, LOOPBACK, "literal");
    const listed = (await hosts()).get(name);
    return listed === undefined ? undefined : local(name, listed, "hosts");
  };
}

function parseLiteral(host: string): Address | undefined {
  try {
    return parseAddress(host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host);
  } catch {
    return undefined;
  }
}

/** A name that the hosts file sends to 0.0.0.0 is blocked: it must not be looked for elsewhere. */
function local(name: string, all: Address[], server: "literal" | "hosts"): Resolution {
  const addresses = interleaveAddresses(uniqueAddresses(all));
  const where = server === "hosts" ? ` in the hosts file for "${name}"` : "";
  if (addresses.length === 0)
    throw noAddress(`${all.map(formatAddress).join(", ")}${where} is no address to connect to`);
  return { addresses, server, name, ttl: server === "hosts" ? LEAST_TTL : GREATEST_TTL };
}

/** Answers from DNS: the names that `host` may stand for, one after the other. */
function createRemoteResolver(options: ResolverOptions, now: () => number) {
  const configured = options.servers?.map(parseServer);
  const resolvConf = options.resolvConf ?? SYSTEM_RESOLV_CONF;
  const systemSearch = watchedFile(resolvConf, parseSearch);
  const nameservers = watchedFile(resolvConf, parseNameservers);
  const timeout = options.timeout ?? 2 * SECOND;
  const order = createServerOrder(now);
  return async (host: string, signal: AbortSignal): Promise<Outcome> => {
    const deadline = now() + 4 * timeout;
    const search = options.search ?? (await systemSearch());
    const ofResolvConf = configured === undefined ? await nameservers() : [];
    const context: LookupContext = {
      servers: () => order.sort(configured ?? systemServers(ofResolvConf)),
      onSilent: order.onSilent,
      timeout,
      remaining: () => deadline - now(),
      signal,
    };
    return resolveNames(host, namesToTry(host, search), context);
  };
}

/** Servers that lately did not answer come last, each time that the order is asked for. */
function createServerOrder(now: () => number) {
  const silentUntil = new Map<string, number>();
  const isSilent = ({ label }: DnsServer) => (silentUntil.get(label) ?? 0) > now();
  return {
    onSilent: ({ label }: DnsServer) => silentUntil.set(label, now() + SILENT_SERVER_LAST_FOR),
    sort: (servers: DnsServer[]) => servers.toSorted((a, b) => Number(isSilent(a)) - Number(isSilent(b))),
  };
}

/**
 * The first of `names` that has addresses. Only word that a name has none leads to the next; after a
 * failure that would be a guess, and could end at another machine than the one that was meant.
 */
async function resolveNames(host: string, names: string[], context: LookupContext): Promise<Outcome> {
  const negative: LookupResult[] = [];
  for (const name of names) {
    const result = await lookupAddresses(name, context);
    if (result.end === "addresses") return { resolution: toResolution(name, result) };
    negative.push(result);
  }
  const ttl = Math.min(...negative.map((result) => clamp(result.ttl, GREATEST_NEGATIVE_TTL)));
  const said = `DNS server ${[...new Set(negative.map(({ server }) => server))].join(", ")}`;
  const exists = names.find((_, index) => negative[index]?.end === "none");
  if (exists !== undefined) return { error: noAddress(`${said} has no address for "${exists}"`), ttl };
  const tried = names.length > 1 ? `, tried as ${names.join(", ")}` : "";
  return { error: notFound(`${said} knows no name "${canonicalName(host)}"${tried}`), ttl };
}

/** While one family is unknown, the other's addresses hold for the shortest time, and are asked for again. */
function toResolution(name: string, { addresses, server, ttl, partial }: LookupResult): Resolution {
  return { addresses, server, name, ttl: partial ? LEAST_TTL : clamp(ttl, GREATEST_TTL) };
}

/**
 * Limits a TTL, so that no name is asked for at every turn or believed for ever; `seconds` is the server's
 * value.
 */
function clamp(seconds: number | undefined, greatest: number): number {
  return Math.min(Math.max((seconds ?? 0) * SECOND, LEAST_TTL), greatest);
}

function ttlOf(outcome: Outcome): number {
  return "error" in outcome ? outcome.ttl : outcome.resolution.ttl;
}

function unwrap(outcome: Outcome): Resolution {
  if ("error" in outcome) throw outcome.error;
  return outcome.resolution;
}

function notFound(message: string): NearsourceError {
  return new NearsourceError("DNS_NOT_FOUND", message, {
    hint: "check how the name is written, and the search list of this machine",
  });
}

function noAddress(message: string): NearsourceError {
  return new NearsourceError("DNS_NO_ADDRESS", message, {
    hint: "give the name an A or AAAA record, or use an address in its place",
  });
}
