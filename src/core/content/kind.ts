import * as v from "valibot";

/** The three content kinds that travel (docs/design.md §1), in the order in which they are fetched and shown. */
export const KINDS = ["settings", "components", "programs"] as const;

export type Kind = (typeof KINDS)[number];

/** The kinds that the vendor's content repository carries; `settings` is the site's own repository. */
export const CONTENT_KINDS = ["components", "programs"] as const satisfies Kind[];

export type ContentKind = (typeof CONTENT_KINDS)[number];

/** `kinds` without repetition and in the order of `KINDS`, so that two equal sets are equal lists. */
export function sortKinds(kinds: Iterable<Kind>): Kind[] {
  const wanted = new Set(kinds);
  return KINDS.filter((kind) => wanted.has(kind));
}

/** A list of kinds in a document, naming at least one. */
export const kindList = v.pipe(
  v.array(v.picklist(KINDS)),
  v.minLength(1, "!names no kind"),
  v.transform((kinds) => sortKinds(kinds)),
);
