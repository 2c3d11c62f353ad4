import { findFaults, placeOf } from "../../core/document.ts";
import type { FleetEffect } from "../../core/fleet/effect.ts";
import { policySchema } from "../../core/settings/policy.ts";
import { reviewPolicy } from "../../core/settings/policyReview.ts";
import type { By } from "../access/auditTrail.ts";
import { newId } from "../access/secrets.ts";
import { actorOf } from "../api/caller.ts";
import { type Fault, Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { askFleet } from "../effect/fleetProcess.ts";
import { type Also, madeAlone, needsSecond, propose } from "../releases/approval.ts";
import { findAgents } from "../store/fleet/agentStore.ts";
import {
  deletePolicy,
  findPolicy,
  listPolicies,
  type Policy,
  putPolicy,
} from "../store/settings/policyStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { policyOf } from "./fleetSettings.ts";
import { reachOfPolicy } from "./policyReach.ts";
import { isUnchanged, type NewDocument, refuseChanged, saveChange } from "./saveDocument.ts";
import { grantsToPublish, updateAgents } from "./updateAgents.ts";

/** Policy as people write it. */
export type PolicyFields = Pick<Policy, "name" | "targets" | "settings" | "updateAgent">;

/** A policy that was saved, what is odd about it, and what it did to the fleet. */
export interface SavedPolicy {
  policy: Policy;
  findings: string[];
  effect: FleetEffect;
}

/** A change of a policy that is checked: `before` and `after` are undefined where there is none. */
interface Plan {
  operation: "createPolicy" | "changePolicy" | "deletePolicy";
  id: string;
  /** The version that it is a change of; 0 for none. */
  version: number;
  before: Policy | undefined;
  fields: PolicyFields | undefined;
}

/** A change of a policy that can wait: what is to be there, at the version that it is a change of. */
export type PolicyChange = Omit<Plan, "before">;

/**
 * Makes a policy.
 *
 * @throws Problem REFUSED, CONFLICT, SECOND_PERSON_NEEDED, UNAVAILABLE
 */
export async function createPolicy(context: Context, fields: PolicyFields, by: By): Promise<SavedPolicy> {
  const id = newId(context.random);
  return await saveAlone(
    context,
    { operation: "createPolicy", id, version: 0, before: undefined, fields },
    by,
  );
}

/**
 * Changes fields of a policy that is still at a version.
 *
 * @throws Problem NOT_FOUND, CHANGED_MEANWHILE, REFUSED, CONFLICT, SECOND_PERSON_NEEDED, UNAVAILABLE
 */
export async function changePolicy(
  context: Context,
  { id, version }: { id: string; version: number },
  given: Partial<PolicyFields>,
  by: By,
): Promise<SavedPolicy> {
  const before = (await findPolicy(context.database.db, id)) ?? unknownPolicy();
  refuseChanged(before, version);
  const fields = { ...fieldsOf(before), ...given };
  return await saveAlone(context, { operation: "changePolicy", id, version, before, fields }, by);
}

/**
 * Deletes a policy: its domains go by the defaults, its named agents lose what it granted.
 *
 * @throws Problem NOT_FOUND, SECOND_PERSON_NEEDED, UNAVAILABLE
 */
export async function removePolicy(context: Context, id: string, by: By): Promise<void> {
  const before = (await findPolicy(context.database.db, id)) ?? unknownPolicy();
  const { version } = before;
  await saveAlone(context, { operation: "deletePolicy", id, version, before, fields: undefined }, by);
}

/**
 * Carries a change out that a second person approved.
 *
 * @throws Problem NOT_FOUND, CHANGED_MEANWHILE, REFUSED, CONFLICT, UNAVAILABLE
 */
export async function carryOut(context: Context, change: PolicyChange, by: By, also: Also): Promise<void> {
  const before = await findPolicy(context.database.db, change.id);
  if (change.version > 0) refuseChanged(before ?? unknownPolicy(), change.version);
  await save(context, { ...change, before }, by, also);
}

/** Saves what one person may change alone; puts the rest before a second one. */
async function saveAlone(context: Context, plan: Plan, by: By): Promise<SavedPolicy> {
  const { db } = context.database;
  const { before, fields, ...rest } = plan;
  if (fields !== undefined) check(fields);
  const reach = await reachOfPolicy(db, before, fields, context.now());
  if (!(await needsSecond(context, db, by, reach)))
    return await save(context, plan, by, madeAlone(context, by, reach));
  const policy = { ...plan, ...(fields ?? fieldsOf(before ?? unknownPolicy())) };
  if (fields !== undefined) await transact(db, (tx) => refuseTargets(tx, policy));
  const change = { action: "policy", ...rest, fields };
  const subject = `policy ${policy.name}`;
  const { id } = await propose(context, { subject, version: plan.version }, { change, reach }, by);
  const share = `${Math.round(reach * 100)} %`;
  throw new Problem(
    "SECOND_PERSON_NEEDED",
    `its holds reach ${share} of the fleet, beside what you changed of late: it waits as the proposal ${id} for another operator to approve it`,
  );
}

async function save(context: Context, plan: Plan, by: By, also: Also): Promise<SavedPolicy> {
  const { operation, id, version, before, fields } = plan;
  const findings = fields === undefined ? [] : check(fields);
  const made = { id, version: version + 1, author: actorOf(by.caller), changedAt: context.now() };
  const policy = { ...(fields ?? fieldsOf(before ?? unknownPolicy())), ...made };
  const after = fields === undefined ? undefined : policy;
  const effect = await effectOfPolicies(context, before, after);
  const change = { ...by, operation, subject: policy.name, note: "", effect };
  await saveChange(context, change, async (tx) => {
    const current = await findPolicy(tx, id);
    if (current !== undefined) refuseChanged(current, version);
    else if (before !== undefined) unknownPolicy();
    if (after !== undefined) await refuseTargets(tx, after);
    await (after === undefined ? deletePolicy(tx, id) : putPolicy(tx, after));
    const more = await also(tx);
    const undo = async (again: Tx) => {
      await more.undo?.(again);
      const latest = await findPolicy(again, id);
      if (latest?.version !== after?.version) return;
      await (current === undefined ? deletePolicy(again, id) : putPolicy(again, current));
    };
    return { documents: await documentsFor(tx, current, after), detail: { id, ...more.detail }, undo };
  });
  return { policy, findings, effect };
}

function fieldsOf({ name, targets, settings, updateAgent }: Policy): PolicyFields {
  return { name, targets, settings, updateAgent };
}

/** @returns what is odd about it @throws Problem REFUSED for what agents would refuse, or would never reach any */
function check({ targets, settings, updateAgent }: PolicyFields): string[] {
  const errors: Fault[] = findFaults(policySchema, settings).map(({ path, error }) => {
    return { field: placeOf(["settings", ...path]), message: error.message.replace(/^.*?: /, "") };
  });
  if ("version" in settings) errors.push({ field: "settings.version", message: "is given by the server" });
  if (updateAgent.kinds.length > 0 && targets.agents.length === 0) {
    const message = "the Update Agent role is granted to agents by name, never to a domain: name some";
    errors.push({ field: "targets.agents", message });
  }
  if (Object.keys(settings).length > 0 && targets.domains.length === 0 && targets.agents.length > 0) {
    const message = "agents go by the settings of their domain: name one";
    errors.push({ field: "targets.domains", message });
  }
  if (errors.length > 0) throw new Problem("REFUSED", "agents would not go by this policy", { errors });
  return reviewPolicy(settings);
}

/** @throws Problem REFUSED for targets that are not there, CONFLICT for what another policy has */
async function refuseTargets(
  tx: Tx,
  { id, name, targets }: Pick<Policy, "id" | "name" | "targets">,
): Promise<void> {
  const domains = await tx.selectFrom("domains").select("name").execute();
  const lostDomain = targets.domains.find((each) => !domains.some((domain) => domain.name === each));
  if (lostDomain !== undefined)
    throw new Problem(
      "REFUSED",
      `there is no domain ${lostDomain}: make it first (POST /domains), or take it out of the targets`,
    );
  const agents = new Set((await findAgents(tx, targets.agents)).map((agent) => agent.id));
  const lostAgent = targets.agents.find((each) => !agents.has(each));
  if (lostAgent !== undefined)
    throw new Problem(
      "REFUSED",
      `no agent has the id ${lostAgent}: take it out of the targets; GET /agents lists those there are`,
    );
  for (const other of await listPolicies(tx)) {
    if (other.id === id) continue;
    if (other.name === name)
      throw new Problem(
        "CONFLICT",
        `there is a policy ${name} already: change that one, or take another name`,
      );
    const twice = targets.domains.find((each) => other.targets.domains.includes(each));
    if (twice !== undefined)
      throw new Problem(
        "CONFLICT",
        `${twice} goes by the policy ${other.name}: take it out of the targets of one of them`,
      );
  }
}

/** The documents of all domains and agents that a policy is or was for, as far as they change. */
async function documentsFor(tx: Tx, before: Policy | undefined, after: Policy | undefined) {
  const documents: NewDocument[] = [];
  for (const domain of domainsOf(before, after)) {
    const isTarget = after?.targets.domains.includes(domain) === true;
    const each = { name: policyOf(domain), document: isTarget ? after.settings : {} };
    if (!(await isUnchanged(tx, each))) documents.push(each);
  }
  return [...documents, ...(await grantsToPublish(tx))];
}

function domainsOf(...policies: (Policy | undefined)[]): Set<string> {
  return new Set(policies.flatMap((policy) => policy?.targets.domains ?? []));
}

async function effectOfPolicies(context: Context, before: Policy | undefined, after: Policy | undefined) {
  const policies = [...domainsOf(before, after)].map((domain) => {
    const isTarget = after?.targets.domains.includes(domain) === true;
    return [domain, isTarget ? after.settings : {}] as const;
  });
  const roles = await rolesAfter(context, before, after);
  return await askFleet(context, { effectOf: { policies: Object.fromEntries(policies), roles } });
}

/** Roles of the agents that a policy names or named, as they are after it: others may grant the role too. */
async function rolesAfter({ database }: Context, before: Policy | undefined, after: Policy | undefined) {
  const held = new Map((await updateAgents(database.db)).map((holder) => [holder.id, holder]));
  const agents = [before, after].flatMap((policy) => policy?.targets.agents ?? []);
  const isHolder = (agent: string) => {
    const holder = held.get(agent);
    const others = holder?.byPolicies.filter(({ id }) => id !== (before ?? after)?.id) ?? [];
    const granted = after?.targets.agents.includes(agent) === true ? after.updateAgent.kinds : [];
    return granted.length + others.length + (holder?.byHand.length ?? 0) > 0;
  };
  return Object.fromEntries(
    agents.map((agent) => [agent, isHolder(agent) ? ("update-agent" as const) : ("agent" as const)]),
  );
}

function unknownPolicy(): never {
  throw new Problem("NOT_FOUND", "no policy has this id");
}
