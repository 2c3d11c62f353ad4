import { type By, writeAudit } from "../access/auditTrail.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { madeAlone } from "../releases/approval.ts";
import { refuseUnknownDomain } from "../settings/domains.ts";
import { reachOfMove } from "../settings/policyReach.ts";
import { takeTurn } from "../store/dialect.ts";
import { findAgent, moveAgent } from "../store/fleet/agentStore.ts";
import { listPolicies } from "../store/settings/policyStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { type AgentView, agentView } from "./agentViews.ts";

/**
 * Moves an agent to another domain, by whose policy it goes from then on.
 *
 * @throws Problem NOT_FOUND, REFUSED for a domain that there is not, CONFLICT where one person moved so many of late to
 *   other releases that a second person has to go on
 */
export async function moveToDomain(context: Context, id: string, domain: string, by: By): Promise<AgentView> {
  await transact(context.database.db, async (tx) => {
    await refuseUnknownDomain(tx, domain);
    const before = await findAgent(tx, id);
    if (before === undefined) throw new Problem("NOT_FOUND", "no agent has this id");
    await countMove(context, tx, { from: before.domain, to: domain }, by);
    await moveAgent(tx, id, domain);
    const detail = { name: before.name, from: before.domain, to: domain };
    await writeAudit(tx, context, by, { operation: "moveAgent", subject: id, detail });
  });
  return await agentView(context, id);
}

/** Counts an agent that gets other releases by its move among what one person changes alone. */
async function countMove(
  context: Context,
  tx: Tx,
  { from, to }: { from: string; to: string },
  by: By,
): Promise<void> {
  if (context.config.approval === undefined) return;
  await takeTurn(tx, "settings");
  const policies = await listPolicies(tx);
  const of = (domain: string) => ({
    domain,
    policy: policies.find(({ targets }) => targets.domains.includes(domain)),
  });
  const reach = await reachOfMove(tx, of(from), of(to), context.now());
  const refusal =
    "what you changed of late reaches as much of the fleet as one person may: somebody else moves it";
  await madeAlone(context, by, reach, refusal)(tx);
}
