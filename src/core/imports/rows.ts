import Papa from "papaparse";

/** A row of a table: its cells by the names of the columns, which are in lower case. */
export interface Row {
  /** Line of the file; of JSON, the number of the object. */
  line: number;
  cells: Record<string, string>;
}

export interface Rows {
  columns: string[];
  rows: Row[];
}

/**
 * Reads a table as spreadsheets and PowerShell write it: with or without a byte order mark, a line `#TYPE …` or
 * `sep=;` before the header, separated by commas, semicolons or tabs, quoted or not.
 *
 * @throws Error naming the line where a quote is not closed, or a column that stands there twice
 */
export function readRows(text: string): Rows {
  const all = text.replace(/^\uFEFF/, "");
  const [preamble = ""] = /^(?:[ \t]*\r?\n|#[^\n]*\n|sep=[^\n]*\n)*/i.exec(all) ?? [];
  const before = preamble.split("\n").length - 1;
  const [, separator = ""] = /^sep=(.)\r?$/im.exec(preamble) ?? [];
  const { data, errors } = Papa.parse<string[]>(all.slice(preamble.length), {
    delimiter: separator,
    delimitersToGuess: [",", ";", "\t", "|"],
    skipEmptyLines: "greedy",
  });
  const [wrong] = errors.filter(({ type }) => type === "Quotes");
  if (wrong !== undefined) throw new Error(`line ${(wrong.row ?? 0) + 1 + before}: ${wrong.message}`);
  const [header = [], ...rest] = data;
  const columns = header.map((name) => name.trim().toLowerCase());
  const twice = columns.find((name, index) => name !== "" && columns.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`the column "${twice}" stands there twice`);
  const rows = rest.map((row, index) => ({
    line: index + 2 + before,
    cells: Object.fromEntries(columns.map((name, at) => [name, (row[at] ?? "").trim()])),
  }));
  return { columns: columns.filter((name) => name !== ""), rows };
}

/** The same for objects of JSON, as `ConvertTo-Json` writes them; what is no text counts as none. */
export function rowsOfObjects(objects: readonly unknown[]): Rows {
  const rows = objects.map((object, index) => {
    const fields = typeof object === "object" && object !== null ? Object.entries(object) : [];
    const cells = fields.map(([name, value]) => [
      name.toLowerCase(),
      typeof value === "string" ? value.trim() : "",
    ]);
    return { line: index + 1, cells: Object.fromEntries(cells) as Row["cells"] };
  });
  return { columns: [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))], rows };
}
