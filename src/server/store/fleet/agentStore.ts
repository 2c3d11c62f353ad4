import type { StateFacts } from "../../../core/fleet/agentState.ts";
import type { KnownAgent } from "../../../core/fleet/reports/sameMachine.ts";
import { countOf } from "../countOf.ts";
import type { Dialect } from "../dialect.ts";
import { fewLengths, inParts } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";
import { type AgentFilter, matchingAgents } from "./agentFilter.ts";
import { namesIn, urlsOf } from "./agentRows.ts";
import { addKept, dropRuns } from "./runStore.ts";

/** An agent as the server knows it. Times in milliseconds since the epoch. */
export interface Agent extends StateFacts {
  id: string;
  name: string;
  domain: string;
  addresses: string[];
  /** The domains of its DNS search list, as it reported them. */
  dnsSuffixes: string[];
  /** The port it listens at, as it reported it: 0 for none, null while it has not said. */
  port: number | null;
  /** Names of its machine, as it reported them, its own first. */
  hostNames: string[];
  /** URLs under which others reach it, beside those of its names and addresses. */
  urls: string[];
  program: string;
  createdAt: number;
  outcome: string | null;
  code: string | null;
  /** Name or URL of the source that delivered last. */
  source: string | null;
  /** The agent of whose disk it is a copy. */
  cloneOf: string | null;
  /** When two machines last reported as this agent: its identity was copied. */
  doubledAt: number | null;
  /** When its secret was taken back. */
  revokedAt: number | null;
  /** The source that its order begins with, as the list names it: null before it was computed, empty for none. */
  planned: string | null;
  /** Since when it goes elsewhere than its order begins; null while it does not. */
  deviatesSince: number | null;
  /** Free space on its disk, in bytes, as it last reported. */
  freeBytes: number | null;
}

const COLUMNS = [
  "id",
  "name",
  "domain",
  "addresses",
  "dns_suffixes as dnsSuffixes",
  "port",
  "host_names as hostNames",
  "own_urls as ownUrls",
  "program",
  "created_at as createdAt",
  "reported_at as reportedAt",
  "outcome",
  "code",
  "source",
  "clone_of as cloneOf",
  "doubled_at as doubledAt",
  "revoked_at as revokedAt",
  "planned",
  "deviates_since as deviatesSince",
  "free_bytes as freeBytes",
  "failing",
  "content_version as contentVersion",
  "settings_version as settingsVersion",
] as const;

type Row = Omit<Agent, "addresses" | "dnsSuffixes" | "failing" | "hostNames" | "urls"> & {
  addresses: string;
  hostNames: string | null;
  ownUrls: string | null;
  dnsSuffixes: string | null;
  failing: 0 | 1;
};

function fromRow({ addresses, dnsSuffixes, hostNames, ownUrls, failing, ...row }: Row): Agent {
  return {
    ...row,
    hostNames: namesIn(hostNames),
    urls: urlsOf(ownUrls),
    failing: failing === 1,
    addresses: JSON.parse(addresses) as string[],
    dnsSuffixes: namesIn(dnsSuffixes),
  };
}

export interface NewAgent {
  id: string;
  name: string;
  fingerprint: string;
  domain: string;
  secretHash: string;
  addresses: string[];
  dnsSuffixes?: string[] | undefined;
  program: string;
  /** The address that it asked from. */
  seenAt?: string | undefined;
  now: number;
  cloneOf: string | null;
}

export async function insertAgent(tx: Tx, agent: NewAgent): Promise<void> {
  await tx
    .insertInto("agents")
    .values({
      id: agent.id,
      name: agent.name,
      search: searchOf(agent.name, agent.addresses),
      fingerprint: agent.fingerprint,
      domain: agent.domain,
      secret_hash: agent.secretHash,
      addresses: JSON.stringify(agent.addresses),
      dns_suffixes: agent.dnsSuffixes && JSON.stringify(agent.dnsSuffixes),
      program: agent.program,
      created_at: agent.now,
      reported_at: null,
      outcome: null,
      code: null,
      source: null,
      retired_at: null,
      clone_of: agent.cloneOf,
      seen_at: agent.seenAt,
    })
    .execute();
}

/** Characters of addresses that a search looks through: it is in an index, which keeps no rows of any length. */
const SEARCHED = 450;

/** Text that a search looks through. */
export function searchOf(name: string, addresses: readonly string[]): string {
  return [name, addresses.join(" ").slice(0, SEARCHED)].join(" ").toLowerCase();
}

/** The agents of a fingerprint, retired ones too, the oldest first. */
export async function agentsOfFingerprint(
  db: Db,
  fingerprint: string,
): Promise<(KnownAgent & { domain: string; isRevoked: boolean })[]> {
  const rows = await db
    .selectFrom("agents")
    .select(["id", "name", "domain", "addresses", "created_at", "reported_at", "polled_at", "revoked_at"])
    .where("fingerprint", "=", fingerprint)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map(({ id, name, domain, addresses, created_at, reported_at, polled_at, revoked_at }) => ({
    id,
    name,
    domain,
    addresses: JSON.parse(addresses) as string[],
    isRevoked: revoked_at !== null,
    heardAt: Math.max(created_at, reported_at ?? 0, polled_at ?? 0),
  }));
}

export async function findAgent(db: Db, id: string): Promise<Agent | undefined> {
  const found = await db.selectFrom("agents").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  return found && fromRow(found);
}

/** Those of these agents that there are, by id, with the port that they last said they listen at. */
export async function findAgents(
  db: Db,
  ids: readonly string[],
): Promise<{ id: string; name: string; port: number | null }[]> {
  const found: { id: string; name: string; port: number | null }[] = [];
  for (let from = 0; from < ids.length; from += MANY) {
    const some = ids.slice(from, from + MANY);
    const columns = ["id", "name", "port"] as const;
    found.push(...(await db.selectFrom("agents").select(columns).where("id", "in", some).execute()));
  }
  return found.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** Those of these agents that there are, with all that is known of them. */
export async function findAgentsWhole(db: Db, ids: readonly string[]): Promise<Agent[]> {
  const found: Agent[] = [];
  for (const some of inParts(ids)) {
    const rows = await db.selectFrom("agents").select(COLUMNS).where("id", "in", some).execute();
    found.push(...rows.map(fromRow));
  }
  return found.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** An agent that others could depend on. */
export interface SteadyAgent {
  id: string;
  name: string;
  dnsSuffixes: string[];
  freeBytes: number;
  uptime: number;
}

/** Agents that reported since a time, did not fail, listen at a port, and have so much space. */
export async function steadyAgents(
  db: Db,
  { freeBytes, reportedSince }: { freeBytes: number; reportedSince: number },
): Promise<SteadyAgent[]> {
  const rows = await db
    .selectFrom("agents")
    .select(["id", "name", "dns_suffixes", "free_bytes", "uptime"])
    .where("retired_at", "is", null)
    .where("reported_at", ">=", reportedSince)
    .where("failing", "=", 0)
    .where("free_bytes", ">=", freeBytes)
    .where((where) => where.or([where("port", "is", null), where("port", "<>", 0)]))
    .execute();
  return rows.map(({ id, name, dns_suffixes, free_bytes, uptime }) => {
    return {
      id,
      name,
      dnsSuffixes: namesIn(dns_suffixes),
      freeBytes: free_bytes ?? 0,
      uptime: uptime ?? 0,
    };
  });
}

/** Values in one statement: fewer than any database takes. */
const MANY = 500;

/** A machine that was installed anew: the same agent, with a new secret. */
export async function renewAgent(
  tx: Tx,
  id: string,
  own: Pick<NewAgent, "name" | "secretHash" | "addresses" | "dnsSuffixes" | "program" | "seenAt" | "now">,
): Promise<void> {
  const { name, secretHash, addresses, dnsSuffixes, program, seenAt, now } = own;
  await tx
    .updateTable("agents")
    .set((row) => ({
      name,
      search: searchOf(name, addresses),
      secret_hash: secretHash,
      next_secret_hash: null,
      // A machine that was installed anew never comes with it: whoever does shows that another took its identity.
      last_secret_hash: row.ref("secret_hash"),
      secret_at: now,
      rotate_at: null,
      revoked_at: null,
      seen_at: seenAt,
      addresses: JSON.stringify(addresses),
      dns_suffixes: dnsSuffixes && JSON.stringify(dnsSuffixes),
      program,
      retired_at: null,
      plan_due: 1,
    }))
    .where("id", "=", id)
    .execute();
}

/** Agents by name, after the one that `after` names. */
export async function listAgents(
  db: Db,
  filter: AgentFilter,
  { after, limit }: { after?: { name: string; id: string } | undefined; limit: number },
): Promise<Agent[]> {
  let query = matchingAgents(db, filter).select(COLUMNS).orderBy("name").orderBy("id").limit(limit);
  if (after !== undefined) {
    query = query.where((where) =>
      where.or([
        where("name", ">", after.name),
        where.and([where("name", "=", after.name), where("id", ">", after.id)]),
      ]),
    );
  }
  return (await query.execute()).map(fromRow);
}

/** Agents that are not retired. */
export async function countAgents(db: Db, filter: AgentFilter = {}): Promise<number> {
  return await countOf(matchingAgents(db, filter));
}

/** Forgets an agent and its runs. */
export async function deleteAgent(tx: Tx, id: string): Promise<boolean> {
  const size = await dropRuns(tx, [{ id, upTo: Number.MAX_SAFE_INTEGER }]);
  if (size > 0) await addKept(tx, -size, 0);
  const { numDeletedRows } = await tx.deleteFrom("agents").where("id", "=", id).executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function moveAgent(tx: Tx, id: string, domain: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("agents")
    .set({ domain, plan_due: 1 })
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** An agent, as far as its order depends on it. */
export type Orderable = Pick<
  Agent,
  "id" | "name" | "domain" | "addresses" | "dnsSuffixes" | "port" | "hostNames" | "urls"
>;

/**
 * Holds the rows of agents until the transaction ends, in the order of their ids: two who write into the same do not wait
 * for each other for ever.
 */
export async function holdAgents(tx: Tx, { locksRows }: Dialect, ids: readonly string[]): Promise<void> {
  if (!locksRows) return;
  await tx.selectFrom("agents").select("id").where("id", "in", ids).orderBy("id").forNoKeyUpdate().execute();
}

/** Retires agents that were not heard of since a time, `most` of them at most. Returns how many. */
export async function retireAgents(
  tx: Tx,
  { locksRows }: Dialect,
  { before, now, most }: { before: number; now: number; most: number },
): Promise<number> {
  const unheard = tx
    .selectFrom("agents")
    .select("id")
    .where("retired_at", "is", null)
    .where("created_at", "<", before)
    .where((where) => where.or([where("reported_at", "is", null), where("reported_at", "<", before)]))
    .where((where) => where.or([where("polled_at", "is", null), where("polled_at", "<", before)]))
    .orderBy("id")
    .limit(most)
    .$if(locksRows, (query) => query.forNoKeyUpdate());
  const { numUpdatedRows } = await tx
    .updateTable("agents")
    .set({ retired_at: now })
    .where("id", "in", unheard)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** When agents last asked for notifications, and reported (ms). */
export async function pollsOf(
  db: Db,
  ids: readonly string[],
): Promise<{ id: string; polledAt: number | null; reportedAt: number | null }[]> {
  if (ids.length === 0) return [];
  return await db
    .selectFrom("agents")
    .select(["id", "polled_at as polledAt", "reported_at as reportedAt"])
    .where("id", "in", fewLengths(ids))
    .execute();
}
