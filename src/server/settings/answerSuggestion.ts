import { withEntry, withoutEntries } from "../../core/fleet/suggest/suggestedEntry.ts";
import type { Suggestion } from "../../core/fleet/suggest/suggestions.ts";
import { withRequires } from "../../core/order/sourceList.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { checkList, refuseErrors } from "../effect/checkList.ts";
import { askFleet } from "../effect/fleetProcess.ts";
import type { CheckAnswer } from "../effect/fleetQuestion.ts";
import { dismissedSince, putAnswer } from "../store/fleet/suggestionStore.ts";
import { newestDocument } from "../store/settings/documentStore.ts";
import { deleteHandGrant, findHandGrant, putHandGrant } from "../store/settings/grantStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { SOURCE_LIST } from "./fleetSettings.ts";
import { type NewDocument, saveChange } from "./saveDocument.ts";
import { grantsToPublish, updateAgents } from "./updateAgents.ts";

/** Time (ms) for which a suggestion that was dismissed is not made again. */
const QUIET = 90 * 86_400_000;

/** Suggestions that nobody has dismissed: what saves the most first. */
export async function listSuggestions(context: Context): Promise<Suggestion[]> {
  const { database, mirror, now } = context;
  const contentBytes = mirror.state().bytes || null;
  const all = await askFleet(context, { suggest: true, contentBytes, now: now() });
  const dismissed = await dismissedSince(database.db, now() - QUIET);
  return all.filter(({ id }) => !dismissed.has(id));
}

/**
 * Does what a suggestion says, in one publication: the role, and the entry in its place; or takes both away.
 *
 * @param accepted the suggestion as it was shown: its agent, and the version of the list that it was made from
 * @throws Problem NOT_FOUND for one that there is no reason for any more, CONFLICT where another agent is suggested by
 *   now, CHANGED_MEANWHILE, UNAVAILABLE
 */
export async function acceptSuggestion(
  context: Context,
  accepted: { id: string; agent: string; version: number },
  by: By,
): Promise<{ version: number } & Omit<CheckAnswer, "uses">> {
  const { db } = context.database;
  const suggestion = await findSuggestion(context, accepted.id);
  if (suggestion.agent.id !== accepted.agent) {
    throw new Problem("CONFLICT", `${suggestion.agent.name} is suggested by now: look again`);
  }
  const newest = await newestDocument(db, SOURCE_LIST);
  const before = newest === undefined ? {} : (JSON.parse(newest.content) as Record<string, unknown>);
  const { entry, entries } = suggestion;
  const after = entry === null ? withoutEntries(before, entries) : withEntry(before, entry);
  const document = withRequires(after);
  const { findings, effect } = await checkList(context, document);
  refuseErrors(findings);
  const subject = suggestion.agent.id;
  const change = {
    ...by,
    operation: "acceptSuggestion",
    subject,
    note: suggestion.reason,
    effect,
  };
  const versions = await saveChange(context, change, async (tx) => {
    const undo = await changeRole(context, tx, suggestion, by);
    const at = context.now();
    await putAnswer(tx, { id: suggestion.id, answer: "accepted", author: actorOf(by.caller), at });
    const list: NewDocument = { name: SOURCE_LIST, document, from: accepted.version };
    const detail = { name: suggestion.agent.name, suggestion: suggestion.id, entry, entries };
    return { documents: [...(await grantsToPublish(tx)), list], detail, undo };
  });
  return { version: versions[SOURCE_LIST] ?? 0, findings, effect };
}

/** Lets a suggestion rest for 90 days. @throws Problem NOT_FOUND */
export async function dismissSuggestion(context: Context, id: string, by: By): Promise<void> {
  const { reason, agent } = await findSuggestion(context, id);
  await transact(context.database.db, async (tx) => {
    const at = context.now();
    await putAnswer(tx, { id, answer: "dismissed", author: actorOf(by.caller), at });
    const detail = { name: agent.name, reason };
    await writeAudit(tx, context, by, { operation: "dismissSuggestion", subject: id, detail });
  });
}

async function findSuggestion(context: Context, id: string): Promise<Suggestion> {
  const found = (await listSuggestions(context)).find((each) => each.id === id);
  if (found === undefined)
    throw new Problem("NOT_FOUND", "there is no such suggestion, or no reason for it any more");
  return found;
}

/** Gives or takes the role. @returns what puts the role back as it was @throws Problem CONFLICT where a policy gives it */
async function changeRole({ now }: Context, tx: Tx, { agent, entry, kind }: Suggestion, by: By) {
  // A network that moves to an Update Agent changes nothing of its role.
  if (kind === "move") return async () => {};
  const before = await findHandGrant(tx, agent.id);
  const held = (await updateAgents(tx)).find(({ id }) => id === agent.id);
  if (entry === null) {
    const [policy] = held?.byPolicies ?? [];
    if (policy !== undefined) {
      const remedy = "take the agent out of its targets";
      throw new Problem("CONFLICT", `the policy ${policy.name} gives it the role: ${remedy}`);
    }
    await deleteHandGrant(tx, agent.id);
  } else {
    const granted = { kinds: entry.kinds, author: actorOf(by.caller), grantedAt: now() };
    await putHandGrant(tx, { agent: agent.id, ...granted });
  }
  return async (again: Tx) => {
    await deleteHandGrant(again, agent.id);
    if (before !== undefined) await putHandGrant(again, before);
  };
}
