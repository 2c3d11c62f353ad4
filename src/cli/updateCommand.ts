import { fstatSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { RunEnd } from "../agent/runProcess.ts";
import { readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import { openRunLog } from "../config/runLog.ts";
import { formatBytes, formatDuration } from "../core/amounts.ts";
import type { Kind } from "../core/content/kind.ts";
import { isLie } from "../core/order/disposition.ts";
import { type Attempt, type Installed, outcomeWord } from "../core/report.ts";
import { type ErrorCode, explainError, toNearsourceError } from "../errors.ts";
import { collectSpentBuffers } from "../http/spentBuffers.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { readIdentity } from "../store/state/identity.ts";
import type { VersionRecord } from "../tuf/versionRecord.ts";
import { HOOK_HINT } from "../update/hook.ts";
import { type Report, type UpdateEvent, update } from "../update/update.ts";
import { paint, print, printAside, printJson } from "./terminal/output.ts";
import { openProgress } from "./terminal/progressBar.ts";
import { onSignals, stderrLevel } from "./terminal/running.ts";

export interface UpdateCommandOptions {
  kind?: Kind[];
  wait?: boolean;
  scheduled?: boolean;
  told?: VersionRecord | undefined;
  config?: string;
  json?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** `nearsource update`. Returns the exit code. */
export async function updateCommand(options: UpdateCommandOptions): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env);
  const display = options.json === true || options.quiet === true ? undefined : openDisplay();
  const isShown = display !== undefined && options.verbose !== true && isOneStream();
  const log = openRunLog(config.log, isShown ? undefined : stderrLevel(options));
  collectSpentBuffers();
  const interruption = onSignals();
  const [began, started] = [performance.now(), Date.now()];
  const trigger = options.scheduled === true ? "schedule" : "manual";
  const tellServer = async (end: RunEnd) => {
    // Nothing more is loaded where there is nobody to tell.
    const identity = await readIdentity(dataDirAt(config.dataDir)).catch(() => undefined);
    if (config.server === undefined || identity?.secret === undefined) return;
    const { reportByHand } = await import("../agent/reportByHand.ts");
    await reportByHand(
      { config, server: config.server, agentId: identity.id, log },
      { trigger, started, end },
    );
  };
  try {
    const report = await update({
      config,
      kinds: options.kind,
      wait: options.wait,
      trigger,
      told: options.told,
      signal: interruption.signal,
      log,
      onEvent: (event) => {
        if (event.type === "waiting") log.info(`waiting: ${event.message}`);
        display?.show(event);
      },
    });
    display?.close();
    if (options.json === true) printJson(report);
    else if (options.quiet !== true) printReport(report, performance.now() - began, config.components);
    if (options.quiet === true && report.exitCode !== 0) printFailed(report);
    log.info(`ended: ${outcomeWord(report)}`, { report });
    await tellServer({ report });
    return report.exitCode;
  } catch (error) {
    log.info(`ended: ${explainError(error)}`);
    const { code, hint } = toNearsourceError(error);
    const isOwn = code !== "LOCKED" && code !== "INTERRUPTED";
    if (isOwn) await tellServer({ failure: { code, message: explainError(error), hint } });
    throw error;
  } finally {
    display?.close();
    interruption.end();
    await log.close();
  }
}

/** Whether stdout and stderr end in one place, where a message on one need not be repeated on the other. */
function isOneStream(): boolean {
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.ino !== 0 && out.ino === err.ino && out.dev === err.dev;
  } catch {
    return false;
  }
}

const RULE_NAMES = { custom: "entry", server: "server", "active-update": "ActiveUpdate" } as const;

function openDisplay() {
  const progress = openProgress(process.stdout);
  const show = (event: UpdateEvent) => {
    if (event.type === "progress") return progress.update(event);
    progress.clear();
    if (event.type === "waiting") {
      print(paint("dim", `waiting: ${event.message}`));
    } else if (event.type === "note") {
      print(`  ${paint("yellow", "note")} ${event.message}`);
    } else if (event.type === "settings") {
      printSettings(event);
    } else if (event.type === "source") {
      const name = event.name ?? (event.rule === "custom" ? "" : RULE_NAMES[event.rule]);
      print(
        `${paint("cyan", "→")} ${[paint("bold", name), event.url].filter((part) => part !== paint("bold", "")).join("  ")}`,
      );
    } else if (event.type === "attempt") {
      printAttempt(event.attempt);
    }
  };
  return { show, close: () => progress.clear() };
}

function printSettings({ addresses, sourceList }: Extract<UpdateEvent, { type: "settings" }>): void {
  const { from, version, code, message } = sourceList;
  const origin = {
    server: "from the server",
    cache: "verified earlier",
    file: "from a local file",
    none: "",
  }[from];
  const list =
    from === "none"
      ? "no source list, so the standard source"
      : `source list ${version === 0 ? "" : `${version} `}${origin}`;
  print(paint("dim", `${addresses.join(", ") || "no known address"}: ${list}`));
  if (code === undefined) return;
  print(`  ${markOf(code)} the server's settings: ${message} ${paint("dim", `(${code})`)}`);
}

/** A source that lied is worth a person's attention, also when the run succeeds. */
function markOf(code: ErrorCode): string {
  return isLie(code) ? paint("red", "✗✗") : paint("yellow", "✗");
}

function printAttempt(attempt: Attempt): void {
  const { waited } = attempt;
  const wait = waited === undefined ? "" : `, waited ${formatDuration(waited.ms)} while it was ${waited.for}`;
  if (attempt.code !== undefined) {
    print(
      `  ${markOf(attempt.code)} ${attempt.message} ${paint("dim", `(${attempt.code}, ${formatDuration(attempt.ms)}${wait})`)}`,
    );
  }
  if (attempt.delivered.length === 0) return;
  const did =
    attempt.outcome === "current" ? "nothing new" : `${formatBytes(attempt.bytes)} fetched and verified`;
  const what = attempt.newerComing === true ? `${did}, but something newer is on its way there` : did;
  print(
    `  ${paint("green", "✓")} ${attempt.delivered.join(", ")}: ${what} ${paint("dim", `(${formatDuration(attempt.ms)}${wait})`)}`,
  );
}

function printReport(report: Report, ms: number, wanted: string[] | undefined): void {
  for (const change of report.installed) print(`  ${changeLine(change)}`);
  for (const name of report.removed) print(`  ${name} ${whyRemoved(name, wanted)} and was removed`);
  if (report.failure !== undefined) {
    print(`${paint("red", outcomeWord(report))}: ${report.failure.message}`);
  }
  if (report.attempts.length === 0 && report.undelivered.length > 0) print("no source to try");
  print(`${outcomeLine(report)} ${paint("dim", `(${formatDuration(ms)})`)}`);
  if (report.failure?.code === "HOOK_FAILED") print(`hint: ${HOOK_HINT}`);
  if (report.undelivered.length > 0) printWhy(report);
}

function whyRemoved(name: string, wanted: string[] | undefined): string {
  const isWanted = wanted?.includes(name.replace(/^.*\//, "")) !== false;
  return isWanted ? "is no longer published" : "is not among the configured components";
}

/** The failure of a run, the only output with --quiet. */
function printFailed(report: Report): void {
  const reason = report.failure === undefined ? "" : `${report.failure.message}: `;
  printAside(`nearsource: ${reason}${stripVTControlCharacters(outcomeLine(report))}`);
  printAside("hint: nearsource status says what was tried");
}

function changeLine({ component, kind, fromVersion, toVersion, via, bytes, mended }: Installed): string {
  const changed = [fromVersion, toVersion].filter((version) => version !== undefined).join(" → ");
  const versions = mended === true ? `${toVersion}, which was damaged` : changed;
  const amount = paint("dim", formatBytes(bytes) + (via === "delta" ? ", a delta" : ""));
  const parts = [paint("bold", `${kind}/${component}`), versions, amount];
  return parts.filter((part) => part !== "").join("  ");
}

function outcomeLine(report: Report): string {
  const installed =
    report.generation === 0 ? "nothing is installed" : `generation ${report.generation} is installed`;
  const asBefore = report.generation === 0 ? installed : `${installed} as before`;
  const generation = report.generation === 0 ? "" : `: ${installed}`;
  if (report.failure !== undefined) return `${paint("red", "not updated")}: ${asBefore}`;
  const filling = report.attempts.find(({ newerComing, delivered }) => newerComing && delivered.length > 0);
  const ahead =
    filling === undefined ? "" : `; something newer is on its way to ${filling.name ?? filling.url}`;
  const lines = {
    updated: `${paint("green", "updated")}${generation}${ahead}`,
    current: `${ahead === "" ? paint("green", "already current") : "nothing newer yet"}${generation}${ahead}`,
    partial: `${paint("yellow", "partly updated")}: ${installed}, but nobody delivered ${report.undelivered.join(", ")}`,
    exhausted: `${paint("red", "every source is exhausted")}: nothing was delivered, and ${asBefore}`,
  };
  return lines[report.outcome];
}

/** The reasons why a run did not get everything: sources passed over, beside the attempts shown above. */
function printWhy(report: Report): void {
  for (const { entry, name, rule, url, reason } of report.skipped) {
    const place = entry === undefined ? RULE_NAMES[rule] : `entries[${entry}]`;
    print(`  ${paint("dim", "not tried:")} ${[place, name, url].filter(Boolean).join("  ")}: ${reason}`);
  }
  print(`hint: nearsource explain shows the whole order`);
}
