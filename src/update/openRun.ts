import { refuseUnsafeFiles } from "../config/believedFiles.ts";
import { readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import type { Config } from "../config/configSchema.ts";
import { type Log, SILENT } from "../config/log.ts";
import type { Repository } from "../core/content/layout.ts";
import type { UpdateEvent } from "../core/report.ts";
import { toNearsourceError } from "../errors.ts";
import { interrupted } from "../http/body.ts";
import type { Fetcher } from "../http/fetcher.ts";
import { openFetcher } from "../http/openFetcher.ts";
import type { DataDir } from "../store/dataDir.ts";
import { readCurrent } from "../store/generations/generations.ts";
import { openState } from "../store/state/state.ts";
import { withDataDir } from "../store/withDataDir.ts";
import { timeOfRun } from "../tuf/clock.ts";
import { openTrusted } from "../tuf/roots.ts";
import { byName, NO_TERMS, note, type Run } from "./run.ts";
import { standingOf } from "./settings/situation.ts";

/** The options of every run. */
export interface RunOptions {
  /** A configuration file (default: as the command line finds it), or a configuration already read. */
  config?: string | Config | undefined;
  /** Versions of timestamps known to be there: sources that have older ones are asked, and the next ones too. */
  told?: Partial<Record<Repository, number>> | undefined;
  /** Wait while another run holds the data directory, instead of failing with LOCKED. */
  wait?: boolean | undefined;
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
  onEvent?: ((event: UpdateEvent) => void) | undefined;
  /** The time of this run; default: now. */
  now?: Date | undefined;
  /** The transport of this run, closed at its end; default: HTTP as configured. */
  fetcher?: Fetcher | undefined;
}

/**
 * Opens the data directory under its lock, with everything a run needs, for as long as `work` takes.
 *
 * @param options.onFailure called with the error that ended it, before the lock is free
 * @param options.mend takes links in the place of installed files for damage, and removes them
 * @throws NearsourceError of the configuration, the lock and the storage, and the errors of `work`
 */
export async function withRun<Result>(
  options: RunOptions & {
    mend?: boolean;
    onFailure?: (error: unknown, dirs: DataDir) => Promise<void>;
  },
  work: (run: Run) => Promise<Result>,
): Promise<Result> {
  const config = await configOf(options.config);
  const fetcher = options.fetcher ?? (await openFetcher(config));
  const { wait, signal, mend } = options;
  try {
    const onWait = (message: string) => options.onEvent?.({ type: "waiting", message });
    return await withDataDir(config.dataDir, { wait, signal, onWait, mend }, async (dirs) => {
      try {
        return await work(await openRun(options, config, fetcher, dirs));
      } catch (error) {
        await options.onFailure?.(error, dirs);
        throw error;
      }
    });
  } catch (error) {
    throw stoppedBy(signal, error);
  } finally {
    fetcher.close();
  }
}

/** The reason why a run ended: that it was stopped, if it was, and not an error that it met on the way. */
export function stoppedBy(signal: AbortSignal | undefined, error: unknown): unknown {
  return toNearsourceError(error).code === "INTERRUPTED" ? error : (interrupted(signal) ?? error);
}

async function openRun(options: RunOptions, config: Config, fetcher: Fetcher, dirs: DataDir): Promise<Run> {
  const began = performance.now();
  const losses: string[] = [];
  const state = await openState(dirs, (message) => losses.push(message));
  const installed = await readCurrent(dirs);
  const run: Run = {
    ...standingOf(config),
    dirs,
    fetcher,
    log: options.log ?? SILENT,
    emit: options.onEvent ?? (() => {}),
    signal: options.signal,
    now: timeOfRun(options.now ?? new Date(), state.clockFloor),
    began,
    notified: options.told ?? {},
    state,
    trusted: await openTrusted(dirs, config.roots),
    installed,
    installedByName: byName(installed?.components ?? []),
    terms: NO_TERMS,
  };
  for (const loss of losses) note(run, loss, "warn");
  return run;
}

async function configOf(given: string | Config | undefined): Promise<Config> {
  if (typeof given === "object") {
    // It was read some time ago, by a process that stays.
    refuseUnsafeFiles(given, process.env);
    return given;
  }
  return await readConfig(configPath(given, process.env), process.env);
}
