import { watch } from "node:fs";
import type { Clock } from "./scheduler.ts";

/** The files that every run changes at its end (store/state/state.ts). */
const LAST_WRITTEN = ["state.json", "confirmed"];
/** Pause (ms) after such a change before a look: there may be more than one. */
const PAUSE = 1_000;

/**
 * Notices runs of other processes on a data directory: `nearsource update` by hand. If the system cannot
 * notify (some network file systems, or too many watched folders), none is noticed; a caller that must not
 * miss one looks now and then as well.
 *
 * @returns a function that ends it
 */
export function noticeRuns(dataDir: string, clock: Clock, onRun: () => void): () => void {
  let cancel: (() => void) | undefined;
  const notice = () => {
    cancel ??= clock.after(PAUSE, () => {
      cancel = undefined;
      onRun();
    });
  };
  const end = watchFolder(dataDir, (name) => {
    if (LAST_WRITTEN.includes(name)) notice();
  });
  return () => {
    end();
    cancel?.();
  };
}

function watchFolder(folder: string, onChange: (name: string) => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => onChange(name ?? ""));
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
