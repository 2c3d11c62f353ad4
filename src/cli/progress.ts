import type { WriteStream } from "node:tty";
import type { UpdateEvent } from "../core/report.ts";
import { formatBytes, formatDuration } from "./output.ts";

type ProgressEvent = Extract<UpdateEvent, { type: "progress" }>;

/** A line of progress that redraws itself; where `stream` is no terminal, nothing at all. */
export interface Progress {
  update(event: ProgressEvent): void;
  clear(): void;
}

const REDRAW = 100;
const BAR = 24;

export function openProgress(stream: WriteStream): Progress {
  if (!stream.isTTY) return { update: () => {}, clear: () => {} };
  let shown = false;
  let drawn = 0;
  let transfer = { component: "", since: 0, from: 0 };
  return {
    update(event) {
      const now = performance.now();
      if (event.component !== transfer.component || event.received < transfer.from) {
        transfer = { component: event.component, since: now, from: event.received };
      }
      if (now - drawn < REDRAW) return;
      drawn = now;
      shown = true;
      stream.write(`\r\x1b[2K${progressLine(event, transfer, now, stream.columns)}`);
    },
    clear() {
      if (shown) stream.write("\r\x1b[2K");
      shown = false;
    },
  };
}

function progressLine(
  { component, received, length }: ProgressEvent,
  { since, from }: { since: number; from: number },
  now: number,
  columns: number,
): string {
  const share = length === 0 ? 1 : received / length;
  const filled = Math.round(share * BAR);
  const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
  const rate = now > since ? ((received - from) * 1_000) / (now - since) : 0;
  const left = rate > 0 ? `, ${formatDuration(((length - received) * 1_000) / rate)} left` : "";
  const amounts = `${formatBytes(received)} of ${formatBytes(length)}, ${formatBytes(rate)}/s${left}`;
  return `  ${bar} ${Math.floor(share * 100)} %  ${component}  ${amounts}`.slice(
    0,
    Math.max(columns - 1, 20),
  );
}
