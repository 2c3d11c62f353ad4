import { watch } from "node:fs";
import type { Clock } from "./scheduler.ts";

/** What every run changes as the last thing it does (store/state/state.ts). */
const LAST_WRITTEN = ["state.json", "confirmed"];
/** How long (ms) after that to look: it may change more than once. */
const PAUSE = 1_000;

/**
 * Notices runs of other processes on a data directory: `nearsource update` by hand. Where the system
 * cannot tell (some network file systems, or too many watched folders), nothing is heard; whoever must
 * not miss one looks now and then as well.
 *
 * @returns what ends it
 */
export function noticeRuns(dataDir: string, clock: Clock, hear: () => void): () => void {
  let cancel: (() => void) | undefined;
  const notice = () => {
    cancel ??= clock.after(PAUSE, () => {
      cancel = undefined;
      hear();
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

function watchFolder(folder: string, hear: (name: string) => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => hear(name ?? ""));
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
