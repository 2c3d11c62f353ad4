import { formatAddress, parseAddress } from "./address.ts";
import { isHostName } from "./hostNames.ts";

/**
 * Reads a URL as it is written, strictly by RFC 3986 §3: text that the WHATWG parser would mend is refused,
 * since it would lead elsewhere than it says (`http://010.1.2.3` to 8.1.2.3, `http:\\host` to host).
 *
 * @param schemes the schemes it may have, in lower case
 * @throws Error with the reason; a user name or password is never repeated
 */
export function parseUrl(text: string, schemes: readonly string[]): URL {
  const shown = text.includes("@") ? "the URL" : JSON.stringify(text);
  const [, scheme, authority = ""] = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?/i.exec(text) ?? [];
  if (scheme === undefined) throw new Error(`${shown} is not a URL`);
  if (!schemes.includes(scheme.toLowerCase()))
    throw new Error(`${shown} must begin with ${schemes.map((each) => `${each}://`).join(" or ")}`);
  if (/[\s\\\p{Cc}\p{Cf}]/u.test(text))
    throw new Error(`${shown} has a blank, backslash or unseen character`);
  if (authority === "") throw new Error(`${shown} is not a URL: no host stands between // and the next /`);
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (host !== authority) throw new Error(`the URL of ${host} must not carry a user name or password`);
  const fault = hostFault(host);
  if (fault !== undefined) throw new Error(`${shown} is not a URL: ${fault}`);
  const url = URL.parse(text);
  if (url === null) throw new Error(`${shown} is not a URL`);
  return url;
}

/**
 * The fault of the host and port of a URL, if any: an address must be written in full, a name be one that DNS
 * can carry, a port from 1 to 65535.
 */
export function hostFault(written: string): string | undefined {
  const [, literal, name = "", port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(written) ?? [];
  if (port !== undefined && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) < 65_536))
    return `its port ${JSON.stringify(port.slice(0, 20))} is not one from 1 to 65535`;
  // Never with a zone, which no other machine has; the other side of the comparison is the parser's.
  if (literal !== undefined) return isAddress(literal) ? undefined : `[${literal}] is no IPv6 address`;
  const parsed = URL.parse(`http://${name}/`)?.hostname;
  if (parsed === undefined || !isSame(name, parsed))
    return `${JSON.stringify(name)} is neither a host name nor an address written in full, such as 10.1.2.3`;
  return undefined;
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return text.includes(":");
  } catch {
    return false;
  }
}

/**
 * Whether the parser understood a name as it is written, except for its case and the spelling of other
 * scripts.
 */
function isSame(written: string, parsed: string): boolean {
  const [ours, theirs] = [written.split("."), parsed.split(".")];
  if (!isHostName(parsed) || ours.length !== theirs.length) return false;
  return ours.every((label, index) => {
    const isAscii = /^[\x21-\x7e]*$/.test(label);
    return isAscii ? label.toLowerCase() === theirs[index] : theirs[index]?.startsWith("xn--");
  });
}

/** Scheme, host and port of a URL in the one spelling that `parseSourceUrl` gives it. */
const HOST_AND_PORT = /^(https?):\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?/;

/**
 * Whether a source's URL is that of one of `hosts` at `port`.
 *
 * @param hosts names in lower case and addresses, each in its one spelling
 */
export function leadsTo(url: string, hosts: ReadonlySet<string>, port: number): boolean {
  return portOfUrl(url) === port && hosts.has(hostOfUrl(url));
}

/** The port of a source's URL. */
export function portOfUrl(url: string): number {
  const [, scheme, , given] = HOST_AND_PORT.exec(url) ?? [];
  return Number(given ?? (scheme === "https" ? 443 : 80));
}

/** The host of a source's URL, a name or an address, in its one spelling. */
export function hostOfUrl(url: string): string {
  const [, , host = ""] = HOST_AND_PORT.exec(url) ?? [];
  // An IPv4-mapped literal is the IPv4 address, and a name with the root's dot the same name.
  return host.startsWith("[") ? formatAddress(parseAddress(host.slice(1, -1))) : host.replace(/\.$/, "");
}
