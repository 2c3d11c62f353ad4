import Papa from "papaparse";
import { KINDS, type Kind } from "../content/kind.ts";
import type { Imported } from "./importApex.ts";
import type { SourceListEntry } from "./sourceList.ts";

/** The columns of a source list as a table. */
const COLUMNS = ["order", "first", "last", "name", "url", "kinds", "comment"] as const;

/**
 * Reads a table with the columns `order,first,last,name,url,kinds,comment`. `order` sorts the rows where it is
 * given; `first` alone may be a range of any form; `kinds` are separated by blanks, commas or semicolons.
 *
 * @throws Error naming the line
 */
export function readSourceTable(text: string): Imported {
  const { data, errors, meta } = Papa.parse<Record<string, string | undefined>>(text.replace(/^\uFEFF/, ""), {
    header: true,
    skipEmptyLines: "greedy",
    transformHeader: (name) => name.trim().toLowerCase(),
  });
  for (const needed of ["first", "url"]) {
    if (meta.fields?.includes(needed) !== true) throw new Error(`it has no column "${needed}"`);
  }
  const [wrong] = errors.filter(({ type }) => type !== "Delimiter");
  if (wrong !== undefined) throw new Error(`line ${(wrong.row ?? 0) + 2}: ${wrong.message}`);
  const unknown = (meta.fields ?? []).filter((name) => !(COLUMNS as readonly string[]).includes(name));
  const rows = data.map((row, index) => ({ ...entryOf(row, index + 2), order: Number(row.order || index) }));
  const entries = rows.toSorted((one, other) => one.order - other.order).map(({ order, ...entry }) => entry);
  return {
    list: { mode: "customized", entries, serverFallback: { enabled: true, kinds: [...KINDS] } },
    remarks: unknown.map((name) => `the column "${name}" is not known, and has no effect`),
  };
}

function entryOf(row: Record<string, string | undefined>, line: number): Imported["list"]["entries"][number] {
  const cell = (name: string) => row[name]?.trim() ?? "";
  const [first, last, name, url] = [cell("first"), cell("last"), cell("name"), cell("url")];
  if (first === "" || url === "") throw new Error(`line ${line}: it needs "first" and "url"`);
  const range = last === "" || last === first ? first : `${first}-${last}`;
  return { range, ...(name === "" ? {} : { name }), url, kinds: kindsOf(cell("kinds"), line) };
}

function kindsOf(text: string, line: number): Kind[] {
  const words = text.split(/[\s,;]+/).filter((word) => word !== "");
  const wrong = words.find((word) => !(KINDS as readonly string[]).includes(word));
  if (wrong !== undefined) throw new Error(`line ${line}: "${wrong}" is no kind: ${KINDS.join(", ")}`);
  return words.length === 0 ? ["components"] : (words as Kind[]);
}

/** Writes entries as such a table. A cell that a spreadsheet would take for a formula is quoted for it. */
export function writeSourceTable(entries: readonly SourceListEntry[]): string {
  const rows = entries.map(({ rangeText, name = "", url, kinds }, index) => {
    const [first = "", last = ""] = rangeText.split("-").map((part) => part.trim());
    return [index + 1, first, last, name, url, kinds.join(" "), ""];
  });
  return `${Papa.unparse({ fields: [...COLUMNS], data: rows }, { escapeFormulae: true, newline: "\n" })}\n`;
}
