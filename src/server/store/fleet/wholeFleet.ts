import type { AgentPath } from "../../../core/fleet/reports/agentPaths.ts";
import type { Db } from "../transaction.ts";
import { PLACE_COLUMNS, pathsIn, placeIn } from "./agentRows.ts";
import type { Orderable } from "./agentStore.ts";

/** Agents that are read at once where all are. */
const TOGETHER = 10_000;

/** All agents that are not retired, in parts. */
export function agentsOfFleet(db: Db): AsyncGenerator<Orderable[]> {
  return inPartsById(async (after) => {
    const rows = await agentsAfter(db, after)
      .select(["id", "name", "domain", "port", ...PLACE_COLUMNS])
      .execute();
    return rows.map(({ id, name, domain, port, ...place }) => ({
      id,
      name,
      domain,
      port,
      ...placeIn(place),
    }));
  });
}

/** Ways to sources of all agents that have measured some and are not retired, in parts. */
export function pathsOfFleet(db: Db): AsyncGenerator<{ id: string; paths: AgentPath[] }[]> {
  return inPartsById(async (after) => {
    const rows = await agentsAfter(db, after)
      .select(["id", "paths"])
      .where("paths", "is not", null)
      .execute();
    return rows.map(({ id, paths }) => ({ id, paths: pathsIn(paths) }));
  });
}

function agentsAfter(db: Db, id: string) {
  return db
    .selectFrom("agents")
    .where("retired_at", "is", null)
    .where("id", ">", id)
    .orderBy("id")
    .limit(TOGETHER);
}

/** Rows of a whole fleet, in parts: all at once would take hundreds of megabytes. */
async function* inPartsById<Row extends { id: string }>(
  read: (after: string) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (let after = ""; ; ) {
    const rows = await read(after);
    yield rows;
    if (rows.length < TOGETHER) return;
    after = rows.at(-1)?.id ?? "";
  }
}
