import { type By, writeAudit } from "../access/auditTrail.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { refuseUnknownDomain } from "../settings/domains.ts";
import { findAgent, moveAgent } from "../store/fleet/agentStore.ts";
import { transact } from "../store/transaction.ts";
import { type AgentView, agentView } from "./agentViews.ts";

/**
 * Moves an agent to another domain, by whose policy it goes from then on.
 *
 * @throws Problem NOT_FOUND, REFUSED for a domain that there is not
 */
export async function moveToDomain(context: Context, id: string, domain: string, by: By): Promise<AgentView> {
  await transact(context.database.db, async (tx) => {
    await refuseUnknownDomain(tx, domain);
    const before = await findAgent(tx, id);
    if (before === undefined) throw new Problem("NOT_FOUND", "no agent has this id");
    await moveAgent(tx, id, domain);
    const detail = { from: before.domain, to: domain };
    await writeAudit(tx, context, by, { operation: "moveAgent", subject: id, detail });
  });
  return await agentView(context, id);
}
