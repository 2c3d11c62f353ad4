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
  return () => {
    held.set(polls.size);
    open.set(streams.size);
    const { filling, error } = mirror.state();
    missing.set(filling === null ? 0 : Math.max(0, filling.needed - filling.received));
    failing.set(error === null ? 0 : 1);
  };
}
