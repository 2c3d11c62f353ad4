import { agentOfMachine } from "../../core/fleet/reports/sameMachine.ts";
import { hashOfSecret, newId, newSecret } from "../access/secrets.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { firstRoots, type Pin } from "../settings/rootPins.ts";
import { insertAudit } from "../store/auditStore.ts";
import { takeTurn } from "../store/dialect.ts";
import { agentsOfFingerprint, insertAgent, renewAgent } from "../store/fleet/agentStore.ts";
import { useEnrolmentToken } from "../store/people/tokenStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";
import { countEnrolment, refuseBeyondHour } from "./enrolmentLimit.ts";

/** Request of a machine to be an agent. */
export interface Enrolment {
  token?: string | undefined;
  name: string;
  addresses: string[];
  /** The domains of its DNS search list. */
  dnsSuffixes?: string[] | undefined;
  /** The same for as long as the machine is installed: SHA-256 in hex. */
  fingerprint: string;
  program: string;
}

export interface Enrolled {
  id: string;
  secret: string;
  /** The one of its token, or that it was in before. */
  domain: string;
}

/** The domain of agents that enrol without a token. */
const DEFAULT_DOMAIN = "default";

/**
 * Makes an agent of a machine, or gives the one that it was its id again with a new secret. A copy of a machine
 * that is running gets an id of its own, and is shown as its clone.
 *
 * @throws Problem TOKEN_INVALID, NOT_ALLOWED while enrolment is closed, TOO_MANY
 */
export async function enrolAgent(context: Context, given: Enrolment, address: string): Promise<Enrolled> {
  const { config, database, now, random } = context;
  if (config.enrolment === "closed")
    throw new Problem(
      "NOT_ALLOWED",
      "enrolment is closed: the server's administrator opens it, with enrolment in server.json",
    );
  const secret = newSecret(random);
  await refuseBeyondHour(context);
  const made = await transact(database.db, async (tx) => {
    const ofToken = await domainOf(context, tx, given.token);
    await countEnrolment(context, tx);
    await takeTurn(tx, `fingerprint ${given.fingerprint}`);
    const known = await agentsOfFingerprint(tx, given.fingerprint);
    if (given.token === undefined && known.some(({ isRevoked }) => isRevoked))
      throw new Problem(
        "TOKEN_INVALID",
        "this machine's secret was taken back: enrol it with a token that an operator makes",
      );
    const { name, addresses, dnsSuffixes, program, fingerprint } = given;
    const seen = { seenAt: address, now: now() };
    const own = { name, addresses, dnsSuffixes, program, ...seen, secretHash: hashOfSecret(secret) };
    const before = agentOfMachine(known, given, now());
    const agent = before ?? newId(random);
    const cloneOf = before === undefined ? (known[0]?.id ?? null) : null;
    const domain = known.find(({ id }) => id === before)?.domain ?? ofToken;
    if (before !== undefined) await renewAgent(tx, agent, own);
    else await insertAgent(tx, { id: agent, fingerprint, domain, cloneOf, ...own });
    if (cloneOf !== null) await sayCloned(tx, context, { agent, name, cloneOf });
    await insertAudit(tx, {
      at: now(),
      actor: name,
      actorKind: "agent",
      actorId: agent,
      address,
      operation: before !== undefined ? "enrolAgentAgain" : cloneOf === null ? "enrolAgent" : "enrolClone",
      subject: agent,
      detail: { name, domain, ...(cloneOf && { cloneOf }) },
    });
    return { id: agent, domain };
  });
  return { ...made, secret };
}

async function sayCloned(
  tx: Tx,
  context: Context,
  { agent, name, cloneOf }: { agent: string; name: string; cloneOf: string },
): Promise<void> {
  const message = `${name} is a copy of another machine's disk, and has an id of its own`;
  await raiseEvent(tx, context, {
    type: "agent.cloned",
    subject: cloneOf,
    message,
    detail: { agent, name, cloneOf },
  });
}

/**
 * The roots where trust starts, for machines that enrol without a token, and take the server at its word.
 *
 * @throws Problem NOT_ALLOWED where a token is needed, UNAVAILABLE
 */
export async function rootsForAll({ config, trees }: Context): Promise<{ settings: Pin; content?: Pin }> {
  if (config.enrolment !== "open")
    throw new Problem(
      "NOT_ALLOWED",
      "an enrolment token is needed: an operator makes one, and it goes into --token",
    );
  const { settings, content } = await firstRoots(trees.www);
  if (settings === undefined) throw new Problem("UNAVAILABLE", "the settings repository has no root");
  return { settings, ...(content === undefined ? {} : { content }) };
}

async function domainOf({ config, now }: Context, tx: Tx, token: string | undefined): Promise<string> {
  if (token === undefined) {
    if (config.enrolment === "open") return DEFAULT_DOMAIN;
    throw new Problem(
      "TOKEN_INVALID",
      "an enrolment token is needed: an operator makes one, and it goes into --token",
    );
  }
  const domain = await useEnrolmentToken(tx, hashOfSecret(token), now());
  if (domain === undefined) throw new Problem("TOKEN_INVALID");
  return domain;
}
