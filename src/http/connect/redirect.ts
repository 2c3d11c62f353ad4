import type { IncomingHttpHeaders } from "node:http";
import type { LookupFunction } from "node:net";
import { type Address, parseAddress, privacyOf } from "../../core/order/address.ts";
import { NearsourceError } from "../../errors.ts";
import { hostOf } from "../httpErrors.ts";

const MAX_REDIRECTS = 3;

/** The parts of a response that a redirect is judged by. */
export interface Redirecting {
  status: number;
  headers: IncomingHttpHeaders;
  url: URL;
}

export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** The target of a redirect, if it may be followed (docs/design.md §5). */
export function redirectTarget(response: Redirecting, allowed: boolean, hop: number): URL {
  const { url, headers, status } = response;
  const refuse = (reason: string) =>
    new NearsourceError("REDIRECT_REFUSED", `${url.host} answered ${status} for ${url.pathname}: ${reason}`);
  if (!allowed) throw refuse("metadata is never redirected");
  if (hop >= MAX_REDIRECTS) throw refuse(`more than ${MAX_REDIRECTS} redirects`);
  if (headers.location === undefined) throw refuse("it does not say where to");
  if (!URL.canParse(headers.location, url)) throw refuse("it leads to something that is not a URL");
  const next = new URL(headers.location, url);
  if (next.protocol !== "http:" && next.protocol !== "https:") throw refuse(`it leads to ${next.protocol}`);
  if (url.protocol === "https:" && next.protocol === "http:") throw refuse("it leads from https to http");
  if (next.username !== "" || next.password !== "") throw refuse("it leads to a URL with credentials");
  return next;
}

export function reachOf(address: string | undefined): number | undefined {
  return address === undefined ? undefined : privacyOf(parseAddress(address.replace(/%.*$/, "")));
}

/** The reason not to connect to an address; undefined if it is allowed. */
export type Refusal = (address: Address, host: string) => NearsourceError | undefined;

/** Refuses addresses more private than `reach` after a redirect. */
export function refusePrivate(reach: number): Refusal {
  return (address, host) => {
    if (privacyOf(address) <= reach) return undefined;
    return new NearsourceError(
      "ADDRESS_REFUSED",
      `a redirect leads to ${host}, which is in a more private network`,
    );
  };
}

/** A literal address never meets the resolver, so it is looked at here. */
export function checkLiteral(url: URL, refusals: Refusal[]): void {
  const { host, isAddress } = hostOf(url);
  const refused = isAddress ? refusedBy(refusals, parseAddress(host), host) : undefined;
  if (refused !== undefined) throw refused;
}

function refusedBy(refusals: Refusal[], address: Address, host: string): NearsourceError | undefined {
  return refusals.map((refusal) => refusal(address, host)).find((refused) => refused !== undefined);
}

/**
 * A lookup that leaves out addresses that are refused, so that the checked address is the one connected to.
 */
export function guardLookup(lookup: LookupFunction, refusals: Refusal[]): LookupFunction {
  if (refusals.length === 0) return lookup;
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const list = Array.isArray(found) ? found : [{ address: found, family: 4 }];
      const refused = list.map(({ address }) => refusedBy(refusals, parseAddress(address), hostname));
      const allowed = list.filter((_, index) => refused[index] === undefined);
      const [first] = allowed;
      if (first === undefined) return callback(refused[0] ?? null, []);
      if (options.all === true) return callback(null, allowed);
      return callback(null, first.address, first.family);
    });
  };
}
