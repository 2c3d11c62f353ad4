import { type Repository, repositoryUrls, settingsTargets } from "../../core/content/layout.ts";
import { DISPOSITIONS, endsSource, leavesOtherKinds } from "../../core/order/disposition.ts";
import { parseSourceList } from "../../core/order/sourceList.ts";
import type { Installed } from "../../core/report.ts";
import { parsePolicy, parseUpdateAgents } from "../../core/settings/policy.ts";
import { type ErrorCode, NearsourceError, toNearsourceError } from "../../errors.ts";
import type { Source } from "../../source/source.ts";
import { raiseClockFloor } from "../../tuf/clock.ts";
import { type Refreshed, refresh } from "../../tuf/refresh.ts";
import { describeRole, type TrustedSet, writeTrustedSet } from "../../tuf/trustedSet.ts";
import { note, presentOf, type Run } from "../run.ts";
import { parseOrThrow, type Settings, settingsInForce } from "./settings.ts";

/** How long (ms) the source list may take to fetch before the last one is used. */
const LIST_BUDGET = 8_000;

/** The settings repository was refreshed by this many bytes, from this address. */
export interface SettingsDelivery {
  changes: Installed[];
  bytes: number;
  address: string | undefined;
}

/** Settings for a run, and how they were come by. */
export interface FetchedSettings {
  settings: Settings;
  /** The server delivered them in this run. */
  fetched: boolean;
  /** Why it did not, if it was asked. */
  failure?: NearsourceError;
  /** It failed in a way that makes asking it again in this run pointless: for anything, or for settings. */
  serverLost?: "whole" | "settings";
}

/**
 * The settings for a run: from the server if it answers within a short budget, else the last that
 * verified, else the standard source. Local files stand in place of the server's where configured.
 *
 * @throws NearsourceError only for what no source could mend
 */
export async function fetchSettings(run: Run): Promise<FetchedSettings> {
  const { config } = run;
  const fileOnly = config.sourceList !== undefined && config.policy !== undefined;
  if (fileOnly || config.server === undefined || run.trusted.settings === undefined) {
    return {
      settings: await settingsInForce(config, run.trusted.settings, run.state.agentId),
      fetched: false,
    };
  }
  const budget = AbortSignal.timeout(LIST_BUDGET);
  const signal = run.signal === undefined ? budget : AbortSignal.any([run.signal, budget]);
  try {
    await updateSettings({ ...run, signal }, { url: config.server, viaProxy: false });
    const settings = await settingsInForce(config, run.trusted.settings, run.state.agentId, "server");
    return { settings, fetched: true };
  } catch (error) {
    const failure = budget.aborted ? overBudget(config.server) : toNearsourceError(error);
    if (run.signal?.aborted === true || DISPOSITIONS[failure.code] === "stop") throw error;
    const settings = await settingsInForce(config, run.trusted.settings, run.state.agentId);
    settings.sourceList.code = failure.code;
    settings.sourceList.message = failure.message;
    // Out of budget is not out of order: over a thin link the server may still be the one that works.
    if (budget.aborted || !endsSource(failure.code)) return { settings, fetched: false, failure };
    const serverLost = leavesOtherKinds(failure.code) ? "settings" : "whole";
    return { settings, fetched: false, failure, serverLost };
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
 * Refreshes the settings repository from one source. The documents that concern this agent are
 * validated before the set becomes the trusted one; an invalid one refuses the whole, and what is in
 * force stays.
 *
 * @throws NearsourceError of the phases resolve to settings, and storage
 */
export async function updateSettings(run: Run, source: Source): Promise<SettingsDelivery> {
  const before = run.trusted.settings;
  if (before === undefined) throw new NearsourceError("NOT_OFFERED", "no settings root is configured");
  const reached = {
    ...repositoryUrls(source.url, "settings"),
    viaProxy: source.viaProxy,
    fetcher: run.fetcher,
    signal: run.signal,
    etag: run.state.etags[etagKey(before, source)],
  };
  const refreshed = await refresh(before, reached, run.now);
  const targets = settingsTargets(run.config.domain);
  const documents = new Map<string, Buffer>();
  for (const target of Object.values(targets)) {
    const bytes = await refreshed.document(target);
    if (bytes !== undefined) documents.set(target, bytes);
  }
  check(documents.get(targets.sourceList), targets.sourceList, "SOURCE_LIST_INVALID", parseSourceList);
  check(documents.get(targets.policy), targets.policy, "POLICY_INVALID", parsePolicy);
  check(documents.get(targets.updateAgents), targets.updateAgents, "SETTINGS_INVALID", parseUpdateAgents);
  const changes = changesBetween(before.documents, documents);
  if (refreshed.changed || changes.length > 0 || documents.size !== before.documents.size) {
    run.trusted.settings = await writeTrustedSet(
      run.dirs,
      "settings",
      {
        files: refreshed.files,
        documents,
      },
      run.signal,
    );
  }
  remember(run, "settings", source, refreshed);
  run.changedSettings.push(...changes);
  if (changes.length > 0) await remarkOn(run, before.documents, documents);
  return { changes, bytes: refreshed.bytes, address: refreshed.address };
}

/** What has no effect in documents that have just come, said once. */
async function remarkOn(
  run: Run,
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const { remarksOnBytes } = await import("./remarks.ts");
  const targets = settingsTargets(run.config.domain);
  for (const name of ["sourceList", "policy", "updateAgents"] as const) {
    const bytes = after.get(targets[name]);
    if (bytes === undefined || before.get(targets[name])?.equals(bytes)) continue;
    for (const remark of remarksOnBytes(name, targets[name], bytes)) note(run, remark, "warn");
  }
}

/**
 * Where the state keeps the ETag of a source's timestamp. An ETag only speaks of the timestamp it came
 * with, and a run that died may have left a newer one trusted: so that one's version is part of the key.
 */
export function etagKey({ repository, files }: Pick<TrustedSet, "repository" | "files">, source: Source) {
  return `${repository} ${describeRole(files.get("timestamp.json"))?.version ?? 0} ${source.url}`;
}

/** After a refresh that verified: when, the source's ETag, and the signing time as a floor for the clock. */
export function remember(
  run: Run,
  repository: Repository,
  source: Source,
  refreshed: Pick<Refreshed, "etag" | "files">,
): void {
  const { state, now } = run;
  const { etag, files } = refreshed;
  state.fresh[repository] = presentOf(run).toISOString();
  const others = Object.entries(state.etags).filter(([key]) => !key.startsWith(`${repository} `));
  const own = etag === undefined ? [] : [[etagKey({ repository, files }, source), etag]];
  state.etags = Object.fromEntries([...others, ...own]);
  const timestamp = describeRole(files.get("timestamp.json"));
  if (timestamp === undefined) return;
  raiseClockFloor(state, timestamp.signedAt, now);
  // Seen before, it stays as it was: its life does not begin anew with every look at it.
  if (state.timestamps?.[repository]?.version === timestamp.version) return;
  const from = Date.parse(timestamp.signedAt ?? now.toISOString());
  const youngUntil = new Date((from + Date.parse(timestamp.expires)) / 2).toISOString();
  state.timestamps = { ...state.timestamps, [repository]: { version: timestamp.version, youngUntil } };
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

/** Not every document has one. */
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
