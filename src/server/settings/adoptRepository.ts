import { promises as fs } from "node:fs";
import path from "node:path";
import type { Kind } from "../../core/content/kind.ts";
import { DocumentError } from "../../core/document.ts";
import { parseUpdateAgents } from "../../core/settings/policy.ts";
import { explainError, NearsourceError } from "../../errors.ts";
import { describeRepository, type RepositoryDescription } from "../../publisher/describe.ts";
import { readPrivateKey, roleKeyFile, tufKey } from "../../publisher/keys.ts";
import { documentTarget } from "../../publisher/repository/checkDocument.ts";
import { readChoices } from "../../publisher/repository/choices.ts";
import { type Location, locate } from "../../publisher/repository/location.ts";
import { withLocks } from "../../publisher/repository/repositoryLock.ts";
import { onlineRoles } from "../../publisher/repository/signedParts.ts";
import { listFolder, makePath, syncFolder, writeDurably } from "../../store/durable.ts";
import { sha256 as sha256Of } from "../../store/sha256.ts";
import { insertAgent } from "../store/fleet/agentStore.ts";
import { insertDocument, markPublished } from "../store/settings/documentStore.ts";
import { findDomain, insertDomain } from "../store/settings/domainStore.ts";
import { putHandGrant } from "../store/settings/grantStore.ts";
import { putPolicy } from "../store/settings/policyStore.ts";
import type { Tx } from "../store/transaction.ts";
import { UPDATE_AGENTS } from "./fleetSettings.ts";
import { readPlain, refuseOddFiles } from "./plainFolder.ts";

/** A settings document of a repository that is taken over. */
export interface AdoptedDocument {
  name: string;
  content: string;
}

/** A repository that was taken over: its files are in the server's folder. */
export interface AdoptedRepository {
  /** The root where the trust of agents starts, in its new place. */
  rootFile: string;
  /** Private keys of the root; none where they were taken away already. */
  rootKeyFiles: string[];
  documents: AdoptedDocument[];
}

/** Author of what was there before the server. */
const AUTHOR = "nearsource repo";

/**
 * Takes over a settings repository that `nearsource repo` made: verified from its first root on, with the key of each role
 * that the server signs with. The original stays as it is.
 *
 * @param from its web root; the keys are in `<from>.keys`, as `repo init` puts them
 * @throws NearsourceError REPOSITORY_INVALID, KEY_INVALID, FILE_UNSAFE, LOCKED, and of the storage phase
 */
export async function adoptRepository(
  from: string,
  to: { dir: string; keysDir: string },
): Promise<AdoptedRepository> {
  const source = locate({ dir: from }, "settings");
  await refuseOddFiles([source.folder, source.keys]);
  await readChoices(source);
  return await withLocks(source, false, async () => {
    await refuseKeysOfAnother(source, await describeRepository({ dir: from, repository: "settings" }));
    const target = locate(to, "settings");
    for (const folder of ["metadata", "targets"] as const)
      await copyFolder(source[folder], target[folder], 0o644);
    await copyFolder(source.keys, target.keys, 0o600, isKept);
    await syncFolder(path.dirname(target.keys));
    // The copy counts: others may write where it was made from.
    const documents = await readDocuments(
      target,
      await describeRepository({ ...to, repository: "settings" }),
    );
    const names = await listFolder(target.keys);
    const rootKeys = names.filter((name) => /^root(?:-\d+)?\.pem$/.test(name)).toSorted();
    return {
      rootFile: path.join(target.metadata, "1.root.json"),
      rootKeyFiles: rootKeys.map((name) => path.join(target.keys, name)),
      documents,
    };
  });
}

/** Locks stay with the folder that they are of. */
function isKept(name: string): boolean {
  return /\.(?:pem|pub|json)$/.test(name);
}

async function refuseKeysOfAnother(location: Location, { roles }: RepositoryDescription): Promise<void> {
  for (const role of onlineRoles("settings")) {
    const file = roleKeyFile(location, role);
    const { keyID } = tufKey(await readPrivateKey(file));
    const known = roles.find((each) => each.role === role)?.keyIds ?? [];
    if (known.includes(keyID)) continue;
    throw new NearsourceError(
      "KEY_INVALID",
      `${file} is not the key that the repository's root names for ${role}`,
      {
        hint: "put the key back that signs this role; nothing was taken over",
      },
    );
  }
}

async function readDocuments(
  location: Location,
  { documents }: RepositoryDescription,
): Promise<AdoptedDocument[]> {
  return await Promise.all(
    documents.map(async ({ name, sha256 }) => {
      const place = documentTarget(name).split("/");
      const file = place.pop();
      const bytes = await readPlain(path.join(location.targets, ...place, `${sha256}.${file}`));
      if (sha256Of(bytes) !== sha256)
        throw new NearsourceError("REPOSITORY_INVALID", `${name} is not what was published`);
      return { name, content: bytes.toString("utf8") };
    }),
  );
}

async function copyFolder(from: string, to: string, mode: number, keep = (_: string) => true): Promise<void> {
  await makePath(to, mode === 0o600 ? 0o700 : 0o755);
  // A repository in which no document was set yet has no folder of them.
  if ((await listFolder(from)).length === 0) return;
  for (const entry of await fs.readdir(from, { withFileTypes: true })) {
    const [one, other] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(one, other, mode);
    else if (entry.isFile() && keep(entry.name)) await writeDurably(other, await readPlain(one), mode);
  }
  await syncFolder(to);
}

/**
 * Makes rows of what was published: each document goes on from the version that it says, each policy is of its domain, and
 * holders of the Update Agent role are agents that have not enrolled yet.
 *
 * @throws NearsourceError SETTINGS_INVALID for a document that no server could go on from
 */
export async function adoptDocuments(
  tx: Tx,
  documents: AdoptedDocument[],
  { now, newId }: { now: number; newId(): string },
): Promise<void> {
  for (const { name, content } of documents) {
    try {
      const { version = 1, ...fields } = JSON.parse(content) as { version?: number } & Record<
        string,
        unknown
      >;
      const row = {
        name,
        version,
        content,
        author: AUTHOR,
        createdAt: now,
        note: "taken over",
        effect: null,
      };
      await insertDocument(tx, row);
      await markPublished(tx, name, version, now);
      const [, domain] = /^policies\/(.+)$/.exec(name) ?? [];
      if (domain !== undefined) await adoptPolicy(tx, domain, fields, { id: newId(), now });
      if (name === UPDATE_AGENTS) await adoptGrants(tx, parseUpdateAgents(JSON.parse(content)).agents, now);
    } catch (error) {
      if (!(error instanceof DocumentError || error instanceof SyntaxError)) throw error;
      throw new NearsourceError(
        "SETTINGS_INVALID",
        `settings/${name}.json cannot be taken over: ${explainError(error)}`,
      );
    }
  }
}

async function adoptPolicy(
  tx: Tx,
  domain: string,
  settings: Record<string, unknown>,
  { id, now }: { id: string; now: number },
): Promise<void> {
  if ((await findDomain(tx, domain)) === undefined)
    await insertDomain(tx, { name: domain, comment: "", now });
  const targets = { domains: [domain], agents: [] };
  const policy = { id, name: domain, version: 1, targets, settings, updateAgent: { kinds: [] } };
  await putPolicy(tx, { ...policy, author: AUTHOR, changedAt: now });
}

async function adoptGrants(tx: Tx, agents: { id: string; kinds: Kind[] }[], now: number): Promise<void> {
  for (const { id, kinds } of agents) {
    const unknown = { name: id, fingerprint: "", addresses: [], program: "", cloneOf: null };
    // No hash of a secret looks like this.
    await insertAgent(tx, { ...unknown, id, domain: "default", secretHash: `none ${id}`, now });
    await putHandGrant(tx, { agent: id, kinds, author: AUTHOR, grantedAt: now });
  }
}
