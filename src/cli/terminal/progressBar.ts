import type { WriteStream } from "node:tty";
import { formatBytes, formatDuration } from "../../core/amounts.ts";
import { printable } from "../../core/printable.ts";
import type { UpdateEvent } from "../../core/report.ts";

type ProgressEvent = Extract<UpdateEvent, { type: "progress" }>;

/** A line of progress that redraws itself; where `stream` is no terminal, nothing at all. */
export interface Progress {
  update(event: ProgressEvent): void;
  clear(): void;
}

const REDRAW = 100;
const BAR = 24;
/** Width of a terminal that does not report it, as some serial ones. */
const DEFAULT_COLUMNS = 79;

export function openProgress(stream: WriteStream): Progress {
  if (!stream.isTTY) return { update: () => {}, clear: () => {} };
  let shown = false;
  let drawn = Number.NEGATIVE_INFINITY;
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

/** The line, as much of it as fits: the numbers come before the bar. */
function progressLine(
  { component, received, length }: ProgressEvent,
  { since, from }: { since: number; from: number },
  now: number,
  columns: number,
): string {
  const share = length === 0 ? 1 : received / length;
  const filled = Math.round(share * BAR);
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR - filled)} `;
  const percent = `${Math.floor(share * 100)} %`;
  const rate = now > since ? ((received - from) * 1_000) / (now - since) : 0;
  const amounts = `${formatBytes(received)} of ${formatBytes(length)}`;
  const pace = `, ${formatBytes(rate)}/s`;
  const left = rate > 0 ? `, ${formatDuration(((length - received) * 1_000) / rate)} left` : "";
  const room = Math.max(columns > 0 ? columns - 1 : DEFAULT_COLUMNS, 1);
  const lines = [
    `  ${bar}${percent}  ${component}  ${amounts}${pace}${left}`,
    `  ${percent}  ${component}  ${amounts}${pace}${left}`,
    `  ${percent}  ${amounts}${pace}${left}`,
    `  ${percent}  ${amounts}${pace}`,
    `  ${percent}  ${amounts}`,
    percent,
  ];
  return printable(lines.find((line) => line.length <= room) ?? percent.slice(0, room));
}
