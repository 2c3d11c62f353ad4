import { isDeepStrictEqual } from "node:util";
import { explainError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { newestSets } from "../tuf/trustedSet.ts";
import type { Instructions } from "./instructions.ts";
import type { ResidentParts } from "./residentParts.ts";
import { instructionsByInProcess } from "./runProcess.ts";

/** Follows these instructions from now on; the Update Agent's part may take its time over them. */
export function follow(parts: ResidentParts, instructions: Instructions): void {
  const known = parts.instructions.remarks;
  for (const remark of instructions.remarks) if (!known.includes(remark)) parts.log.warn(remark);
  parts.instructions = instructions;
  parts.sets = instructions.sets;
  parts.scheduler.follow(instructions.schedule);
  void parts.role.grant(instructions);
}

/**
 * Follows the results of a run of another process, by hand, as after a run of this one's own, which does that
 * itself.
 */
export async function noticeOthers(parts: ResidentParts): Promise<void> {
  const { log, scheduler } = parts;
  const { config } = parts.instructions;
  try {
    const sets = await newestSets(dataDirAt(config.dataDir));
    if (scheduler.running !== undefined || isDeepStrictEqual(sets, parts.sets)) return;
    const before = parts.sets;
    parts.sets = sets;
    const instructions = await instructionsByInProcess(config);
    const isStill = parts.instructions.config === config && scheduler.running === undefined;
    if (isStill) follow(parts, { ...instructions, config });
    else parts.sets = before;
  } catch (error) {
    log.warn(`the settings stay as they were: ${explainError(error)}`);
  }
}
