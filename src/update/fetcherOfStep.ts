import { formatBytes, formatDuration } from "../core/amounts.ts";
import type { Step } from "../core/order/plan.ts";
import type { Attempt } from "../core/report.ts";
import type { Fetcher } from "../http/fetcher.ts";
import { measured, type PathTimes } from "../source/measured.ts";
import { revalidating, type Wait, waitingFetcher } from "../source/patience.ts";
import type { Run } from "./run.ts";

/** Time (ms) after which a wait that goes on is reported again. */
const REPORT_AGAIN = 30_000;

/**
 * The fetcher for one source: it waits for an Update Agent that is filling or full, as long as the run has
 * patience, and reports the waits. A run that was notified of something newer has an Update Agent ask
 * upstream.
 *
 * @returns it, and for the report how the way to the source was found, and how long it has waited so far
 */
export function fetcherOfStep(
  run: Run,
  step: Step,
): { fetcher: Fetcher; noted(): PathTimes & Pick<Attempt, "waited" | "newerComing"> } {
  const { patience } = run.terms;
  const before = patience.left();
  let waitedFor: "filling" | "full" | undefined;
  let reported = Number.NEGATIVE_INFINITY;
  const older = new Set<string>();
  const onOlder = (url: URL, isOlder: boolean) => older[isOlder ? "add" : "delete"](url.href);
  const onWait = ({ state: { state, missing, seconds } }: Wait) => {
    if (performance.now() - reported < REPORT_AGAIN && state === waitedFor) return;
    reported = performance.now();
    waitedFor = state === "full" ? "full" : "filling";
    const source = step.name ?? new URL(step.url).host;
    const amount = missing === undefined ? "" : `: ${formatBytes(missing)} are missing`;
    const time = seconds === undefined ? "" : `, about ${formatDuration(seconds * 1_000)} at its rate`;
    const message =
      state === "full" ? `${source} has all its places taken` : `${source} is filling${amount}${time}`;
    run.emit({ type: "waiting", message });
  };
  const { fetcher: timed, times } = measured(run.fetcher, step.url);
  const asking = Object.keys(run.notified).length === 0 ? timed : revalidating(timed);
  const fetcher = waitingFetcher(asking, patience, onWait, undefined, onOlder);
  return {
    fetcher,
    noted: () => ({
      ...times(),
      ...(waitedFor === undefined
        ? {}
        : { waited: { ms: Math.round(before - patience.left()), for: waitedFor } }),
      ...(older.size === 0 ? {} : { newerComing: true }),
    }),
  };
}
