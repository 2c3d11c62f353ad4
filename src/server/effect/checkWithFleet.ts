import type { Kind } from "../../core/content/kind.ts";
import type { FleetFacts, ServingAgent } from "../../core/findings/fleetFacts.ts";
import { fleetFindings } from "../../core/findings/fleetFindings.ts";
import { AgentClasses } from "../../core/fleet/agentClasses.ts";
import { agentStateOf } from "../../core/fleet/agentState.ts";
import { fleetEffect } from "../../core/fleet/effect.ts";
import type { FleetAgent, FleetSettings } from "../../core/fleet/fleetAgent.ts";
import { FleetUse } from "../../core/fleet/fleetUse.ts";
import { REJECTED_FOR } from "../../core/fleet/reports/rejections.ts";
import type { NamedSource } from "../../core/fleet/sourceName.ts";
import { parseSourceList, type SourceList } from "../../core/order/sourceList.ts";
import type { Context } from "../context.ts";
import { expectationOf, expectations } from "../fleet/expectations.ts";
import { type KnownSources, knownSources } from "../fleet/knownUpdateAgents.ts";
import { grantsOf } from "../settings/fleetSettings.ts";
import { findAgentsWhole } from "../store/fleet/agentStore.ts";
import { rejectedSources } from "../store/fleet/rejectionStore.ts";
import { trafficBySource } from "../store/fleet/trafficStore.ts";
import type { CheckAnswer, CheckQuestion } from "./fleetQuestion.ts";

const DAY = 86_400_000;

/** The effect of a list on the whole fleet and what is odd about it there, by one look at all agents. */
export async function checkWithFleet(
  context: Pick<Context, "config" | "database">,
  fleet: readonly FleetAgent[],
  before: FleetSettings,
  { check, contentBytes, now }: CheckQuestion,
): Promise<CheckAnswer> {
  const list = parseSourceList(check);
  const known = await knownSources(context.database.db, [...before.list.entries, ...list.entries]);
  const { places, names } = known;
  const use = new FleetUse(list, before.kinds, (url) => places.placeOf(url));
  const called = (source: NamedSource) => names.of(source);
  const effect = fleetEffect(fleet, before, { ...before, list }, { use, called });
  const facts = await factsOf(context, { fleet, list, known, contentBytes, now });
  return { effect, uses: use.entries, findings: fleetFindings(list, use, facts) };
}

/** The facts of those agents that a list leads to, or that hold the role. */
export async function factsOf(
  { database }: Pick<Context, "database">,
  given: {
    fleet: readonly FleetAgent[];
    list: SourceList;
    known: KnownSources;
    contentBytes: number | null;
    now: number;
  },
): Promise<FleetFacts> {
  const { fleet, list, known, contentBytes, now } = given;
  const { names: called } = known;
  const { db } = database;
  const grants = await grantsOf(db);
  const classes = new AgentClasses([list]);
  const names = new Set(list.entries.flatMap(({ name }) => name?.toLowerCase() ?? []));
  const meant = new Map(
    fleet
      .filter((agent) => grants.has(agent.id) || classes.isNamed(agent) || isCalled(agent, names))
      .map((agent) => [agent.id, agent]),
  );
  const by = await expectations({ database, now: () => now });
  const rows = await findAgentsWhole(db, [...meant.keys()]);
  const serving = rows.flatMap((row): ServingAgent[] => {
    const agent = meant.get(row.id);
    const { name, reportedAt, freeBytes } = row;
    const state = agentStateOf(row, expectationOf(by, row.domain));
    const granted = (grants.get(row.id) ?? []) as Kind[];
    return agent === undefined ? [] : [{ ...agent, name, granted, state, reportedAt, freeBytes }];
  });
  const traffic = await trafficBySource(db, { from: now - DAY, to: now + 1 });
  const attempts = new Map(called.named(traffic).map((each) => [each.source, each]));
  const rejected = await rejectedSources(db, now - REJECTED_FOR);
  return { serving, contentBytes, called: (source) => called.of(source), attempts, rejected };
}

function isCalled({ self, dnsSuffixes }: FleetAgent, names: ReadonlySet<string>): boolean {
  return self.names.some(
    (name) => names.has(name) || dnsSuffixes.some((suffix) => names.has(`${name}.${suffix}`)),
  );
}
