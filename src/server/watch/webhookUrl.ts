import { isIP, type LookupFunction } from "node:net";
import {
  type AddressRange,
  parseAddress,
  parseRange,
  privacyOf,
  rangeContains,
} from "../../core/order/address.ts";
import { NearsourceError } from "../../errors.ts";
import { Problem } from "../api/problem.ts";

/** @throws Problem REFUSED for what is no URL that events can be sent to */
export function checkWebhookUrl(text: string): void {
  const refuse = (message: string) =>
    new Problem("REFUSED", message, { errors: [{ field: "url", message }] });
  const url = URL.parse(text);
  if (url === null) throw refuse("it is not a URL");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw refuse("it has to begin with https:// or http://");
  if (url.username !== "" || url.password !== "") throw refuse("it must not hold a user's name or password");
}

/**
 * Refuses an address that is not on the internet, unless `allowed` names it: whoever may make webhooks shall not reach
 * what only this machine can.
 *
 * @throws NearsourceError ADDRESS_REFUSED
 */
export function refusePrivate(host: string, text: string, allowed: readonly AddressRange[]): void {
  // A zone is of this machine's links.
  const address = parseAddress(text.replace(/%.*$/, ""));
  if (privacyOf(address) === 0 || allowed.some((range) => rangeContains(range, address))) return;
  throw new NearsourceError("ADDRESS_REFUSED", `${host} is at ${text}, which is not on the internet`, {
    hint: 'name its range in "webhooks.allow" of server.json, if it is meant',
  });
}

/** The ranges of `webhooks.allow`. */
export function allowedRanges(texts: readonly string[]): AddressRange[] {
  return texts.map(parseRange);
}

/** @throws NearsourceError ADDRESS_REFUSED for a URL that names such an address itself, which is never looked up */
export function refusePrivateUrl(url: string, allowed: readonly AddressRange[]): void {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0) refusePrivate(host, host, allowed);
}

/** The same lookup, whose answer is refused as a whole if one address of it is: the address that was checked is used. */
export function refusingLookup(lookup: LookupFunction, allowed: readonly AddressRange[]): LookupFunction {
  return (host, options, done) =>
    lookup(host, options, (error, found, family) => {
      if (error !== null) return done(error, found, family);
      try {
        const addresses = typeof found === "string" ? [found] : found.map(({ address }) => address);
        for (const address of addresses) refusePrivate(host, address, allowed);
      } catch (refusal) {
        return done(refusal as NodeJS.ErrnoException, "");
      }
      done(null, found, family);
    });
}
