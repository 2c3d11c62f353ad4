import { NearsourceError } from "../../errors.ts";

/** What goes to stderr: by default only what a person must know, since stdout tells the story. */
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

/** A signal that comes this much (ms) after the first is a person's, or a service manager's, who waits no longer. */
const AGAIN = 500;

/**
 * Ctrl-C and SIGTERM end the run cleanly: what was fetched is kept, what is installed stays. The same
 * once more ends the process. What conf brings along (when-exit) sends itself each signal again at once,
 * which must not count.
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
