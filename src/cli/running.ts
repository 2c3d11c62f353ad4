import { NearsourceError } from "../errors.ts";

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

/** Ctrl-C and SIGTERM end the run cleanly: what was fetched is kept, what is installed stays. */
export function onSignals(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const abort = () =>
    controller.abort(
      new NearsourceError("INTERRUPTED", "interrupted; what is installed was not changed", {
        hint: "the next run goes on where this one stopped",
      }),
    );
  process.once("SIGINT", abort).once("SIGTERM", abort);
  return { signal: controller.signal, end: () => process.off("SIGINT", abort).off("SIGTERM", abort) };
}
