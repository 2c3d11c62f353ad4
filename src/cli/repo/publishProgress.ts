import type { WriteStream } from "node:tty";
import { formatBytes, formatDuration } from "../../core/amounts.ts";
import type { Progress } from "../../publisher/repository/releaseFiles.ts";

/**
 * Time (ms) that a publication takes before a plain line reports it; from one line to the next it is longer
 * each time.
 */
const QUIET = 3_000;
const LONGEST_QUIET = 60_000;
/** Interval (ms) at which the line is drawn again on a terminal. */
const REDRAW = 200;

const STEPS = { copy: "copying", compress: "compressing", delta: "making a delta for" };

/**
 * Reports the progress of a long publication: on a terminal by a line that redraws itself, else by a plain
 * line now and then, for the log of a build.
 *
 * @param clock milliseconds, from anywhere
 */
export function openPublishProgress(
  stream: Pick<WriteStream, "isTTY" | "columns" | "write">,
  clock: () => number = () => performance.now(),
): { update(progress: Progress): void; close(): void } {
  let pause = stream.isTTY ? REDRAW : QUIET;
  let due = clock() + pause;
  let current: { progress: Progress; since: number } | undefined;
  let shown = false;
  const draw = () => {
    if (current === undefined || clock() < due) return;
    if (!stream.isTTY) pause = Math.min(pause * 2, LONGEST_QUIET);
    due = clock() + pause;
    const line = lineOf(current.progress, clock() - current.since);
    stream.write(stream.isTTY ? `\r\x1b[2K${line.slice(0, Math.max(stream.columns - 1, 20))}` : `${line}\n`);
    shown = true;
  };
  // A step that says nothing of itself goes on being shown.
  const timer = setInterval(draw, REDRAW).unref();
  return {
    update(progress) {
      const { step, path } = current?.progress ?? {};
      const isSame = step === progress.step && path === progress.path && progress.step === "copy";
      current = { progress, since: isSame && current !== undefined ? current.since : clock() };
      draw();
    },
    close() {
      clearInterval(timer);
      if (shown && stream.isTTY) stream.write("\r\x1b[2K");
    },
  };
}

function lineOf({ component, path, step, length, done }: Progress, since: number): string {
  const amount =
    step === "copy" && done < length ? `${formatBytes(done)} of ${formatBytes(length)}` : formatBytes(length);
  const time = since < 1_000 ? "" : `, ${formatDuration(since)}`;
  return `${component.kind}/${component.name}: ${STEPS[step]} ${path} (${amount}${time})`;
}
