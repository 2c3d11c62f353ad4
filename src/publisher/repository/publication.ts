import path from "node:path";
import {
  Metadata,
  MetadataKind,
  type MetaFile,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from "@tufjs/models";
import { METADATA_LIMITS } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { readIfThere } from "../../store/durable.ts";
import { sha256 } from "../../store/sha256.ts";
import type { Location } from "./location.ts";
import { type Json, targetsRoles } from "./signedParts.ts";

/** The state of a repository at one moment: the metadata that one timestamp leads to, verified. */
export interface Publication {
  root: Metadata<Root>;
  timestamp: Metadata<Timestamp>;
  snapshot: Metadata<Snapshot>;
  /** `targets` and the delegated roles, by name. */
  roles: Map<string, Metadata<Targets>>;
}

type Role = Metadata<Timestamp> | Metadata<Snapshot> | Metadata<Targets>;

/**
 * Reads the current publication and verifies it from the first root on: signatures, lengths, hashes and
 * versions, as a client does. The targets of somebody else who can write to the web root must not be signed
 * by the next publication. Expiry is not looked at: an expired repository has to be mendable.
 *
 * @param trust.firstRoot SHA-256 that `1.root.json` must have; without it that file is taken as it is
 * @param trust.next a root that may be in force next: roles signed by its keys are accepted as well, provided
 *   the current root's keys signed it
 * @throws NearsourceError REPOSITORY_INVALID naming the file
 */
export async function loadPublication(
  location: Location,
  trust: { firstRoot?: string | undefined; next?: Metadata<Root> | undefined } = {},
): Promise<Publication> {
  const root = await loadRoot(location, trust.firstRoot);
  const roots = trust.next !== undefined && isSuccessor(root, trust.next) ? [root, trust.next] : [root];

  const timestampFile = await readMetadata(location, "timestamp.json");
  const timestamp = parse("timestamp.json", timestampFile, (json) =>
    verified(Metadata.fromJSON(MetadataKind.Timestamp, json), "timestamp", roots),
  );
  const snapshotMeta = timestamp.signed.snapshotMeta;
  const snapshotName = `${snapshotMeta.version}.snapshot.json`;
  const snapshotFile = await readMetadata(location, snapshotName, snapshotMeta);
  const snapshot = parse(snapshotName, snapshotFile, (json) =>
    verified(Metadata.fromJSON(MetadataKind.Snapshot, json), "snapshot", roots),
  );
  return { root, timestamp, snapshot, roles: await loadRoles(location, snapshot, roots) };
}

/**
 * The root in force: the chain from `1.root.json` on, each root signed by the one before it and by
 * itself (TUF spec §5.3).
 *
 * @throws NearsourceError REPOSITORY_INVALID
 */
async function loadRoot(location: Location, firstRoot?: string): Promise<Metadata<Root>> {
  const bytes = await readMetadata(location, "1.root.json");
  if (firstRoot !== undefined && sha256(bytes) !== firstRoot) {
    throw new NearsourceError(
      "REPOSITORY_INVALID",
      `1.root.json in ${location.metadata} is not the root this publisher began with`,
      { hint: `the keys in ${location.keys} belong to another repository, or the file was altered` },
    );
  }
  let root = parse("1.root.json", bytes, (json) => {
    const first = Metadata.fromJSON(MetadataKind.Root, json);
    first.verifyDelegate("root", first);
    return first;
  });
  for (;;) {
    const name = `${root.signed.version + 1}.root.json`;
    const next = await readIfThere(path.join(location.metadata, name));
    if (next === undefined) return root;
    const before = root;
    root = parse(name, next, (json) => {
      const found = Metadata.fromJSON(MetadataKind.Root, json);
      if (!isSuccessor(before, found)) throw new Error("is not signed by the keys of the root before it");
      return found;
    });
  }
}

/** Whether `next` may follow `root`: one version up, signed by enough keys of both. */
function isSuccessor(root: Metadata<Root>, next: Metadata<Root>): boolean {
  if (next.signed.version !== root.signed.version + 1) return false;
  try {
    root.verifyDelegate("root", next);
    next.verifyDelegate("root", next);
    return true;
  } catch {
    return false;
  }
}

/** The version of each role in a publication, `root` included. */
export function versionsOf(publication: Publication): Record<string, number> {
  const versions: Record<string, number> = {
    root: publication.root.signed.version,
    timestamp: publication.timestamp.signed.version,
    snapshot: publication.snapshot.signed.version,
  };
  for (const [role, metadata] of publication.roles) versions[role] = metadata.signed.version;
  return versions;
}

/** The metadata of one of the roles that sign targets. */
export function roleOf(publication: Publication, role: string): Metadata<Targets> {
  const metadata = publication.roles.get(role);
  if (metadata === undefined) throw new Error(`no role ${role}`);
  return metadata;
}

/** The ids of the keys that may sign `role`, by the root or by the delegations in `targets`. */
export function keyIdsOf(trust: Pick<Publication, "root" | "roles">, role: string): string[] {
  const delegated = trust.roles.get("targets")?.signed.delegations?.roles;
  return (trust.root.signed.roles[role] ?? delegated?.[role])?.keyIDs ?? [];
}

async function loadRoles(
  location: Location,
  snapshot: Metadata<Snapshot>,
  roots: Metadata<Root>[],
): Promise<Map<string, Metadata<Targets>>> {
  const roles = new Map<string, Metadata<Targets>>();
  for (const role of targetsRoles(location.repository)) {
    const meta = snapshot.signed.meta[`${role}.json`];
    if (meta === undefined) throw invalid("snapshot.json", new Error(`does not list ${role}.json`));
    const name = `${meta.version}.${role}.json`;
    const bytes = await readMetadata(location, name, meta);
    const delegator = roles.get("targets");
    const trusted = parse(name, bytes, (json) =>
      verified(
        Metadata.fromJSON(MetadataKind.Targets, json),
        role,
        delegator === undefined ? roots : [delegator],
      ),
    );
    roles.set(role, trusted);
  }
  return roles;
}

/** `metadata` itself, once one of `delegators` vouches for it. */
function verified<T extends Role>(
  metadata: T,
  role: string,
  delegators: (Metadata<Root> | Metadata<Targets>)[],
): T {
  const refusals: unknown[] = [];
  for (const delegator of delegators) {
    try {
      delegator.verifyDelegate(role, metadata);
      return metadata;
    } catch (error) {
      refusals.push(error);
    }
  }
  throw refusals[0];
}

async function readMetadata(location: Location, name: string, meta?: MetaFile): Promise<Buffer> {
  const bytes = await readIfThere(path.join(location.metadata, name));
  if (bytes === undefined) {
    throw new NearsourceError("REPOSITORY_INVALID", `no ${name} in ${location.metadata}`, {
      hint:
        name === "1.root.json"
          ? `is this the web root? make a repository with: nearsource repo init --${location.repository}`
          : "put the file back from a backup of the web root",
    });
  }
  if (bytes.length > METADATA_LIMITS.targets) throw invalid(name, new Error("is too large"));
  try {
    meta?.verify(bytes);
  } catch (error) {
    throw invalid(name, error);
  }
  return bytes;
}

function parse<T>(name: string, bytes: Buffer, read: (json: Json) => T): T {
  try {
    return read(JSON.parse(bytes.toString("utf8")) as Json);
  } catch (error) {
    throw invalid(name, error);
  }
}

function invalid(name: string, cause: unknown): NearsourceError {
  return new NearsourceError("REPOSITORY_INVALID", `${name} cannot be trusted`, {
    cause,
    hint: "if a root publish was cut short, run it again; else put the file back from a backup",
  });
}
