import { documentTarget } from "../../publisher/repository/checkDocument.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import {
  type Domain,
  deleteDomain,
  findDomain,
  insertDomain,
  isDomainUsed,
  updateDomain,
} from "../store/settings/domainStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { policyOf } from "./fleetSettings.ts";

/** Agents that enrol without a token come into it. */
const DEFAULT_DOMAIN = "default";

/**
 * Makes a domain.
 *
 * @throws Problem REFUSED for a name that agents could not ask for, CONFLICT
 */
export async function createDomain(
  context: Context,
  { name, comment = "" }: { name: string; comment?: string | undefined },
  by: By,
): Promise<Domain> {
  try {
    documentTarget(policyOf(name));
  } catch {
    throw new Problem("REFUSED", `${name} is no name for a file, and each domain has one of settings`);
  }
  const { database, now } = context;
  await transact(database.db, async (tx) => {
    await takeTurn(tx, "settings");
    if ((await findDomain(tx, name)) !== undefined) {
      throw new Problem("CONFLICT", `there is a domain ${name} already: take another name`);
    }
    await insertDomain(tx, { name, comment, now: now() });
    await writeAudit(tx, context, by, { operation: "createDomain", subject: name, detail: { comment } });
  });
  return (await findDomain(database.db, name)) ?? unknownDomain(name);
}

/**
 * Changes what people say of a domain. Its name stays: agents ask for their policy by it.
 *
 * @throws Problem NOT_FOUND, CHANGED_MEANWHILE
 */
export async function changeDomain(
  context: Context,
  change: { name: string; comment: string; version: number },
  by: By,
): Promise<Domain> {
  const { db } = context.database;
  const { name, comment } = change;
  await transact(db, async (tx) => {
    const before = (await findDomain(tx, name)) ?? unknownDomain(name);
    if (before.version !== change.version || !(await updateDomain(tx, change))) {
      throw new Problem("CHANGED_MEANWHILE", `it is at version ${before.version}`);
    }
    const detail = { from: before.comment, to: comment };
    await writeAudit(tx, context, by, { operation: "changeDomain", subject: name, detail });
  });
  return (await findDomain(db, name)) ?? unknownDomain(name);
}

/**
 * Deletes a domain that nothing is in.
 *
 * @throws Problem NOT_FOUND, CONFLICT with what is in the way
 */
export async function removeDomain(context: Context, name: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    await takeTurn(tx, "settings");
    const { policy } = (await findDomain(tx, name)) ?? unknownDomain(name);
    if (name === DEFAULT_DOMAIN) {
      throw new Problem("CONFLICT", "agents that enrol without a token come into this domain: it stays");
    }
    if (policy !== null)
      throw new Problem(
        "CONFLICT",
        `the policy ${policy.name} is for it: take the domain out of its targets first`,
      );
    if (await isDomainUsed(tx, name)) {
      throw new Problem(
        "CONFLICT",
        "agents or enrolment tokens are of this domain: move or delete them first",
      );
    }
    await deleteDomain(tx, name);
    await writeAudit(tx, context, by, { operation: "deleteDomain", subject: name });
  });
}

/**
 * Refuses to put something into a domain that there is not.
 *
 * @throws Problem REFUSED
 */
export async function refuseUnknownDomain(tx: Tx, name: string): Promise<void> {
  if ((await findDomain(tx, name)) !== undefined) return;
  throw new Problem("REFUSED", `there is no domain ${name}: make it first (POST /domains)`);
}

/** @throws Problem NOT_FOUND */
export function unknownDomain(name: string): never {
  throw new Problem(
    "NOT_FOUND",
    `there is no domain ${name}: GET /domains lists them, POST /domains makes one`,
  );
}
