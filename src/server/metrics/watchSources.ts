import type { ServerResponse } from "node:http";
import { explainError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { listInForce } from "../settings/fleetSettings.ts";
import type { ServerMetrics } from "./serverMetrics.ts";

/** Keeps the names of sources, by which bytes are added up, those of the list in force. */
export async function watchSources(context: Context): Promise<void> {
  const { database, metrics, trees, log } = context;
  const look = async () => {
    const { entries } = await listInForce(database.db);
    metrics.sources = new Set(entries.map(({ name, url }) => name ?? url));
  };
  trees.watch(() => {
    look().catch((error) => log.error(`the names of sources cannot be read: ${explainError(error)}`));
  });
  await look();
}

/** Times an answer from the published trees, which the API does not see. */
export function timeAnswer(metrics: ServerMetrics, response: ServerResponse): void {
  const began = performance.now();
  response.once("finish", () => {
    const seconds = (performance.now() - began) / 1_000;
    metrics.answered({ operation: "getFile", status: response.statusCode, seconds });
  });
}
