import type { Kysely } from "kysely";

/** Bytes that came and were thrown away. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  const add = (table: string, column: string) =>
    schema
      .alterTable(table)
      .addColumn(column, "bigint", (made) => made.notNull().defaultTo(0))
      .execute();
  await add("traffic", "wasted");
  for (const column of ["wasted_bytes", "far_wasted_bytes"]) await add("network_traffic", column);
}
