import { type Address, type AddressRange, formatAddress, parseAddress, rangeContains } from "./address.ts";

/** Sender of a request that may have come through proxies, as far as those who are believed say. */
export interface Sender {
  address: string;
  /** Whether a proxy that is believed says that it was reached by TLS. */
  isByTls: boolean;
}

/** Fields that proxies write into requests, each at the end of what was there before it (docs/hardening.md). */
interface Forwarded {
  /** `X-Forwarded-For`. */
  from: string | undefined;
  /** `X-Forwarded-Proto`. */
  protocol: string | undefined;
}

/**
 * Address that a request comes from: of the connection, or where that is a believed proxy's the last one in
 * `X-Forwarded-For` that is not. What stands before it, anybody may have written; what is no address ends the search at
 * the proxy that wrote it.
 *
 * @param peer address of the connection
 */
export function senderOf(
  peer: string,
  { from, protocol }: Forwarded,
  proxies: readonly AddressRange[],
): Sender {
  if (proxies.length === 0 || !isBelieved(readAddress(peer), proxies))
    return { address: peer, isByTls: false };
  const isByTls = lastOf(protocol)?.toLowerCase() === "https";
  let address = peer;
  for (let rest = from; rest !== undefined; ) {
    const comma = rest.lastIndexOf(",");
    const named = readAddress(rest.slice(comma + 1).trim());
    if (named === undefined) break;
    address = formatAddress(named);
    if (!isBelieved(named, proxies)) break;
    rest = comma < 0 ? undefined : rest.slice(0, comma);
  }
  return { address, isByTls };
}

function isBelieved(address: Address | undefined, proxies: readonly AddressRange[]): boolean {
  return address !== undefined && proxies.some((range) => rangeContains(range, address));
}

function lastOf(header: string | undefined): string | undefined {
  return header?.slice(header.lastIndexOf(",") + 1).trim();
}

/** An address, which some proxies write with a port: `192.0.2.1:5000`, `[2001:db8::1]:5000`. */
function readAddress(text: string): Address | undefined {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(text) ?? [];
  try {
    return parseAddress(bracketed ?? dotted ?? text);
  } catch {
    return undefined;
  }
}
