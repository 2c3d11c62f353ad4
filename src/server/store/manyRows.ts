import { type RawBuilder, sql } from "kysely";
import { rowsOfJson } from "./dialect.ts";
import { storable } from "./storable.ts";
import type { Db, Tx } from "./transaction.ts";

/** Types of the columns of rows that are handed over with a statement. */
export type ColumnType = "text" | "bigint";
type Value = string | number | null;

/**
 * Rows as a table of one statement, whose columns are `column1`, `column2` and so on, in every kind of database. They are one
 * parameter, as JSON: the statement is the same however many they are, and is parsed once.
 */
export function tableOf(
  db: Db,
  types: readonly ColumnType[],
  rows: readonly (readonly Value[])[],
): RawBuilder<unknown> {
  return rowsOfJson(
    db,
    types,
    rows.map((row) => row.map(storable)),
  );
}

/** Columns by their names. */
export type Columns = Readonly<Record<string, ColumnType>>;

/**
 * Adds rows to a table.
 *
 * @param columns of the rows' values, in their order
 * @param otherwise a clause for those that are there already
 */
export async function insertRows(
  tx: Tx,
  table: string,
  { columns, otherwise = "" }: { columns: Columns; otherwise?: string },
  rows: readonly (readonly Value[])[],
): Promise<void> {
  const [names, types] = [Object.keys(columns), Object.values(columns)];
  for (const some of inParts(rows)) {
    const given = names.map((_, index) => `column${index + 1}`);
    // Without a condition, SQLite would take what follows for one of a join.
    await sql`insert into ${sql.raw(table)} (${sql.raw(names.join())}) select ${sql.raw(given.join())}
      from ${tableOf(tx, types, some)} as given where true ${sql.raw(otherwise)}`.execute(tx);
  }
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
