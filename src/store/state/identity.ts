import { randomUUID } from "node:crypto";
import path from "node:path";
import type { DataDir } from "../dataDir.ts";
import { readIfThere, replaceDurably, temporaryName } from "../durable.ts";
import { sha256 } from "../sha256.ts";
import { guardStorage } from "../storageErrors.ts";

/** An agent's identity, as its server knows it. */
export interface Identity {
  id: string;
  /** Proves to the server that a report is this agent's. */
  secret?: string | undefined;
  /** The one before, for a server that knows the newer one no more, or not yet. */
  lastSecret?: string | undefined;
  /** The server said that the secret may travel over HTTP, unencrypted. */
  insecure?: boolean | undefined;
}

/**
 * This agent's identity, in `<dataDir>/identity.json`: a file of its own, since roles are granted to the id,
 * and the state beside it may be lost (docs/design.md §5). Undefined before there is one, or where it cannot be
 * made out.
 *
 * @throws NearsourceError of the storage phase when there is one that cannot be read
 */
export async function readIdentity(dirs: DataDir): Promise<Identity | undefined> {
  const bytes = await readIfThere(placeOf(dirs));
  try {
    const { id, secret, lastSecret, insecure } = JSON.parse(bytes?.toString() ?? "");
    if (typeof id !== "string" || id === "") return undefined;
    return {
      id,
      ...(typeof secret === "string" ? { secret } : {}),
      ...(typeof lastSecret === "string" ? { lastSecret } : {}),
      ...(insecure === true ? { insecure } : {}),
    };
  } catch {
    return undefined;
  }
}

/**
 * Writes an agent's id down where it is not yet.
 *
 * @param id the one it goes by; a new agent gets one
 * @throws NearsourceError of the storage phase
 */
export async function openIdentity(dirs: DataDir, id?: string): Promise<string> {
  const known = await readIdentity(dirs);
  const wanted = id ?? known?.id ?? randomUUID();
  if (known?.id !== wanted) await writeIdentity(dirs, { id: wanted });
  return wanted;
}

/** @throws NearsourceError of the storage phase */
export async function writeIdentity(dirs: DataDir, identity: Identity): Promise<void> {
  const place = placeOf(dirs);
  await guardStorage(`cannot write ${place}`, async () => {
    const staged = temporaryName(dirs.tmp, "identity");
    await replaceDurably(place, `${JSON.stringify(identity)}\n`, { staged, mode: 0o600 });
  });
}

function placeOf(dirs: DataDir): string {
  return path.join(dirs.root, "identity.json");
}

/** Name of an Update Agent in headers: the same each time, and nothing that leads to its id. */
export function pseudonymOf(agentId: string): string {
  return `nearsource-${sha256(Buffer.from(agentId)).slice(0, 16)}`;
}
