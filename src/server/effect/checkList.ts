import { type Finding, sortFindings } from "../../core/findings/findingCodes.ts";
import { hasError, hostsOf, unresolvedFindings } from "../../core/findings/listFindings.ts";
import { unresolvedHosts } from "../../dns/unresolvedHosts.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { grantsOf, SOURCE_LIST, toFleetAgent } from "../settings/fleetSettings.ts";
import { findAgentsWhole } from "../store/fleet/agentStore.ts";
import { newestDocument } from "../store/settings/documentStore.ts";
import type { Db } from "../store/transaction.ts";
import { askFleet } from "./fleetProcess.ts";
import type { CheckAnswer } from "./fleetQuestion.ts";

/** Looks at a list as it was written, by itself and with the whole fleet, and at what it would do to that. */
export async function checkList(
  context: Pick<Context, "config" | "database" | "askElsewhere" | "mirror" | "resolver" | "now">,
  list: Record<string, unknown>,
): Promise<CheckAnswer> {
  const { mirror, resolver, now } = context;
  const hosts = hostsOf(list);
  const unresolved = unresolvedHosts(resolver, hosts.keys());
  const contentBytes = mirror.state().bytes || null;
  const { findings, ...rest } = await askFleet(context, { check: list, contentBytes, now: now() });
  // Nobody waits for names of a list that is refused.
  if (hasError(findings)) return { ...rest, findings };
  const lost = await unresolved;
  const addresses = lost.length === 0 ? undefined : await addressesOfHolders(context.database.db);
  return { ...rest, findings: sortFindings([...findings, ...unresolvedFindings(hosts, lost, addresses)]) };
}

/** An address of each Update Agent, by its names: the one that it is listed under need be none of its machine's. */
async function addressesOfHolders(db: Db): Promise<Map<string, string>> {
  const grants = await grantsOf(db);
  const holders = await findAgentsWhole(db, [...grants.keys()]);
  return new Map(
    holders.flatMap((row) => {
      const [address] = row.addresses;
      const { names } = toFleetAgent(row, grants).self;
      return address === undefined ? [] : names.map((name): [string, string] => [name, address]);
    }),
  );
}

/** Findings of the list in force, as the fleet is now. */
export async function checkInForce(context: Context): Promise<{ version: number; findings: Finding[] }> {
  const newest = await newestDocument(context.database.db, SOURCE_LIST);
  if (newest === undefined) return { version: 0, findings: [] };
  const { findings } = await checkList(context, JSON.parse(newest.content) as Record<string, unknown>);
  return { version: newest.version, findings };
}

/** @throws Problem REFUSED for a list that agents would refuse, with each of its errors */
export function refuseErrors(findings: readonly Finding[]): void {
  const errors = findings
    .filter(({ level }) => level === "error")
    .map(({ entry, field, message }) => ({
      field: entry === null ? field : [`entries[${entry}]`, field].filter((part) => part !== "").join("."),
      message,
    }));
  if (errors.length > 0) throw new Problem("REFUSED", "agents would refuse this list", { errors });
}
