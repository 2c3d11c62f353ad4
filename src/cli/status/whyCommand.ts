import { readConfig } from "../../config/config.ts";
import { configPath } from "../../config/configPath.ts";
import { type LastKnown, whySentences } from "../../core/whySentences.ts";
import { print, printJson } from "../terminal/output.ts";
import { warnOfRefusals } from "../terminal/refusals.ts";
import { readStatus, type Status } from "./readStatus.ts";

/**
 * `nearsource why`: three sentences for whoever is asked why this machine is as it is. Reads the disk, asks no other
 * machine, the server neither, and changes nothing.
 */
export async function whyCommand(options: { config?: string; json?: boolean }): Promise<number> {
  const file = configPath(options.config, process.env);
  const config = await readConfig(file, process.env, { onlyShown: true });
  await warnOfRefusals(config);
  const status = await readStatus(config);
  const { last, source, next } = whySentences(lastKnownOf(status), Date.now());
  const { hidden } = status;
  if (options.json === true) {
    printJson({ last, source, next, hidden });
    return 0;
  }
  for (const sentence of [last, source, next]) print(sentence);
  if (hidden.length > 0) print(`Left out, since this account may not read it: ${hidden.join(", ")}.`);
  return 0;
}

/** The part of the status that the sentences are made of. */
function lastKnownOf({ lastRun, lastFailure, hintedAt, running, agent }: Status): LastKnown {
  const { trigger, started, source } = running ?? {};
  const isKnown = trigger !== undefined && started !== undefined;
  return {
    lastRun: lastRun ?? null,
    lastFailure,
    hintedAt,
    running: isKnown ? { trigger, started, source } : null,
    resident: agent === null ? false : (agent.resident ?? undefined),
    next: agent?.next ?? null,
  };
}
