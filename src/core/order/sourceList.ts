import * as v from "valibot";
import { KINDS, type Kind, kindList, sortKinds } from "../content/kind.ts";
import { withoutSlashes } from "../content/layout.ts";
import { byteLength, isShown, parsedBy, readDocument } from "../document.ts";
import { type AddressRange, parseRange } from "./address.ts";
import { canonicalName, isHostName } from "./hostNames.ts";
import { parseUrl } from "./url.ts";

/** A range, and its text as it was written, for people. */
export interface WrittenRange {
  range: AddressRange;
  rangeText: string;
}

/** One entry of the source list: agents in `range` may fetch `kinds` from `url`. */
export interface SourceListEntry extends WrittenRange {
  /** Ranges that it is not for, although they are in its own. */
  except?: WrittenRange[] | undefined;
  /** It is only for agents whose DNS search list has this domain, which is in lower case without a dot at its end. */
  dnsSuffix?: string | undefined;
  /** The Update Agent's name; absent for a plain URL entry. */
  name?: string | undefined;
  /** Base URL without a trailing slash. */
  url: string;
  kinds: Kind[];
}

/** `settings/source-list.json` (docs/design.md §4). */
export interface SourceList {
  /** Fields that an agent has to know: one that lacks any refuses the list. */
  requires: Feature[];
  version: number;
  mode: "standard" | "customized";
  entries: SourceListEntry[];
  serverFallback: { enabled: boolean; kinds: Kind[] };
  updateAgentsOnlyFromServer: boolean;
}

export const MAX_ENTRIES = 1_024;
/** Exceptions of one entry. */
export const MAX_EXCEPTIONS = 64;

/**
 * Fields of entries that narrow down whom an entry is for. An agent that passed over one would go where it
 * should not, so that a list names in `requires` those it has (docs/design.md §4).
 */
export const FEATURES = ["except", "dnsSuffix"] as const;

export type Feature = (typeof FEATURES)[number];

const allKinds: Kind[] = [...KINDS];

/** A name is shown to people, on terminals and in logs, which some characters would drive. */
const sourceName = v.pipe(
  v.string(),
  v.minLength(1, "!is empty"),
  v.maxLength(255),
  v.check(isShown, "!has characters that cannot be shown"),
);

const writtenRange = parsedBy((text): WrittenRange => ({ range: parseRange(text), rangeText: text }));

const entrySchema = v.pipe(
  v.object({
    range: writtenRange,
    except: v.optional(
      v.pipe(v.array(writtenRange), v.maxLength(MAX_EXCEPTIONS, `!has more than ${MAX_EXCEPTIONS} ranges`)),
    ),
    dnsSuffix: v.optional(parsedBy(parseDomain)),
    name: v.optional(sourceName),
    url: parsedBy(parseSourceUrl),
    kinds: v.optional(kindList, ["components"]),
  }),
  v.transform(({ range, ...rest }): SourceListEntry => ({ ...range, ...rest })),
);

/** The schema of a source list; `parseSourceList` reads by it. */
export const sourceListSchema = v.object({
  // The first field: whatever else a newer list has, that it is newer is the reason to refuse it.
  requires: v.optional(
    v.pipe(v.array(parsedBy(parseFeature)), v.maxLength(32, "!has more than 32 names")),
    [],
  ),
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
  requires: [],
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

function parseFeature(name: string): Feature {
  const known = FEATURES.find((each) => each === name);
  if (known !== undefined) return known;
  throw new Error(
    `${JSON.stringify(name)} is not known to this program; a newer one is needed for this list`,
  );
}

function parseDomain(text: string): string {
  const name = canonicalName(text);
  if (name !== "" && isHostName(name)) return name;
  throw new Error(`${JSON.stringify(text)} is not a domain, such as corp.example`);
}

/** Features that the entries of a list have, as it was written, whatever its shape. */
export function featuresOf(written: unknown): Feature[] {
  const { entries } = (written ?? {}) as { entries?: unknown };
  if (!Array.isArray(entries)) return [];
  const isUsed = (feature: Feature) =>
    entries.some((each) => typeof each === "object" && each !== null && Object.hasOwn(each, feature));
  return FEATURES.filter(isUsed);
}

/** The list, as it was written, with all that it has in `requires`. */
export function withRequires(written: Record<string, unknown>): Record<string, unknown> {
  const { requires = [] } = written;
  if (!Array.isArray(requires)) return written;
  const missing = featuresOf(written).filter((feature) => !requires.includes(feature));
  return missing.length === 0 ? written : { ...written, requires: [...requires, ...missing] };
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
