import type { Kysely } from "kysely";

/** Names of an agent's machine, and URLs under which others reach it. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  for (const name of ["host_names", "own_urls"]) {
    await schema.alterTable("agents").addColumn(name, "text").execute();
  }
}
