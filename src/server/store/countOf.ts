import type { SelectQueryBuilder } from "kysely";

/** Number of the rows that a query without an order finds. */
export async function countOf<DB, From extends keyof DB>(
  query: SelectQueryBuilder<DB, From, unknown>,
): Promise<number> {
  const { count } = await query
    .clearSelect()
    .select((row) => row.fn.countAll<number>().as("count"))
    .$castTo<{ count: number }>()
    .executeTakeFirstOrThrow();
  return Number(count);
}
