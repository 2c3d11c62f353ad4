import Papa from "papaparse";
import { KINDS } from "../content/kind.ts";
import { type SourceList, type SourceListEntry, STANDARD_SOURCE } from "../order/sourceList.ts";
import type { Imported } from "./importApex.ts";
import { type Row, type Rows, readRows } from "./rows.ts";
import { kindsOfCell } from "./siteMap.ts";

/** The columns of a source list as a table. */
const COLUMNS = ["order", "first", "last", "name", "url", "kinds", "comment"] as const;
/** Columns that a table has where an entry has the like. */
const FURTHER = ["except", "dnsSuffix"] as const;

const KNOWN: readonly string[] = [...COLUMNS, ...FURTHER].map((name) => name.toLowerCase());

/**
 * Reads a table with the columns `order,first,last,name,url,kinds,comment`, and `except` and `dnsSuffix` where
 * it has them. `order` sorts the rows where it is given; `first` alone may be a range of any form; `kinds` and
 * the ranges of `except` are separated by blanks, commas or semicolons.
 *
 * @throws Error naming the line
 */
export function readSourceTable(text: string): Imported {
  return listOfRows(readRows(text));
}

/** The same of rows that were read. @throws Error naming the line */
export function listOfRows({ columns, rows }: Rows): Imported {
  for (const needed of ["first", "url"]) {
    if (!columns.includes(needed)) throw new Error(`it has no column "${needed}"`);
  }
  const unknown = columns.filter((name) => !KNOWN.includes(name));
  const read = rows.map((row, index) => ({ ...entryOf(row), order: Number(row.cells.order || index) }));
  const entries = read.toSorted((one, other) => one.order - other.order).map(({ order, ...entry }) => entry);
  return {
    list: { mode: "customized", entries, serverFallback: { enabled: true, kinds: [...KINDS] } },
    remarks: unknown.map((name) => `the column "${name}" is not known, and has no effect`),
  };
}

function entryOf({ line, cells }: Row): Imported["list"]["entries"][number] {
  const { first = "", last = "", name = "", url = "", kinds = "", dnssuffix: dnsSuffix = "" } = cells;
  if (first === "" || url === "") throw new Error(`line ${line}: it needs "first" and "url"`);
  if (!Number.isFinite(Number(cells.order ?? ""))) throw new Error(`line ${line}: "order" is no number`);
  const except = (cells.except ?? "").split(/[\s,;]+/).filter((range) => range !== "");
  return {
    range: last === "" || last === first ? first : `${first}-${last}`,
    ...(except.length > 0 && { except }),
    ...(dnsSuffix !== "" && { dnsSuffix }),
    ...(name !== "" && { name }),
    url,
    kinds: kindsOfCell(kinds, line),
  };
}

/** Writes entries as such a table. A cell that a spreadsheet would take for a formula is quoted for it. */
export function writeSourceTable(entries: readonly SourceListEntry[]): string {
  const further = FURTHER.filter((name) => entries.some((entry) => entry[name] !== undefined));
  const rows = entries.map((entry, index) => {
    const { rangeText, name = "", url, kinds, except = [], dnsSuffix = "" } = entry;
    const [first = "", last = ""] = rangeText.split("-").map((part) => part.trim());
    const cells = { except: except.map((each) => each.rangeText.replaceAll(/\s/g, "")).join(" "), dnsSuffix };
    return [index + 1, first, last, name, url, kinds.join(" "), "", ...further.map((each) => cells[each])];
  });
  const fields = [...COLUMNS, ...further];
  return `${Papa.unparse({ fields, data: rows }, { escapeFormulae: true, newline: "\n" })}\n`;
}

/** Parts of a list that a table of its entries has no place for, for people. */
export function leftOutOfTable({ mode, serverFallback, updateAgentsOnlyFromServer }: SourceList): string[] {
  const { kinds } = STANDARD_SOURCE.serverFallback;
  const isUsual = serverFallback.enabled && serverFallback.kinds.length === kinds.length;
  const parts = [
    ...(mode === "standard" ? ['"mode"'] : []),
    ...(isUsual ? [] : ['"serverFallback"']),
    ...(updateAgentsOnlyFromServer ? ['"updateAgentsOnlyFromServer"'] : []),
  ];
  return parts.map((part) => `${part} of the list is not in the table, which has entries alone`);
}
