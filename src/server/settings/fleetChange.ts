import { type FleetEffect, type FleetSettings, fleetEffect } from "../../core/fleet/effect.ts";
import type { SourceList } from "../../core/order/sourceList.ts";
import type { Policy } from "../../core/settings/policy.ts";
import type { Context } from "../context.ts";
import { fleetOf, settingsOfFleet } from "./fleetSettings.ts";

/** A change of what the fleet goes by. */
export interface FleetChange {
  list?: SourceList | undefined;
  /** Policies of domains, in place of theirs. */
  policies?: ReadonlyMap<string, Policy> | undefined;
}

/** The settings with a change made. */
export function changed(settings: FleetSettings, { list, policies }: FleetChange): FleetSettings {
  const policyOf = (domain: string) => policies?.get(domain) ?? settings.policyOf(domain);
  return { ...settings, list: list ?? settings.list, policyOf };
}

/** Effect of a change on the whole fleet, before it is made. */
export async function effectOfChange(context: Context, change: FleetChange): Promise<FleetEffect> {
  const before = await settingsOfFleet(context);
  return fleetEffect(await fleetOf(context.database.db), before, changed(before, change));
}
