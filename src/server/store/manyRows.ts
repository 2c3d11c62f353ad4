import { type RawBuilder, sql } from "kysely";

/** Types of the columns of rows that are handed over with a statement. */
type Type = "text" | "bigint";
type Value = string | number | null;

/**
 * Rows as a table of one statement, whose columns are `column1`, `column2` and so on, in every kind of database.
 *
 * @param rows at least one
 */
export function tableOf(types: readonly Type[], rows: readonly (readonly Value[])[]): RawBuilder<unknown> {
  // The types of the first row are those of all.
  const first = (row: readonly Value[]) =>
    row.map((value, column) => sql`cast(${value} as ${sql.raw(types[column] ?? "text")})`);
  const lines = rows.map((row, index) => sql`(${sql.join(index === 0 ? first(row) : row)})`);
  return sql`(values ${sql.join(lines)})`;
}

/** Values in parts that one statement takes. */
export function* inParts<Item>(items: readonly Item[], most = 500): Generator<Item[]> {
  for (let from = 0; from < items.length; from += most) yield items.slice(from, from + most);
}

/** The same values, the last of them repeated: lists of few lengths are few statements, which stay as they were parsed. */
export function fewLengths<Item>(items: readonly Item[]): Item[] {
  const length = 2 ** Math.ceil(Math.log2(Math.max(items.length, 1)));
  return Array.from({ length }, (_, index) => items[Math.min(index, items.length - 1)] as Item);
}
