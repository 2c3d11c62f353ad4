import { hasError, listFindings } from "../../core/findings/listFindings.ts";
import { type FleetEffect, fleetEffect } from "../../core/fleet/effect.ts";
import type { FleetSettings } from "../../core/fleet/fleetAgent.ts";
import type { Suggestion } from "../../core/fleet/suggest/suggestions.ts";
import { findUncovered, type Uncovered } from "../../core/fleet/uncovered.ts";
import { parseSourceList } from "../../core/order/sourceList.ts";
import { parsePolicy } from "../../core/settings/policy.ts";
import type { Context } from "../context.ts";
import { knownSources } from "../fleet/knownUpdateAgents.ts";
import { planAgents } from "../fleet/planAgents.ts";
import { fleetOf, listInForce, settingsOfFleet } from "../settings/fleetSettings.ts";
import { checkWithFleet } from "./checkWithFleet.ts";
import type { CheckAnswer, FleetChange, FleetQuestion } from "./fleetQuestion.ts";
import { suggest } from "./suggest.ts";

/** The settings with a change made. */
export function changed(
  settings: FleetSettings,
  { list, policies = {}, roles, without }: FleetChange,
): FleetSettings {
  const parsed = new Map(Object.entries(policies).map(([domain, each]) => [domain, parsePolicy(each)]));
  return {
    ...settings,
    list: list === undefined ? settings.list : parseSourceList(list),
    policyOf: (domain) => parsed.get(domain) ?? settings.policyOf(domain),
    roles: roles === undefined ? settings.roles : new Map(Object.entries(roles)),
    without: without === undefined ? settings.without : new Set(without),
  };
}

/** Answers a question by the whole fleet as the database has it. Holds the event loop for large fleets. */
export async function answerOfFleet(
  context: Pick<Context, "config" | "database">,
  question: FleetQuestion,
): Promise<FleetEffect | CheckAnswer | Suggestion[] | Uncovered | number> {
  if ("plan" in question) return await planAgents(context, question.plan, question.now);
  const { db } = context.database;
  const own = "check" in question ? listFindings(question.check) : [];
  if (hasError(own)) return { findings: own, effect: null, uses: null };
  const fleet = await fleetOf(db);
  if ("uncovered" in question) return findUncovered(fleet, await listInForce(db));
  const before = await settingsOfFleet(context);
  if ("check" in question) {
    const { findings, ...rest } = await checkWithFleet(context, fleet, before, question);
    return { ...rest, findings: [...own, ...findings] };
  }
  if ("suggest" in question) return await suggest(context, fleet, before, question);
  const after = changed(before, question.effectOf);
  const { names } = await knownSources(db, [...before.list.entries, ...after.list.entries]);
  return fleetEffect(fleet, before, after, { called: (source) => names.of(source) });
}
