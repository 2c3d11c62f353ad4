import { Resolver as SystemResolver } from "node:dns";
import { readFile, stat } from "node:fs/promises";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { type Address, parseAddress } from "../core/order/address.ts";
import { canonicalName, isHostName } from "../core/order/hostNames.ts";
import { NearsourceError } from "../errors.ts";

/** A DNS server; `label` is how messages and reports call it. */
export interface DnsServer {
  host: string;
  port: number;
  label: string;
}

const DNS_PORT = 53;

/** Path of this platform's hosts file. */
export const SYSTEM_HOSTS_FILE =
  process.platform === "win32"
    ? `${process.env.SystemRoot ?? "C:\\Windows"}\\System32\\drivers\\etc\\hosts`
    : "/etc/hosts";

/** Path of this platform's search list, as far as it keeps it in a file. */
export const SYSTEM_RESOLV_CONF = "/etc/resolv.conf";

/**
 * Reads `address`, `address:port`, `[IPv6]` or `[IPv6]:port`.
 *
 * @throws NearsourceError CONFIG_INVALID when `text` is none of these
 */
export function parseServer(text: string): DnsServer {
  if (isIP(text) !== 0) return toServer(text, DNS_PORT);
  const [, six, four, portText = String(DNS_PORT)] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = Number(portText);
  const host = six ?? four ?? "";
  const valid = (six === undefined ? isIPv4(host) : isIPv6(host)) && port > 0 && port < 65_536;
  if (!valid)
    throw new NearsourceError("CONFIG_INVALID", `DNS server "${text}" is not an IP address with a port`, {
      hint: "write it as 192.0.2.53, 192.0.2.53:5353, or [2001:db8::53]:5353",
    });
  return toServer(host, port);
}

/**
 * The servers this machine is set up with at this moment: they change when it moves between networks.
 * Those of resolv.conf come first-hand, since Node takes the zone from a link-local one (`fe80::1%eth0`),
 * which then can be asked over no interface.
 */
export function systemServers(ofResolvConf: DnsServer[]): DnsServer[] {
  return ofResolvConf.length > 0 ? ofResolvConf : new SystemResolver().getServers().map(parseServer);
}

/** The names to ask for when a user says `host`, in order (the rules of resolv.conf(5), ndots 1). */
export function namesToTry(host: string, search: string[]): string[] {
  const name = canonicalName(host);
  if (host.endsWith(".")) return [name];
  const searched = search.map((domain) => canonicalName(`${name}.${domain}`)).filter(isHostName);
  return [...new Set(name.includes(".") ? [name, ...searched] : [...searched, name])];
}

/** The addresses by name in the text of a hosts file (hosts(5)); a line that is not well-formed says nothing. */
export function parseHosts(text: string): Map<string, Address[]> {
  const hosts = new Map<string, Address[]>();
  for (const [addressText = "", ...names] of wordsOfLines(text, /#.*/)) {
    const address = addressOf(addressText);
    if (address === undefined) continue;
    for (const name of names.map(canonicalName)) {
      const known = hosts.get(name);
      if (known === undefined) hosts.set(name, [address]);
      else known.push(address);
    }
  }
  return hosts;
}

/** The search list in the text of a resolv.conf: that of the last `search` or `domain` line (resolv.conf(5)). */
export function parseSearch(text: string): string[] {
  const lines = wordsOfLines(text, /[#;].*/);
  const [, ...domains] = lines.findLast(([word]) => word === "search" || word === "domain") ?? [];
  return domains.map(canonicalName).filter(isHostName);
}

/** The servers in the text of a resolv.conf (resolv.conf(5)); values that are not addresses are ignored. */
export function parseNameservers(text: string): DnsServer[] {
  const lines = wordsOfLines(text, /[#;].*/).filter(([word]) => word === "nameserver");
  const servers = lines.map(([, address = ""]) => address).filter((address) => isIP(address) !== 0);
  return [...new Set(servers)].map(parseServer);
}

/**
 * Keeps the result of `parse` for a file, and reads it again once the file has changed. A file that is
 * missing or cannot be read counts as empty: a machine need not have one.
 */
export function watchedFile<Content>(file: string, parse: (text: string) => Content): () => Promise<Content> {
  let seen: string | undefined;
  let content = parse("");
  return async () => {
    const version = await versionOf(file);
    if (version !== seen) {
      content = parse(await readFile(file, "utf8").catch(() => ""));
      seen = version;
    }
    return content;
  };
}

/** The size is part of it because two changes may fall into one tick of the file system's clock. */
async function versionOf(file: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return "missing";
  }
}

function toServer(host: string, port: number): DnsServer {
  const bracketed = isIPv6(host) ? `[${host}]` : host;
  return { host, port, label: port === DNS_PORT ? host : `${bracketed}:${port}` };
}

function wordsOfLines(text: string, comment: RegExp): string[][] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  return lines.map((line) => line.replace(comment, "").trim().split(/\s+/));
}

/** Tests the text before it is parsed: errors thrown for each line of a long file would take seconds. */
function addressOf(text: string): Address | undefined {
  return isIP(text) === 0 || text.includes("%") ? undefined : parseAddress(text);
}
