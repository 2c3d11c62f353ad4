import { KINDS, type Kind } from "../../../core/content/kind.ts";
import type { WrittenEntry } from "../sourceListDraft.svelte.ts";

/** The port that an Update Agent serves at, unless it says another. */
const RELAY_PORT = 21_112;

/** A holder of the Update Agent role, as far as an entry can name it. */
export interface Holder {
  id: string;
  name: string;
  addresses: readonly string[];
  /** The name of its machine, under which it need not be listed, and whether the server finds an address of it. */
  hostName?: string | null;
  resolves?: boolean | null;
  /** The port it listens at: 0 for none, null while it has not said. */
  port: number | null;
  kinds: readonly Kind[];
}

/** An entry as a form has it. */
export interface EntryFields {
  /** First address, or the whole range as a prefix. */
  first: string;
  /** Last address; empty for a prefix or a single address. */
  last: string;
  except: string;
  dnsSuffix: string;
  from: "update-agent" | "url";
  /** Id of the Update Agent. */
  holder: string;
  /** By its host name, which survives a change of address, or by an address. */
  by: "name" | "address";
  address: string;
  name: string;
  url: string;
  kinds: Kind[];
}

/** Fields of an entry as it is written; those of a new one by default. */
export function fieldsOf(entry: WrittenEntry | undefined, holders: readonly Holder[]): EntryFields {
  const range = entry?.range ?? "";
  const [, first = range, last = ""] = /^([^-/]+?)\s*-\s*([^-/]+)$/.exec(range) ?? [];
  const url = entry?.url ?? "";
  const found = holderOf(url, holders);
  return {
    first,
    last,
    except: (entry?.except ?? []).join(", "),
    dnsSuffix: entry?.dnsSuffix ?? "",
    from:
      entry === undefined
        ? holders.length > 0
          ? "update-agent"
          : "url"
        : found === undefined
          ? "url"
          : "update-agent",
    holder: found?.holder.id ?? holders[0]?.id ?? "",
    by: found?.by ?? usualWay(holders[0]),
    address: found?.by === "address" ? hostOf(url) : ((found?.holder ?? holders[0])?.addresses[0] ?? ""),
    name: entry?.name ?? "",
    url,
    kinds:
      entry === undefined ? [...(holders[0]?.kinds ?? ["components"])] : [...(entry.kinds ?? ["components"])],
  };
}

/** By its host name, unless nobody would find that. */
export function usualWay(holder: Holder | undefined): EntryFields["by"] {
  return holder?.resolves === false && holder.addresses.length > 0 ? "address" : "name";
}

/** The entry of the fields. Fields of the entry before that the form does not know stay. */
export function entryOf(
  fields: EntryFields,
  before: WrittenEntry | undefined,
  holders: readonly Holder[],
): WrittenEntry {
  const { except: _, dnsSuffix: __, name: ___, ...rest } = before ?? { range: "", url: "" };
  const holder = fields.from === "update-agent" ? holders.find(({ id }) => id === fields.holder) : undefined;
  const except = fields.except.split(/[\s,;]+/).filter((each) => each !== "");
  const name = holder?.name ?? fields.name.trim();
  return {
    ...rest,
    range: rangeOf(fields),
    ...(except.length === 0 ? {} : { except }),
    ...(fields.dnsSuffix.trim() === "" ? {} : { dnsSuffix: fields.dnsSuffix.trim() }),
    ...(name === "" ? {} : { name }),
    url: holder === undefined ? fields.url.trim() : urlOf(holder, fields, before?.url),
    kinds: KINDS.filter((kind) => fields.kinds.includes(kind)),
  };
}

/** The Update Agent that a URL leads to, and how it names it. */
export function holderOf(
  url: string,
  holders: readonly Holder[],
): { holder: Holder; by: "name" | "address" } | undefined {
  const host = hostOf(url);
  const byName = holders.filter(({ name, hostName }) => isNameOf(host, name) || host === hostName);
  if (byName.length > 0) return { holder: atPortOf(url, byName), by: "name" };
  const byAddress = holders.filter(({ addresses }) => addresses.includes(host));
  return byAddress.length === 0 ? undefined : { holder: atPortOf(url, byAddress), by: "address" };
}

/** Of several on one machine, the one that listens at the port of a URL; else the first. */
function atPortOf(url: string, holders: readonly Holder[]): Holder {
  const port = Number(new URL(url).port);
  return (holders.find((each) => each.port === port) ?? holders[0]) as Holder;
}

function isNameOf(host: string, name: string): boolean {
  const [one, other] = [host.toLowerCase(), name.toLowerCase()];
  return one !== "" && (one === other || one.startsWith(`${other}.`));
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, "");
  } catch {
    return "";
  }
}

function rangeOf({ first, last }: EntryFields): string {
  const [from, to] = [first.trim(), last.trim()];
  return to === "" || to === from ? from : `${from}-${to}`;
}

/** The URL of an Update Agent. The port stays where the entry was its own before. */
function urlOf(holder: Holder, { by, address }: EntryFields, before: string | undefined): string {
  const known = before === undefined ? undefined : holderOf(before, [holder]);
  const usual = holder.port || RELAY_PORT;
  const port = known === undefined ? usual : new URL(before ?? "").port || usual;
  const named =
    known?.by === "name" && by === "name" ? hostOf(before ?? "") : (holder.hostName ?? holder.name);
  const host = by === "name" ? named : address.includes(":") ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
