import type { Trigger } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import type { Notifications } from "./channels/notifications.ts";
import { follow } from "./followInstructions.ts";
import { machineFacts } from "./machineFacts.ts";
import { CLOCK, type ResidentParts, withOwnPort } from "./residentParts.ts";
import { type RunEnd, runInProcess } from "./runProcess.ts";
import { describeRun, queueReport } from "./runReports.ts";

/** One run in a process of its own; resolves as `SchedulerOptions.run` does. */
export async function run(parts: ResidentParts, trigger: Trigger, signal: AbortSignal) {
  const { level, log, journal, notifications } = parts;
  const { config } = parts.instructions;
  const started = CLOCK.now();
  const onWaiting = (message: string) => {
    log.info(`waiting: ${message}`);
    journal.waits(message);
  };
  const onOther = (text: string) =>
    log.warn(`the run said what is not meant for this agent: ${explainError(text)}`);
  const own = withOwnPort(config, () => parts.channels);
  const request = { config: own, trigger, level, told: await notifications.owed().catch(() => ({})) };
  const { end, instructions } = await runInProcess(request, signal, { onWaiting, onOther });
  // A run that was stopped has nothing to report; one that came to its end just before has.
  if (signal.aborted && "failure" in end) return undefined;
  await conclude(parts, trigger, started, end);
  // Unless the configuration was changed meanwhile, which has brought instructions of its own.
  if (instructions !== undefined && parts.instructions.config === config)
    follow(parts, { ...instructions, config });
  return { again: await isToBeTriedAgain(end, notifications) };
}

async function conclude(parts: ResidentParts, trigger: Trigger, started: number, end: RunEnd): Promise<void> {
  const { instructions, dir, log, journal } = parts;
  const ended = CLOCK.now();
  if ("failure" in end) log.error(`the update failed: ${end.failure.message} (${end.failure.code})`);
  journal.ended(trigger, started, ended, end);
  if (instructions.config.server === undefined) return;
  const facts = await machineFacts(instructions.config);
  const { port, topic } = parts.channels ?? {};
  const report = describeRun(trigger, started, ended, end, { port, topic, facts });
  await queueReport(dir.reports, report).catch((error) => log.warn(explainError(error)));
  parts.channels?.look();
}

/**
 * Whether a failed run is tried again soon. One that took something back would do the same a minute later; a
 * release is held by then. Nor is a failure that no source could mend: that is reported, and waits for
 * somebody to change it.
 */
async function isToBeTriedAgain(end: RunEnd, notifications: Notifications): Promise<boolean> {
  if ("failure" in end) return true;
  const { exitCode, undelivered, uncovered = [] } = end.report;
  if (exitCode === 8) return false;
  return (
    undelivered.some((kind) => !uncovered.includes(kind)) ||
    Object.keys(await notifications.owed()).length > 0
  );
}
