import * as v from "valibot";
import { KINDS, type Kind, kindList, sortKinds } from "../content/kind.ts";
import { withoutSlashes } from "../content/layout.ts";
import { byteLength, isShown, parsedBy, readDocument } from "../document.ts";
import { type AddressRange, parseRange } from "./address.ts";
import { parseUrl } from "./url.ts";

/** One entry of the source list: agents in `range` may fetch `kinds` from `url`. */
export interface SourceListEntry {
  range: AddressRange;
  /** The range as it was written, for people. */
  rangeText: string;
  /** The Update Agent's name; absent for a plain URL entry. */
  name?: string | undefined;
  /** Base URL without a trailing slash. */
  url: string;
  kinds: Kind[];
}

/** `settings/source-list.json` (docs/design.md §4). */
export interface SourceList {
  version: number;
  mode: "standard" | "customized";
  entries: SourceListEntry[];
  serverFallback: { enabled: boolean; kinds: Kind[] };
  updateAgentsOnlyFromServer: boolean;
}

export const MAX_ENTRIES = 1_024;

const allKinds: Kind[] = [...KINDS];

/** A name is shown to people, on terminals and in logs, which some characters would drive. */
const sourceName = v.pipe(
  v.string(),
  v.minLength(1, "!is empty"),
  v.maxLength(255),
  v.check(isShown, "!has characters that cannot be shown"),
);

const entrySchema = v.pipe(
  v.object({
    range: parsedBy((text) => ({ range: parseRange(text), rangeText: text })),
    name: v.optional(sourceName),
    url: parsedBy(parseSourceUrl),
    kinds: v.optional(kindList, ["components"]),
  }),
  v.transform(({ range, ...rest }): SourceListEntry => ({ ...range, ...rest })),
);

/** The schema of a source list; `parseSourceList` reads by it. */
export const sourceListSchema = v.object({
  version: v.optional(byteLength, 0),
  mode: v.optional(v.picklist(["standard", "customized"]), "customized"),
  entries: v.optional(
    v.pipe(
      v.array(v.unknown()),
      v.maxLength(MAX_ENTRIES, `!has more than ${MAX_ENTRIES} entries`),
      v.array(entrySchema),
    ),
    [],
  ),
  serverFallback: v.optional(
    v.object({
      enabled: v.optional(v.boolean(), true),
      kinds: v.optional(
        v.pipe(
          v.array(v.picklist(KINDS)),
          v.transform((kinds) => sortKinds(kinds)),
        ),
        allKinds,
      ),
    }),
    {},
  ),
  updateAgentsOnlyFromServer: v.optional(v.boolean(), false),
});

/**
 * The list of an agent that has none: the standard source (docs/design.md §4, last paragraph).
 */
export const STANDARD_SOURCE: SourceList = {
  version: 0,
  mode: "standard",
  entries: [],
  serverFallback: { enabled: true, kinds: allKinds },
  updateAgentsOnlyFromServer: false,
};

/**
 * Reads a source list of unknown shape. It is accepted whole or refused whole; the entry's index, the
 * field and the reason are in the error.
 *
 * @throws DocumentError such as `entries[3].range: "10.0.0.9-10.0.0.1" ends before it begins`
 */
export function parseSourceList(value: unknown): SourceList {
  return readDocument(sourceListSchema, value);
}

/**
 * A source's base URL in one spelling, so that two ways of writing one source compare equal: http or
 * https, no credentials, query or fragment, no trailing slash.
 *
 * @throws Error with the reason
 */
export function parseSourceUrl(text: string): string {
  const url = parseUrl(text, ["http", "https"]);
  // url.hash and url.search are empty for a bare "#" or "?", which is still a mistake.
  if (text.includes("#")) throw new Error(`"${text}" must not have a fragment (#)`);
  if (text.includes("?")) throw new Error(`"${text}" must not have a query (?)`);
  return withoutSlashes(url.href);
}
