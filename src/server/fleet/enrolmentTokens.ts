import { writeToken } from "../../core/fleet/enrolmentToken.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { hashOfSecret, newId, newSecret } from "../access/secrets.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { refuseUnknownDomain } from "../settings/domains.ts";
import { firstRoots } from "../settings/rootPins.ts";
import { deleteEnrolmentToken, insertEnrolmentToken } from "../store/people/tokenStore.ts";
import { transact } from "../store/transaction.ts";

/** An enrolment token to be made: for so many machines, until a time (ms), into a domain. */
export interface NewToken {
  uses?: number | undefined;
  expires?: number | undefined;
  domain?: string | undefined;
}

/**
 * Makes an enrolment token, whose secret nobody is shown again.
 *
 * @throws Problem REFUSED for a domain that there is not, UNAVAILABLE without a root
 */
export async function createEnrolmentToken(
  context: Context,
  { uses, expires, domain = "default" }: NewToken,
  by: By,
): Promise<{ id: string; token: string; agents: { host: string | null; port: number; tls: boolean } }> {
  const { config, trees, database, now, random } = context;
  const [id, secret] = [newId(random), newSecret(random)];
  const { settings, content } = await firstRoots(trees.www);
  if (settings === undefined) throw new Problem("UNAVAILABLE", "the settings repository has no root");
  await transact(database.db, async (tx) => {
    await refuseUnknownDomain(tx, domain);
    const terms = { uses: uses ?? null, domain, expiresAt: expires ?? null };
    const made = { createdBy: actorOf(by.caller), createdAt: now() };
    await insertEnrolmentToken(tx, { id, ...terms, ...made, hash: hashOfSecret(secret) });
    const detail = { uses: terms.uses, domain };
    await writeAudit(tx, context, by, { operation: "createEnrolmentToken", subject: id, detail });
  });
  const host = config.publicUrl === undefined ? null : new URL(config.publicUrl).hostname;
  const agents = { host, port: config.agents.port, tls: config.agents.tls !== undefined };
  return { id, token: writeToken({ settings, content, secret, insecure: config.insecure }), agents };
}

/**
 * Takes an enrolment token back.
 *
 * @throws Problem NOT_FOUND
 */
export async function removeEnrolmentToken(context: Context, id: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    const domain = await deleteEnrolmentToken(tx, id);
    if (domain === undefined) throw new Problem("NOT_FOUND");
    await writeAudit(tx, context, by, { operation: "deleteEnrolmentToken", subject: id, detail: { domain } });
  });
}
