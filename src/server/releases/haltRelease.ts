import type { Evidence } from "../../core/fleet/stageVerdict.ts";
import { explainError } from "../../errors.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { createNotification } from "../notify/createNotification.ts";
import { applyChange } from "./applyChange.ts";
import { SERVER } from "./seeReleases.ts";

export interface Halt {
  component: string;
  release: number;
  evidence: Evidence;
}

/** Longest reason that agents are told. */
const LONGEST_REASON = 300;

/**
 * Halts a release on evidence: signed, published, and told to all agents. Of several servers that come to the same,
 * one does it.
 *
 * @returns whether it was this one
 * @throws Problem UNAVAILABLE where it could not be published; the next look tries again
 */
export async function haltOnEvidence(
  context: Context,
  { component, release, evidence }: Halt,
): Promise<boolean> {
  const reason = `in stage ${evidence.stage}, ${evidence.sentence}`.slice(0, LONGEST_REASON);
  try {
    await applyChange(context, component, { action: "halt", release, reason, evidence }, SERVER);
  } catch (error) {
    if (error instanceof Problem && error.code === "CONFLICT") return false;
    throw error;
  }
  context.log.error(`release ${release} of ${component} is halted: ${reason}`);
  await notifyAll(context);
  return true;
}

/** Agents that nobody reaches hear of it by their next run. */
async function notifyAll(context: Context): Promise<void> {
  try {
    await createNotification(context, { all: true }, SERVER);
  } catch (error) {
    context.log.warn(`the agents could not be told of the halt: ${explainError(error)}`);
  }
}
