import { hashOfSecret, newId, newSecret } from "../access/secrets.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { findAgentByFingerprint, insertAgent, renewAgent } from "../store/agentStore.ts";
import { insertAudit } from "../store/auditStore.ts";
import { takeTurn } from "../store/dialect.ts";
import { useEnrolmentToken } from "../store/tokenStore.ts";
import { type Tx, transact } from "../store/transaction.ts";

/** Request of a machine to be an agent. */
export interface Enrolment {
  token?: string | undefined;
  name: string;
  addresses: string[];
  /** The same for as long as the machine is installed: SHA-256 in hex. */
  fingerprint: string;
  program: string;
}

export interface Enrolled {
  id: string;
  secret: string;
}

/** The domain of agents that enrol without a token. */
const DEFAULT_DOMAIN = "default";

/**
 * Makes an agent of a machine, or gives the one that it was its id again with a new secret.
 *
 * @throws Problem TOKEN_INVALID, NOT_ALLOWED while enrolment is closed
 */
export async function enrolAgent(context: Context, given: Enrolment, address: string): Promise<Enrolled> {
  const { config, database, now, random } = context;
  if (config.enrolment === "closed") throw new Problem("NOT_ALLOWED", "enrolment is closed in server.json");
  const secret = newSecret(random);
  const id = await transact(database.db, async (tx) => {
    const domain = await domainOf(context, tx, given.token);
    await takeTurn(tx, `fingerprint ${given.fingerprint}`);
    const known = await findAgentByFingerprint(tx, given.fingerprint);
    const { name, addresses, program, fingerprint } = given;
    const own = { name, addresses, program, seenAt: address, secretHash: hashOfSecret(secret) };
    const agent = known?.id ?? newId(random);
    if (known !== undefined) await renewAgent(tx, agent, own);
    else await insertAgent(tx, { id: agent, fingerprint, domain, now: now(), cloneOf: null, ...own });
    await insertAudit(tx, {
      at: now(),
      actor: name,
      address,
      operation: known === undefined ? "enrolAgent" : "enrolAgentAgain",
      subject: agent,
      detail: { domain: known?.domain ?? domain },
    });
    return agent;
  });
  return { id, secret };
}

async function domainOf({ config, now }: Context, tx: Tx, token: string | undefined): Promise<string> {
  if (token === undefined) {
    if (config.enrolment === "open") return DEFAULT_DOMAIN;
    throw new Problem("TOKEN_INVALID", "an enrolment token is needed");
  }
  const domain = await useEnrolmentToken(tx, hashOfSecret(token), now());
  if (domain === undefined) throw new Problem("TOKEN_INVALID");
  return domain;
}
