import { createHash } from "node:crypto";
import type { Database } from "../../src/server/store/database.ts";

/** Agents that a server looks after in every benchmark. */
export const FLEET = 100_000;
const DOMAINS = ["default", "berlin", "lyon", "oslo"];

/** An agent of the fleet, which load generators know by its number alone. */
export function agentOf(index: number): { id: string; secret: string; name: string; address: string } {
  const id = `agent-${String(index).padStart(6, "0")}`;
  const secret = createHash("sha256").update(`secret of ${index}`).digest("base64url");
  const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const site = DOMAINS[index % DOMAINS.length] ?? "default";
  return { id, secret, name: `${site}-pc-${String((index * 7_919) % FLEET).padStart(6, "0")}`, address };
}

/** Enrols the whole fleet at once, as if it had been enrolled over months; nine in ten have reported. */
export async function fillFleet({ db }: Pick<Database, "db">): Promise<void> {
  const now = Date.now();
  await db.transaction().execute(async (tx) => {
    for (const name of DOMAINS.slice(1)) {
      await tx.insertInto("domains").values({ name, created_at: now }).execute();
    }
    for (let from = 0; from < FLEET; from += 500) {
      const rows = Array.from({ length: 500 }, (_, index) => rowOf(from + index, now));
      await tx.insertInto("agents").values(rows).execute();
    }
  });
}

function rowOf(index: number, now: number) {
  const { id, secret, name, address } = agentOf(index);
  const isSilent = index % 10 === 0;
  return {
    id,
    name,
    search: `${name} ${address}`,
    fingerprint: createHash("sha256").update(id).digest("hex"),
    domain: DOMAINS[index % DOMAINS.length] ?? "default",
    secret_hash: createHash("sha256").update(secret).digest("hex"),
    addresses: JSON.stringify([address]),
    program: "0.1.0",
    created_at: now - 86_400_000,
    reported_at: isSilent ? null : now - (index % 3_600) * 1_000,
    outcome: isSilent ? null : index % 97 === 0 ? "exhausted" : "current",
    code: isSilent || index % 97 !== 0 ? null : "CONNECTION_REFUSED",
    source: isSilent ? null : `ua-${index % 200}`,
    retired_at: null,
    clone_of: null,
    seen_at: address,
  };
}
