import { KINDS, type Kind } from "../content/kind.ts";
import { readRows } from "./rows.ts";

/** The way that the machines of a site, or of subnets with a tag, are to go. */
export interface SiteTarget {
  line: number;
  /** In lower case; `*` is every site that has no row of its own. */
  site?: string;
  tag?: string;
  name?: string;
  url: string;
  kinds: Kind[];
  dnsSuffix?: string;
}

const COLUMNS = ["site", "tag", "name", "url", "kinds", "dnssuffix", "comment"];

/**
 * Reads the table that says which site, or which tag, goes to which Update Agent: `site,name,url,kinds`, also
 * with `tag` and `dnsSuffix`. Several rows of one site are tried in their order.
 *
 * @throws Error naming the line
 */
export function readSiteMap(text: string): SiteTarget[] {
  const { columns, rows } = readRows(text);
  const unknown = columns.find((name) => !COLUMNS.includes(name));
  if (unknown !== undefined) throw new Error(`the column "${unknown}" is not known: ${COLUMNS.join(", ")}`);
  if (!columns.includes("url")) throw new Error('it has no column "url"');
  return rows.map(({ line, cells }) => {
    const { site = "", tag = "", name = "", url = "", kinds = "", dnssuffix: dnsSuffix = "" } = cells;
    if ((site === "") === (tag === "")) throw new Error(`line ${line}: it needs either "site" or "tag"`);
    if (url === "") throw new Error(`line ${line}: it needs "url"`);
    return {
      line,
      ...(site !== "" && { site: site.toLowerCase() }),
      ...(tag !== "" && { tag: tag.toLowerCase() }),
      ...(name !== "" && { name }),
      url,
      kinds: kindsOfCell(kinds, line),
      ...(dnsSuffix !== "" && { dnsSuffix }),
    };
  });
}

/** Kinds in one cell, separated by blanks, commas or semicolons; an empty one means components. */
export function kindsOfCell(text: string, line: number): Kind[] {
  const words = text.split(/[\s,;]+/).filter((word) => word !== "");
  const wrong = words.find((word) => !(KINDS as readonly string[]).includes(word));
  if (wrong !== undefined) throw new Error(`line ${line}: "${wrong}" is no kind: ${KINDS.join(", ")}`);
  return words.length === 0 ? ["components"] : (words as Kind[]);
}
