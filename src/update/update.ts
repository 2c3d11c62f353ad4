import { refuseUnsafeFiles } from "../config/believedFiles.ts";
import { type Config, noteChecked, readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import { type Log, SILENT } from "../config/log.ts";
import type { Kind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import { formatAddress } from "../core/order/address.ts";
import { isLie } from "../core/order/disposition.ts";
import { isSuccess, type Report, type Trigger, type UpdateEvent } from "../core/report.ts";
import { explainError, toNearsourceError } from "../errors.ts";
import { interrupted } from "../http/body.ts";
import type { Fetcher } from "../http/client.ts";
import { openFetcher } from "../http/openFetcher.ts";
import { createPatience } from "../source/patience.ts";
import type { DataDir } from "../store/files.ts";
import { readCurrent } from "../store/generations.ts";
import { keepState, noteFailure, openState } from "../store/state.ts";
import { sweepUnfinished, withDataDir } from "../store/withDataDir.ts";
import { timeOfRun } from "../tuf/clock.ts";
import { openTrusted } from "../tuf/roots.ts";
import { noteUnpublished } from "./deliverKind.ts";
import { type Installation, installDelivered, sweepUnwanted } from "./install.ts";
import { namedObjects } from "./learnOffer.ts";
import { lookOver, mendDamage, settleDamage } from "./repair/mend.ts";
import { byName, note, type Run } from "./run.ts";
import { tellingProgress } from "./runProgress.ts";
import { fetchSettings } from "./settings/fetchSettings.ts";
import type { Settings } from "./settings/settings.ts";
import { kindsOf, NO_ADDRESS, orderOf, ownAddresses, uncoveredOf } from "./settings/situation.ts";
import { startWalk, type Walk, walkOrder } from "./walk.ts";

export type { Attempt, Report, Trigger, UpdateEvent } from "../core/report.ts";
export { NearsourceError } from "../errors.ts";
export type { Fetcher } from "../http/client.ts";

export interface UpdateOptions {
  /** A configuration file (default: as the command line finds it), or a configuration already read. */
  config?: string | Config | undefined;
  /** What to update; default: as configured, else as the policy says, else all. */
  kinds?: Kind[] | undefined;
  trigger?: Trigger | undefined;
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
 * One update run: settings, order, sources one after the other, installation. It resolves with a
 * report also when every source is exhausted, which is an outcome and not an error.
 *
 * @throws NearsourceError only for what no source could mend (docs/errors.md: "stop")
 */
export async function update(options: UpdateOptions = {}): Promise<Report> {
  const { kinds, trigger = "manual", signal } = options;
  const started = new Date().toISOString();
  const onFailure = async (error: unknown, dirs: DataDir) => {
    const failure = toNearsourceError(stoppedBy(signal, error));
    const { code, hint } = failure;
    // A disk that is full needs the room that what was begun takes.
    await sweepUnfinished(dirs).catch(() => {});
    const times = { started, ended: new Date().toISOString() };
    await noteFailure(dirs, { trigger, ...times, code, message: explainError(failure), hint });
  };
  return await withRun({ ...options, onFailure }, (run) =>
    tellingProgress(run, trigger, (told) => runUpdate(told, kinds, trigger)),
  );
}

/**
 * Opens the data directory under its lock, with everything a run needs, for as long as `work` takes.
 *
 * @param options.onFailure is told what ended it, before the lock is free
 * @param options.mend takes links in the place of installed files for damage, and removes them
 * @throws NearsourceError of the configuration, the lock and the storage, and whatever `work` throws
 */
export async function withRun<Result>(
  options: UpdateOptions & {
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

/** What a run that was told to stop met on the way is not why it ended. */
function stoppedBy(signal: AbortSignal | undefined, error: unknown): unknown {
  return toNearsourceError(error).code === "INTERRUPTED" ? error : (interrupted(signal) ?? error);
}

async function openRun(
  options: UpdateOptions,
  config: Config,
  fetcher: Fetcher,
  dirs: DataDir,
): Promise<Run> {
  await noteChecked(config);
  const began = performance.now();
  const losses: string[] = [];
  const state = await openState(dirs, (message) => losses.push(message));
  const installed = await readCurrent(dirs);
  const run: Run = {
    config,
    dirs,
    fetcher,
    log: options.log ?? SILENT,
    emit: options.onEvent ?? (() => {}),
    signal: options.signal,
    now: timeOfRun(options.now ?? new Date(), state.clockFloor),
    began,
    addresses: ownAddresses(config),
    told: options.told ?? {},
    patience: createPatience(0),
    shares: false,
    holds: {},
    state,
    trusted: await openTrusted(dirs, config.roots),
    installed,
    installedByName: byName(installed?.components ?? []),
    delivered: new Map(),
    noticed: new Set(),
    mended: new Set(),
    damaged: new Set(),
    changedSettings: [],
    fetched: new Map(),
    byDelta: new Set(),
  };
  for (const loss of losses) note(run, loss, "warn");
  return run;
}

async function runUpdate(run: Run, asked: Kind[] | undefined, trigger: Trigger): Promise<Report> {
  const started = new Date().toISOString();
  const { settings, fetched, failure: refused, serverLost } = await fetchSettings(run);
  if (refused !== undefined) {
    const line = `the settings could not be fetched: ${explainError(refused)} (${refused.code})`;
    run.log[isLie(refused.code) ? "error" : "warn"](line);
  }
  run.holds = settings.policy.holds;
  run.patience = createPatience(settings.policy.patience[trigger]);
  run.shares = settings.role === "update-agent";
  run.fetcher.limitRate(run.config.http.rateLimit ?? settings.policy.rateLimit);
  const addresses = run.addresses.map(formatAddress);
  run.emit({ type: "settings", addresses, sourceList: settings.sourceList });
  if (addresses.length === 0) note(run, NO_ADDRESS, "warn");
  const kinds = kindsOf(run.config, asked, settings.policy.kinds);
  const order = orderOf(run, settings, kinds);
  const walk = startWalk(kinds, uncoveredOf(run, settings, kinds).kinds, order);
  // The list came from the server a moment ago, and with it all settings that concern this agent.
  if (fetched) walk.needed.delete("settings");
  if (refused !== undefined && serverLost === "whole") walk.dead.set(run.config.server ?? "", refused.code);
  if (serverLost === "settings") walk.withoutSettings = run.config.server;
  const found = await lookOver(run, kinds, settings.policy.verifyEvery);
  run.noticed = new Set(found.damage.map(({ component }) => component));
  await walkOrder(run, order, walk);
  noteUnpublished(run);
  const left = order.steps.filter(({ url }) => !walk.dead.has(url));
  const unmended = await mendDamage(run, left, found.damage);
  const installation = await installDelivered(run);
  const failure = installation.failure ?? unmended;
  await settleDamage(run, found, failure === undefined, installation.generation);
  const report = toReport(run, trigger, settings, walk, { ...installation, failure });
  if (failure !== undefined) run.log.error(explainError(failure));
  // Swept before the state says that this run ended: whoever dies in between leaves it to the next run.
  await sweepUnwanted(run.dirs, run.config.keepGenerations, namedObjects(run.trusted.content, walk.needed));
  const ended = new Date().toISOString();
  run.state.lastRun = { started, ended, report };
  if (isSuccess(report)) run.state.lastSuccess = ended;
  delete run.state.lastFailure;
  await keepState(run.dirs, run.state);
  return report;
}

function toReport(
  run: Run,
  trigger: Trigger,
  settings: Settings,
  walk: Walk,
  { generation, installed, removed, failure }: Installation,
): Report {
  const undelivered = walk.kinds.filter((kind) => walk.needed.has(kind));
  const uncovered = undelivered.filter((kind) => walk.uncovered.includes(kind));
  const changed = installed.length + removed.length + run.changedSettings.length > 0;
  const anything = walk.attempts.some((attempt) => attempt.delivered.length > 0);
  // What was taken back, or is damaged for good, is neither the newest set nor nothing.
  const gotAll = undelivered.length === 0 && failure === undefined;
  const outcome = gotAll ? (changed ? "updated" : "current") : anything ? "partial" : "exhausted";
  const exitCode = failure !== undefined ? 8 : outcome === "partial" ? 3 : outcome === "exhausted" ? 4 : 0;
  return {
    outcome,
    trigger,
    exitCode,
    addresses: run.addresses.map(formatAddress),
    sourceList: settings.sourceList,
    attempts: walk.attempts,
    skipped: walk.skipped,
    installed: [...run.changedSettings, ...installed],
    removed,
    undelivered,
    ...(uncovered.length === 0 ? {} : { uncovered }),
    ...(failure === undefined ? {} : { failure: { code: failure.code, message: failure.message } }),
    generation,
    // What was mended came after the attempts, and is of none of them.
    bytes: [...walk.attempts, ...installed.filter(({ mended }) => mended)].reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    ),
  };
}

async function configOf(given: string | Config | undefined): Promise<Config> {
  if (typeof given === "object") {
    // It was read some time ago, by a process that stays.
    refuseUnsafeFiles(given, process.env);
    return given;
  }
  return await readConfig(configPath(given, process.env), process.env);
}
