import type { Context } from "../context.ts";
import type { SetGauges } from "./serverMetrics.ts";

/** Gauges of what this process holds at the moment. */
export function processGauges({ metrics, polls, streams, mirror }: Context): SetGauges {
  const held = metrics.gauge("held_polls", "Requests for notifications that this process holds.");
  const open = metrics.gauge("event_streams", "Pages that watch something change.");
  const missing = metrics.gauge(
    "mirror_missing_bytes",
    "Bytes of newer content that this process is fetching and has not got yet.",
  );
  const failing = metrics.gauge(
    "mirror_failing",
    "1 while the last look for newer content of this process failed.",
  );
  const verified = metrics.gauge(
    "mirror_verified_timestamp_seconds",
    "When all mirrored files were last read through; absent before the first time.",
  );
  const damaged = metrics.gauge(
    "mirror_damaged_files",
    "Mirrored files that were then found altered on the disk, by whether the vendor has given them again.",
    "state",
  );
  return () => {
    held.set(polls.size);
    open.set(streams.size);
    const { filling, error, verified: last } = mirror.state();
    missing.set(filling === null ? 0 : Math.max(0, filling.needed - filling.received));
    failing.set(error === null ? 0 : 1);
    verified.remove();
    if (last !== null) verified.set(last.at / 1_000);
    damaged.set({ state: "missing" }, last?.missing ?? 0);
    damaged.set({ state: "mended" }, last === null ? 0 : last.damaged - last.missing);
  };
}
