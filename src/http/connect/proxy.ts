import {
  type Address,
  type AddressRange,
  parseAddress,
  parseRange,
  rangeContains,
} from "../../core/order/address.ts";
import { canonicalName } from "../../core/order/hostNames.ts";
import { hostFault } from "../../core/order/url.ts";

/** The variables that name proxies, in the spellings that are read: the first that is set counts. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/** The variables' choice for one URL: direct, by this proxy, or that a variable cannot be used. */
export type ProxyChoice = { proxy?: string } | { variable: string; reason: string };

/**
 * Chooses how a URL is reached, by the variables `http_proxy`, `https_proxy`, `all_proxy` where that one is
 * not set, and `no_proxy`, as curl reads them: `host:port` is a proxy of HTTP, schemes know no case, blanks
 * at the ends do not count.
 */
export function chooseProxy(url: URL, variables: ProxyVariables): ProxyChoice {
  const own = settingOf(url.protocol === "https:" ? "https_proxy" : "http_proxy", variables);
  const [variable, value] = own ?? settingOf("all_proxy", variables) ?? ["", ""];
  if (value === "" || isExcepted(url, settingOf("no_proxy", variables)?.[1] ?? "")) return {};
  const proxy = readProxy(value);
  return typeof proxy === "string" ? { variable, reason: proxy } : { proxy: proxy.href };
}

/** An empty variable says that there is no proxy, also where its other spelling names one. */
function settingOf(name: string, variables: ProxyVariables): [variable: string, value: string] | undefined {
  const spelling = [name, name.toUpperCase()].find((each) => variables[each] !== undefined);
  return spelling === undefined ? undefined : [spelling, variables[spelling]?.trim() ?? ""];
}

/** A proxy's URL, or the reason why the text is none. The text is never repeated: it may hold a password. */
function readProxy(text: string): URL | string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "http" && scheme !== "https")
    return `a proxy of the kind ${scheme.slice(0, 20)} is not spoken to`;
  const whole = scheme === undefined ? `http://${text.replace(/^\/\//, "")}` : text;
  const [, host = ""] = /^[^:]*:\/\/(?:[^/?#]*@)?([^/?#]*)/.exec(whole) ?? [];
  const url = hostFault(host) === undefined ? URL.parse(whole) : null;
  return url ?? "it is not the address of a proxy";
}

/** Whether an entry of `no_proxy` covers a URL; entries are separated by commas or blanks. */
function isExcepted(url: URL, list: string): boolean {
  const host = canonicalName(url.hostname.replace(/^\[|\]$/g, ""));
  const address = readWith(parseAddress, host);
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return list.split(/[,\s]+/).some((entry) => entry !== "" && covers(entry, host, address, port));
}

function covers(entry: string, host: string, address: Address | undefined, port: string): boolean {
  if (entry === "*") return true;
  const [, six, plain, itsPort] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  if (itsPort !== undefined && itsPort !== port) return false;
  const what = six ?? plain ?? entry;
  if (address !== undefined) {
    const range: AddressRange | undefined = readWith(parseRange, what);
    return range !== undefined && rangeContains(range, address);
  }
  // A name covers the names below it, whether it is written with a dot, `*.` or neither before it.
  const name = canonicalName(what.replace(/^\*?\./, ""));
  return name !== "" && (host === name || host.endsWith(`.${name}`));
}

function readWith<Value>(parse: (text: string) => Value, text: string): Value | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
