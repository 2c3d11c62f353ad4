import {
  isCleared,
  isRejecting,
  sourcesOfList,
  type Verdicts,
  verdictsOf,
} from "../../core/fleet/reports/rejections.ts";
import { listInForce } from "../settings/fleetSettings.ts";
import {
  dropRejection,
  putRejections,
  type RejectedBy,
  rejectionsOf,
} from "../store/fleet/rejectionStore.ts";
import type { Tx } from "../store/transaction.ts";
import type { GivenReport } from "./reportIntake.ts";

/**
 * Keeps what agents rejected of the sources of the list in force, and forgets it once such an agent got from there what
 * verified. Of a fleet in which nothing is rejected this is one look at an empty index.
 */
export async function noteRejections(tx: Tx, kept: readonly GivenReport[], now: number): Promise<void> {
  const before = await rejectionsOf(tx, [...new Set(kept.map(({ agentId }) => agentId))]);
  if (before.length === 0 && !kept.some(({ report }) => isRejecting(report))) return;
  const known = sourcesOfList(await listInForce(tx));
  const last = new Map<string, Verdicts>();
  for (const { agentId, report } of kept) last.set(agentId, verdictsOf(report, known));
  const rejected = [...last].flatMap(([agentId, verdicts]) =>
    [...verdicts.rejected].map(([source, code]): RejectedBy => ({ source, agentId, code })),
  );
  // Two transactions that write the same rows wait in one order.
  rejected.sort((one, other) =>
    `${one.source} ${one.agentId}` < `${other.source} ${other.agentId}` ? -1 : 1,
  );
  if (rejected.length > 0) await putRejections(tx, rejected, now);
  for (const held of before) {
    const verdicts = last.get(held.agentId);
    if (verdicts !== undefined && isCleared(held.source, held.code, verdicts)) await dropRejection(tx, held);
  }
}
