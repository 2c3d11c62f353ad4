import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../core/order/address.ts";
import { NearsourceError } from "../errors.ts";
import { type AddressType, type DnsAnswer, DnsAnswerError } from "./answer.ts";
import { type Chain, type ChainStep, followChain, interleaveAddresses, startChain } from "./chain.ts";
import { queryServer, type Reply } from "./query.ts";
import type { DnsServer } from "./systemConfig.ts";

/** The means and the time limit of a lookup. */
export interface LookupContext {
  /** The servers in the order to ask them, as it is now. */
  servers: () => DnsServer[];
  /** Called with a server that did not answer in time. */
  onSilent: (server: DnsServer) => void;
  /** Limit of the wait for one packet, in ms. */
  timeout: number;
  /** Remaining time of the whole lookup, in ms. */
  remaining: () => number;
  signal: AbortSignal;
}

/** One server's result for one name and family, or for both families together; `ttl` in seconds. */
export interface LookupResult {
  end: "addresses" | "none" | "no such name";
  addresses: Address[];
  server: string;
  /** Absent where the server set no limit to "there is none". */
  ttl: number | undefined;
  /** Whether one of the two families is still unknown, so that this holds for a short time only. */
  partial: boolean;
}

/** The families' results so far: a result, or the reason why there is none. */
type Found = Partial<Record<AddressType, LookupResult | Error>>;

/** The reason why one server was of no use. */
interface Failure {
  server: DnsServer;
  reply: Reply;
}

/** Time that addresses of one family wait for those of the other, in ms (RFC 8305 §3 has 50). */
const GRACE = 100;
/** Number of parts of that wait, so that a program which is stopped for long uses up only one of them. */
const GRACE_PARTS = 10;

/**
 * Asks for the IPv6 and IPv4 addresses of `name` at once. When one family has been found, the other
 * is not waited for much longer: a server may well leave AAAA queries unanswered (RFC 4074 §4.1).
 *
 * @throws NearsourceError DNS_SERVER_FAILURE, DNS_TIMEOUT or DNS_MALFORMED; the signal's reason
 */
export async function lookupAddresses(name: string, context: LookupContext): Promise<LookupResult> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const found: Found = {};
  const ask = async (type: AddressType) => {
    found[type] = await lookupFamily(name, type, { ...context, signal }).catch((error) => error);
  };
  try {
    const both = [ask("AAAA"), ask("A")];
    await Promise.race(both);
    const grace = isDecided(found) ? [waitGrace(signal).catch(() => {})] : [];
    await Promise.race([Promise.all(both), ...grace]);
  } finally {
    stop.abort();
  }
  context.signal.throwIfAborted();
  return combineFamilies(found);
}

async function waitGrace(signal: AbortSignal): Promise<void> {
  for (let part = 0; part < GRACE_PARTS; part++) await delay(GRACE / GRACE_PARTS, undefined, { signal });
}

/**
 * Whether the other family is worth no more than a short wait. A server that gets AAAA wrong may
 * deny a name that has A records (RFC 4074 §4.2), not the reverse.
 */
function isDecided({ A, AAAA }: Found): boolean {
  if (isResult(A) && A.end === "no such name") return true;
  return [A, AAAA].some((result) => isResult(result) && result.addresses.length > 0);
}

function isResult(result: LookupResult | Error | undefined): result is LookupResult {
  return result !== undefined && !(result instanceof Error);
}

/** Addresses of either family are a success; else both families must have answered that there is none. */
function combineFamilies({ A, AAAA }: Found): LookupResult {
  const known = [AAAA, A].filter(isResult);
  const delivered = known.filter(({ addresses }) => addresses.length > 0);
  const [first] = delivered;
  if (first !== undefined) {
    const addresses = interleaveAddresses(delivered.flatMap((result) => result.addresses));
    const ttl = Math.min(...delivered.map((result) => result.ttl ?? 0));
    return { ...first, addresses, ttl, partial: known.length < 2 };
  }
  if (isResult(A) && A.end === "no such name") return A;
  const failures = [A, AAAA].filter((result) => result instanceof Error);
  if (isResult(A) && failures.length === 0) return A;
  throw failures.find((error) => !isTimeout(error)) ?? failures[0];
}

function isTimeout(error: Error): boolean {
  return error instanceof NearsourceError && error.code === "DNS_TIMEOUT";
}

/** One family: follows aliases from answer to answer until one says where they end. */
async function lookupFamily(name: string, type: AddressType, context: LookupContext): Promise<LookupResult> {
  let chain = startChain(name);
  for (;;) {
    const { answer, server } = await askServers(chain.names.at(-1) ?? name, type, context);
    const step = follow(answer, type, chain, server);
    if (step.end !== "unfinished") {
      const ttl = step.end === "addresses" ? step.chain.ttl : answer.negativeTtl;
      return { end: step.end, addresses: step.addresses, server: server.label, ttl, partial: false };
    }
    chain = step.chain;
  }
}

function follow(answer: DnsAnswer, type: AddressType, chain: Chain, server: DnsServer): ChainStep {
  try {
    return followChain(answer, type, chain);
  } catch (error) {
    if (!(error instanceof DnsAnswerError)) throw error;
    const message = `the answer for "${chain.names[0]}" from ${server.label} is of no use: ${error.message}`;
    throw new NearsourceError("DNS_MALFORMED", message, { hint: "correct the aliases (CNAME) of this name" });
  }
}

/**
 * Asks the servers in turn until one answers. Those that stayed silent are asked a second time, as a
 * packet may have been lost; then without EDNS, as some old firewalls let no query with it through,
 * and some old servers refuse it in a way that does not even repeat the question.
 */
async function askServers(
  name: string,
  type: AddressType,
  { servers, onSilent, timeout, remaining, signal }: LookupContext,
): Promise<{ answer: DnsAnswer; server: DnsServer }> {
  const failures: Failure[] = [];
  const limit = () => Math.max(0, Math.min(timeout, remaining()));
  let toAsk = servers();
  if (toAsk.length === 0)
    throw new NearsourceError("DNS_SERVER_FAILURE", `no DNS server is known to ask for "${name}"`, {
      hint: "set up a DNS server on this machine, or name one in dns.servers",
    });
  for (const edns of [true, false]) {
    const silent: DnsServer[] = [];
    for (const server of toAsk) {
      if (remaining() <= 0) break;
      const reply = await queryServer(server, name, type, { edns, limit, signal });
      if (reply.kind === "answer" && isAnswered(reply.answer)) return { answer: reply.answer, server };
      failures.push({ server, reply });
      if (reply.kind !== "silent") continue;
      onSilent(server);
      silent.push(server);
    }
    toAsk = silent;
  }
  throw toError(name, failures);
}

/** Any other rcode is about the server, or the query, and another server may do better. */
function isAnswered({ rcode }: DnsAnswer): boolean {
  return rcode === "NOERROR" || rcode === "NXDOMAIN";
}

function toError(name: string, failures: Failure[]): NearsourceError {
  const what = [...new Set(failures.map(describeFailure))].join(", ") || "no time was left to ask";
  if (failures.some(({ reply }) => reply.kind !== "silent" && !isGarbage(reply)))
    return new NearsourceError("DNS_SERVER_FAILURE", `no DNS server could answer for "${name}": ${what}`, {
      hint: "check the DNS servers of this machine, or name others in dns.servers",
    });
  if (failures.some(({ reply }) => isGarbage(reply)))
    return new NearsourceError("DNS_MALFORMED", `no usable DNS answer for "${name}": ${what}`, {
      hint: "a broken DNS server or someone forging answers: name other servers in dns.servers",
    });
  return new NearsourceError("DNS_TIMEOUT", `no DNS server answered for "${name}" in time: ${what}`, {
    hint: "check that the DNS servers can be reached (port 53, UDP and TCP), or name others in dns.servers",
  });
}

function isGarbage(reply: Reply): boolean {
  return reply.kind !== "answer" && reply.ignored !== undefined;
}

function describeFailure({ server, reply }: Failure): string {
  if (reply.kind === "answer") return `${server.label} answered ${reply.answer.rcode}`;
  if (reply.ignored !== undefined)
    return `what came from ${server.label} is not the answer, as ${reply.ignored}`;
  return `${server.label} ${reply.kind === "silent" ? "did not answer" : reply.reason}`;
}
