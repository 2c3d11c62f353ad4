import { isDeepStrictEqual } from "node:util";
import { isMove } from "../core/settings/domainName.ts";
import { explainError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { writeDomain } from "../store/state/givenDomain.ts";
import { notifyDelay } from "../tuf/notification.ts";
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
 * itself, and sends its report.
 */
export async function noticeOthers(parts: ResidentParts): Promise<void> {
  parts.channels?.look();
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

/**
 * Goes by the domain that the server says this agent is in, unless its configuration names one. The policy of it
 * comes with an update, which follows as after a notification.
 */
export async function learnDomain(parts: ResidentParts, domain: string): Promise<void> {
  const { log, scheduler } = parts;
  const { config, window, role } = parts.instructions;
  if (!isMove(config, domain) || domain === parts.movingTo) return;
  parts.movingTo = domain;
  try {
    await writeDomain(dataDirAt(config.dataDir), domain);
    const moved = { ...config, domain };
    const instructions = await instructionsByInProcess(moved);
    // A configuration that was changed meanwhile has been read with the new domain.
    if (parts.instructions.config !== config) return;
    follow(parts, { ...instructions, config: moved });
    log.info(`the server has this agent in the domain ${domain} now: an update follows`);
    scheduler.ask("notify", notifyDelay(window, role, Math.random()));
  } catch (error) {
    log.warn(`this agent stays in the domain ${config.domain}: ${explainError(error)}`);
  } finally {
    parts.movingTo = undefined;
  }
}
