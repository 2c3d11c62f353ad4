import { type ListDiff, listDiff } from "../../core/fleet/listDiff.ts";
import { Problem } from "../api/problem.ts";
import { type DocumentVersion, findDocument, newestDocument } from "../store/settings/documentStore.ts";
import type { Db } from "../store/transaction.ts";
import { SOURCE_LIST } from "./fleetSettings.ts";

/**
 * Difference of two versions of the source list.
 *
 * @param to the newest where it is undefined
 * @throws Problem NOT_FOUND
 */
export async function diffOfVersions(
  db: Db,
  from: number,
  to: number | undefined,
): Promise<ListDiff & { from: number; to: number }> {
  const before = (await findDocument(db, SOURCE_LIST, from)) ?? unknown(from);
  const after =
    to === undefined ? await newestDocument(db, SOURCE_LIST) : await findDocument(db, SOURCE_LIST, to);
  const newer = after ?? unknown(to ?? from);
  return { ...listDiff(listOf(before), listOf(newer)), from, to: newer.version };
}

function listOf({ content }: DocumentVersion): Record<string, unknown> {
  return JSON.parse(content) as Record<string, unknown>;
}

function unknown(version: number): never {
  throw new Problem("NOT_FOUND", `there is no version ${version}`);
}
