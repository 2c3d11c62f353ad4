import { NearsourceError } from "../../errors.ts";

/**
 * Level of messages on stderr: by default only those that a person must know, since stdout has the result.
 */
export function stderrLevel({
  verbose,
  quiet,
  json,
}: {
  verbose?: boolean;
  quiet?: boolean;
  json?: boolean;
}) {
  if (verbose === true) return "debug";
  return json === true && quiet !== true ? "warn" : "error";
}

/**
 * A signal that comes this much (ms) after the first is from a person or a service manager that waits no
 * longer.
 */
const AGAIN = 500;

/**
 * Ctrl-C and SIGTERM end the run cleanly: fetched bytes are kept, the installed set stays. The same signal
 * once more ends the process. A dependency of conf (when-exit) sends itself each signal again at once, which
 * must not count.
 */
export function onSignals(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const abort = () =>
    controller.abort(
      new NearsourceError("INTERRUPTED", "interrupted; what is installed was not changed", {
        hint: "what was fetched is kept: the next run goes on where this one stopped",
      }),
    );
  let since: number | undefined;
  const hear = (signal: NodeJS.Signals) => {
    if (since === undefined) abort();
    else if (performance.now() - since > AGAIN) {
      end();
      process.kill(process.pid, signal);
    }
    since ??= performance.now();
  };
  const end = () => {
    process.off("SIGINT", hear).off("SIGTERM", hear);
  };
  process.on("SIGINT", hear).on("SIGTERM", hear);
  return { signal: controller.signal, end };
}
