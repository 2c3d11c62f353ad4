import type { Kind } from "../core/content/kind.ts";
import { formatAddress } from "../core/order/address.ts";
import { isLie } from "../core/order/disposition.ts";
import type { UpdateOrder } from "../core/order/plan.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import { createPatience } from "../source/patience.ts";
import { NOTHING_DELIVERED } from "./attempt.ts";
import { checkInstalled, type Found } from "./repair/mend.ts";
import { note, type Run } from "./run.ts";
import type { FetchedSettings } from "./settings/fetchSettings.ts";
import type { Settings } from "./settings/settings.ts";
import { kindsOf, NO_ADDRESS, orderOf, uncoveredOf } from "./settings/situation.ts";
import type { WalkStart } from "./walk.ts";

/** A run that knows where it will go. */
export interface PlannedRun {
  /** The run, with the terms of its settings. */
  run: Run;
  settings: Settings;
  /** The kinds that it needs, and of these the ones that no step can deliver. */
  kinds: Kind[];
  uncovered: Kind[];
  order: UpdateOrder;
  start: WalkStart;
  /** The damage found in the installed set. */
  found: Found;
}

/**
 * Computes the whole order from the settings, and looks at every installed file, before the first source
 * is asked.
 *
 * @param asked the kinds that were asked for; else as configured, or as the policy says
 * @throws NearsourceError CONFIG_INVALID, and of the storage phase
 */
export async function planRun(
  opened: Run,
  fetched: FetchedSettings,
  asked: Kind[] | undefined,
  trigger: Trigger,
): Promise<PlannedRun> {
  const { config, addresses } = opened;
  const { settings } = fetched;
  const { policy, role, sourceList } = settings;
  logRefusal(opened, fetched);
  opened.fetcher.limitRate(config.http.rateLimit ?? policy.rateLimit);
  opened.emit({ type: "settings", addresses: addresses.map(formatAddress), sourceList });
  if (addresses.length === 0) note(opened, NO_ADDRESS, "warn");
  const kinds = kindsOf(config, asked, policy.kinds);
  const order = orderOf(opened, settings, kinds);
  const found = await checkInstalled(opened, kinds, policy.verifyEvery);
  const terms = {
    patience: createPatience(policy.patience[trigger]),
    shares: role === "update-agent",
    holds: policy.holds,
    damaged: new Set(found.damage.map(({ component }) => component)),
  };
  return {
    run: { ...opened, terms },
    settings,
    kinds,
    uncovered: uncoveredOf(opened, settings, kinds).kinds,
    order,
    start: startOf(opened, fetched, kinds),
    found,
  };
}

function logRefusal({ log }: Run, { failure }: FetchedSettings): void {
  if (failure === undefined) return;
  const line = `the settings could not be fetched: ${explainError(failure)} (${failure.code})`;
  log[isLie(failure.code) ? "error" : "warn"](line);
}

/** The results that asking the server for the settings gave already. */
function startOf({ config }: Run, fetched: FetchedSettings, kinds: Kind[]): WalkStart {
  const { server = "" } = config;
  const { changes, failure, serverLost } = fetched;
  return {
    // The list came from the server a moment ago, and with it all settings that concern this agent.
    needed: kinds.filter((kind) => kind !== "settings" || !fetched.fetched),
    delivery: { ...NOTHING_DELIVERED, settings: changes },
    dead: failure !== undefined && serverLost === "whole" ? [[server, failure.code]] : [],
    withoutSettings: serverLost === "settings" ? server : undefined,
  };
}
