/** Loaded into a server before its program: says how long its event loop was held, to whoever started it. */
import { monitorEventLoopDelay } from "node:perf_hooks";

const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
process.on("message", () => {
  process.send?.({ longest: delays.max / 1e6, usually: delays.percentile(99) / 1e6 });
  delays.reset();
});
process.channel?.unref();
