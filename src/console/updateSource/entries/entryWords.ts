import { kindWords } from "../../words.ts";
import type { WrittenEntry } from "../sourceListDraft.svelte.ts";
import { type Holder, holderOf } from "./entryFields.ts";

/** The source that an entry leads to, as people call it. */
export function nameOf({ name, url }: WrittenEntry): string {
  return name ?? hostOf(url);
}

/** The way by which an entry reaches its source: "Update Agent, by host name", or the URL. */
export function wayOf(entry: WrittenEntry, holders: readonly Holder[]): string {
  const found = holderOf(entry.url, holders);
  if (found === undefined) return entry.url;
  return found.by === "name"
    ? "Update Agent, by host name"
    : `Update Agent, by address ${new URL(entry.url).hostname}`;
}

/** An entry's kinds: "for components and settings". */
export function kindsOf({ kinds = ["components"] }: WrittenEntry): string {
  return `for ${kindWords(kinds)}`;
}

/** An entry in a line, for what is spoken and for searches. */
export function lineOf(entry: WrittenEntry): string {
  return [entry.range, ...(entry.except ?? []), entry.dnsSuffix ?? "", entry.name ?? "", entry.url].join(" ");
}

/** The host of a URL, which is what people call a source that has no name. */
function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
