import type { Key, MetaFile, Targets } from "@tufjs/models";
import { DELEGATED_ROLES, METADATA_LIMITS, type Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { sha256 } from "../../store/sha256.ts";
import "../../tuf/tufRecords.ts";

/** A JSON object, as the models of TUF take and give it. */
export type Json = Parameters<typeof Targets.fromJSON>[0];

const SPEC_VERSION = "1.0.31";

/** The roles that sign targets: `targets` itself, then the delegated roles of the repository. */
export function targetsRoles(repository: Repository): string[] {
  return ["targets", ...Object.keys(DELEGATED_ROLES[repository])];
}

/** Every role whose key stands beside the repository; all but `root`. */
export function onlineRoles(repository: Repository): string[] {
  return ["timestamp", "snapshot", ...targetsRoles(repository)];
}

/** The signed part of a root (TUF spec §4.3); every role but `root` has one key. */
export function rootContent(root: { keys: Key[]; threshold: number }, online: Record<string, Key>): Json {
  const keys = [...root.keys, ...Object.values(online)];
  const roles: Json = { root: { keyids: root.keys.map((key) => key.keyID), threshold: root.threshold } };
  for (const [role, key] of Object.entries(online)) roles[role] = { keyids: [key.keyID], threshold: 1 };
  return {
    _type: "root",
    spec_version: SPEC_VERSION,
    consistent_snapshot: true,
    keys: Object.fromEntries(keys.map((key) => [key.keyID, key.toJSON()])),
    roles,
  };
}

/**
 * The delegations in `targets` (TUF spec §4.5), from the paths that docs/design.md §3 gives each role. They
 * are terminating: only its role may sign targets below `components/*`.
 */
export function delegations(repository: Repository, keys: Record<string, Key>): Json {
  const roles = Object.entries<readonly string[]>(DELEGATED_ROLES[repository]).map(([name, paths]) => ({
    name,
    keyids: [keyOf(keys, name).keyID],
    threshold: 1,
    terminating: true,
    paths: [...paths],
  }));
  const used = roles.map(({ name }) => keyOf(keys, name));
  return { keys: Object.fromEntries(used.map((key) => [key.keyID, key.toJSON()])), roles };
}

/** The signed part of a role that signs targets, with none in it. */
export function emptyTargets(delegated?: Json): Json {
  const content: Json = { _type: "targets", spec_version: SPEC_VERSION, targets: {} };
  return delegated === undefined ? content : { ...content, delegations: delegated };
}

/** The signed part of a snapshot that lists these metadata files (TUF spec §4.4). */
export function snapshotContent(files: Record<string, MetaFile>): Json {
  const meta = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, file.toJSON()]));
  return { _type: "snapshot", spec_version: SPEC_VERSION, meta };
}

/**
 * The signed part of a timestamp (TUF spec §4.6). `signed_at` is ours: agents take the newest they
 * verified as the earliest time it can be.
 */
export function timestampContent(snapshot: MetaFile, now: Date): Json {
  return {
    _type: "timestamp",
    spec_version: SPEC_VERSION,
    meta: { "snapshot.json": snapshot.toJSON() },
    signed_at: isoSeconds(now),
  };
}

/** A time in TUF's form: ISO 8601 in UTC, whole seconds. */
export function isoSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Length and hash of a file's bytes, as metadata carries them. */
export function describeBytes(bytes: Uint8Array): { length: number; hashes: { sha256: string } } {
  return { length: bytes.length, hashes: { sha256: sha256(bytes) } };
}

/**
 * The bytes of a metadata file, within the limits of agents.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID when it would be larger
 */
export function encodeMetadata(role: string, metadata: { toJSON(): Json }): Buffer {
  const bytes = Buffer.from(JSON.stringify(metadata.toJSON()));
  const limit = METADATA_LIMITS[role in METADATA_LIMITS ? (role as keyof typeof METADATA_LIMITS) : "targets"];
  if (bytes.length <= limit) return bytes;
  throw new NearsourceError(
    "REPOSITORY_INPUT_INVALID",
    `the ${role} metadata would be ${bytes.length} bytes, and agents accept ${limit}`,
    { hint: role === "root" ? "use fewer root keys" : "remove what is no longer needed, then try again" },
  );
}

/** Number of the keys named by `keyIds` that made a valid signature on `metadata` (TUF spec §4.2.2). */
export function countSigners(
  keyIds: readonly string[],
  keys: Record<string, Key>,
  metadata: Parameters<Key["verifySignature"]>[0],
): number {
  return [...new Set(keyIds)].filter((id) => isSignedBy(keys[id], metadata)).length;
}

function isSignedBy(key: Key | undefined, metadata: Parameters<Key["verifySignature"]>[0]): boolean {
  try {
    key?.verifySignature(metadata);
    return key !== undefined;
  } catch {
    return false;
  }
}

function keyOf(keys: Record<string, Key>, role: string): Key {
  const key = keys[role];
  if (key === undefined) throw new Error(`no key for ${role}`);
  return key;
}
