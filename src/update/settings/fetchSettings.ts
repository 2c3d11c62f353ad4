import { settingsTargets } from "../../core/content/layout.ts";
import { DISPOSITIONS, endsSource, leavesOtherKinds } from "../../core/order/disposition.ts";
import { parseSourceList } from "../../core/order/sourceList.ts";
import type { Installed } from "../../core/report.ts";
import { parsePolicy, parseUpdateAgents } from "../../core/settings/policy.ts";
import { parseReleases } from "../../core/settings/rollout.ts";
import { type ErrorCode, NearsourceError, toNearsourceError } from "../../errors.ts";
import { fetchDocuments, refreshRepository } from "../../source/refreshRepository.ts";
import type { Source } from "../../source/source.ts";
import type { Refreshed } from "../../tuf/refresh.ts";
import { keepRefreshed, meansOf } from "../keepRefreshed.ts";
import { note, type Run } from "../run.ts";
import { parseOrThrow, type Settings, settingsInForce } from "./settings.ts";

/** Longest time (ms) to fetch the source list before the last one is used. */
const LIST_BUDGET = 8_000;

/** The settings repository was refreshed by this many bytes, from this address. */
export interface SettingsDelivery {
  changes: Installed[];
  bytes: number;
  address: string | undefined;
}

/** Settings for a run, and where they came from. */
export interface FetchedSettings {
  settings: Settings;
  /** Whether the server delivered them in this run, and the documents that changed with it. */
  fetched: boolean;
  changes: Installed[];
  /** The reason why it did not, if it was asked. */
  failure?: NearsourceError;
  /** It failed in a way that makes asking it again in this run pointless: for anything, or for settings. */
  serverLost?: "whole" | "settings";
}

/**
 * The settings for a run: from the server if it answers within a short budget, else the last that verified,
 * else the standard source. Local files stand in place of the server's where configured.
 *
 * @throws NearsourceError only for errors that no source could mend
 */
export async function fetchSettings(run: Run): Promise<FetchedSettings> {
  const { config } = run;
  const fileOnly = config.sourceList !== undefined && config.policy !== undefined;
  if (fileOnly || config.server === undefined || run.trusted.settings === undefined) {
    const settings = await settingsInForce(config, run.trusted.settings, run.state.agentId);
    return { settings, fetched: false, changes: [] };
  }
  const budget = AbortSignal.timeout(LIST_BUDGET);
  const signal = run.signal === undefined ? budget : AbortSignal.any([run.signal, budget]);
  try {
    const { changes } = await updateSettings({ ...run, signal }, { url: config.server, viaProxy: false });
    const settings = await settingsInForce(config, run.trusted.settings, run.state.agentId, "server");
    return { settings, fetched: true, changes };
  } catch (error) {
    const failure = budget.aborted ? overBudget(config.server) : toNearsourceError(error);
    if (run.signal?.aborted === true || DISPOSITIONS[failure.code].action === "stop") throw error;
    const settings = await settingsInForce(config, run.trusted.settings, run.state.agentId);
    settings.sourceList.code = failure.code;
    settings.sourceList.message = failure.message;
    // Out of budget is not out of order: over a thin link the server may still be the one that works.
    const notFetched = { settings, fetched: false, changes: [], failure };
    if (budget.aborted || !endsSource(failure.code)) return notFetched;
    return { ...notFetched, serverLost: leavesOtherKinds(failure.code) ? "settings" : "whole" };
  }
}

function overBudget(server: string): NearsourceError {
  const seconds = LIST_BUDGET / 1_000;
  return new NearsourceError(
    "RESPONSE_TIMEOUT",
    `${new URL(server).host} did not give its settings within ${seconds} s`,
  );
}

/**
 * Refreshes the settings repository from one source. The documents that concern this agent are validated
 * before the set becomes the trusted one; an invalid one refuses the whole, and the settings in force stay.
 *
 * @throws NearsourceError of the phases resolve to settings, and storage
 */
export async function updateSettings(run: Run, source: Source): Promise<SettingsDelivery> {
  const before = run.trusted.settings;
  if (before === undefined) throw new NearsourceError("NOT_OFFERED", "no settings root is configured");
  const targets = settingsTargets(run.config.domain);
  const collect = async (refreshed: Refreshed) => {
    const documents = await fetchDocuments(refreshed, Object.values(targets));
    checkDocuments(documents, targets);
    return { documents };
  };
  const brought = await refreshRepository(before, source, meansOf(run, before, source), collect);
  await keepRefreshed(run, source, brought);
  const { documents } = brought.found;
  const changes = changesBetween(before.documents, documents);
  if (changes.length > 0) await remarkOn(run, before.documents, documents);
  return { changes, bytes: brought.bytes, address: brought.address };
}

/** Refuses documents that an agent could not use. */
function checkDocuments(
  documents: ReadonlyMap<string, Buffer>,
  targets: ReturnType<typeof settingsTargets>,
): void {
  check(documents.get(targets.sourceList), targets.sourceList, "SOURCE_LIST_INVALID", parseSourceList);
  check(documents.get(targets.policy), targets.policy, "POLICY_INVALID", parsePolicy);
  check(documents.get(targets.releases), targets.releases, "SETTINGS_INVALID", parseReleases);
  check(documents.get(targets.updateAgents), targets.updateAgents, "SETTINGS_INVALID", parseUpdateAgents);
}

/** Reports fields without effect in documents that have just come, once. */
async function remarkOn(
  run: Run,
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const { remarksOnBytes } = await import("./remarks.ts");
  const targets = settingsTargets(run.config.domain);
  for (const name of ["sourceList", "policy", "releases", "updateAgents"] as const) {
    const bytes = after.get(targets[name]);
    if (bytes === undefined || before.get(targets[name])?.equals(bytes)) continue;
    for (const remark of remarksOnBytes(name, targets[name], bytes)) note(run, remark, "warn");
  }
}

function changesBetween(
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
): Installed[] {
  const changes: Installed[] = [];
  for (const [target, bytes] of after) {
    const old = before.get(target);
    if (old?.equals(bytes) === true) continue;
    const change: Installed = {
      component: target.slice("settings/".length, -".json".length),
      kind: "settings",
      ...(old === undefined ? {} : named("fromVersion", versionOf(old))),
      ...named("toVersion", versionOf(bytes)),
      via: "full",
      bytes: bytes.length,
    };
    changes.push(change);
  }
  return changes;
}

/** The version of a document; not every one has it. */
function versionOf(bytes: Buffer): string | undefined {
  try {
    const { version } = JSON.parse(bytes.toString());
    return version === undefined ? undefined : String(version);
  } catch {
    return undefined;
  }
}

function named(name: "fromVersion" | "toVersion", version: string | undefined): Partial<Installed> {
  return version === undefined ? {} : { [name]: version };
}

function check(
  bytes: Buffer | undefined,
  name: string,
  code: ErrorCode,
  parse: (value: unknown) => unknown,
): void {
  if (bytes !== undefined) parseOrThrow(bytes.toString(), `the signed ${name}`, code, parse);
}
