/**
 * The library: `import { update, explain, updateOrder } from "nearsource"`. Everything that is meant for other programs stands
 * here, and nothing else is exported.
 */
import { asItListens } from "./agent/residentState.ts";
import type { Log } from "./config/log.ts";
import type { Kind } from "./core/content/kind.ts";
import type { Report, UpdateEvent } from "./core/report.ts";
import type { Trigger } from "./core/settings/schedule.ts";
import { type ExplainOptions, type Explanation, explain as explainAll } from "./update/settings/explain.ts";
import { update as updateAll } from "./update/update.ts";

export type { Kind } from "./core/content/kind.ts";
export { type Address, formatAddress, parseAddress } from "./core/order/address.ts";
export type { Situation } from "./core/order/conditions.ts";
export type { Clause, PassedOver, Rule, Step, UpdateOrder } from "./core/order/plan.ts";
export { parseSourceList, type SourceList, type SourceListEntry } from "./core/order/sourceList.ts";
export { updateOrder } from "./core/order/updateOrder.ts";
export type { Attempt, Installed, Report, Skipped, UpdateEvent } from "./core/report.ts";
export { DEFAULT_POLICY, type Policy, parsePolicy } from "./core/settings/policy.ts";
export type { Trigger } from "./core/settings/schedule.ts";
export { type ErrorCode, NearsourceError, type Phase } from "./errors.ts";
export type { ExplainOptions, Explanation } from "./update/settings/explain.ts";
export { VERSION } from "./version.ts";

export interface UpdateOptions {
  /** The configuration file; default: as the command line finds it (docs/configuration.md). */
  config?: string | undefined;
  /** The kinds to update; default: as configured, else as the policy says, else all. */
  kinds?: Kind[] | undefined;
  trigger?: Trigger | undefined;
  /** Wait while another run holds the data directory, instead of failing with LOCKED. */
  wait?: boolean | undefined;
  /** Ends the run cleanly: fetched bytes are kept, the installed set stays. */
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
  onEvent?: ((event: UpdateEvent) => void) | undefined;
}

/**
 * One update run: settings, order, sources one after the other, installation. It resolves with a report also when every
 * source is exhausted, which is an outcome and not an error.
 *
 * @throws NearsourceError only for errors that no source could mend (docs/errors.md: "stop")
 */
export async function update(options: UpdateOptions = {}): Promise<Report> {
  return await updateAll(options);
}

/**
 * The plan that `update` would walk now, with the reasons; asks nobody, and changes nothing.
 *
 * @throws NearsourceError of the configuration and the settings
 */
export async function explain(options: ExplainOptions = {}): Promise<Explanation> {
  return (await explainAll(options, asItListens)).explanation;
}
