import type { Kind } from "../core/content/kind.ts";
import type { Report } from "../core/report.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import { conclude, noteEnd } from "./conclude.ts";
import { install } from "./install.ts";
import { type RunOptions, stoppedBy, withRun } from "./openRun.ts";
import { planRun } from "./planRun.ts";
import { withProgress } from "./runProgress.ts";
import { fetchSettings } from "./settings/fetchSettings.ts";
import { walkOrder } from "./walk.ts";

export type { Attempt, Report, UpdateEvent } from "../core/report.ts";
export type { Trigger } from "../core/settings/schedule.ts";
export { NearsourceError } from "../errors.ts";
export type { Fetcher } from "../http/fetcher.ts";

export interface UpdateOptions extends RunOptions {
  /** The kinds to update; default: as configured, else as the policy says, else all. */
  kinds?: Kind[] | undefined;
  trigger?: Trigger | undefined;
}

/**
 * One update run: settings, order, sources one after the other, installation. It resolves with a report also
 * when every source is exhausted, which is an outcome and not an error.
 *
 * @throws NearsourceError only for errors that no source could mend (docs/errors.md: "stop")
 */
export async function update(options: UpdateOptions = {}): Promise<Report> {
  const { kinds, trigger = "manual", signal } = options;
  const occasion = { trigger, started: new Date().toISOString() };
  return await withRun(
    { ...options, onFailure: (error, dirs) => noteEnd(dirs, occasion, stoppedBy(signal, error)) },
    (opened) =>
      withProgress(opened, trigger, async (run) => {
        const settings = await fetchSettings(run);
        const planned = await planRun(run, settings, kinds, trigger);
        const walked = await walkOrder(planned.run, planned.order, planned.start);
        const installation = await install(planned, walked);
        return await conclude(planned, walked, installation, occasion);
      }),
  );
}
