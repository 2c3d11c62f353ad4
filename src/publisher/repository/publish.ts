import type { KeyObject } from "node:crypto";
import path from "node:path";
import { Metadata, MetaFile, type Root, Snapshot, Targets, Timestamp } from "@tufjs/models";
import { hashedTargetPath, METADATA_LIMITS } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { readIfThere } from "../../store/durable.ts";
import { sha256 } from "../../store/sha256.ts";
import { roleKeyFile, roleKeysAtHand, signWith, tufKey } from "../keys.ts";
import { type Choices, type HighestVersions, lifetimeOf } from "./choices.ts";
import type { Location } from "./location.ts";
import { makeFolders, type OnFile, placeFile, replaceJson } from "./placeFile.ts";
import { keyIdsOf, type Publication } from "./publication.ts";
import {
  describeBytes,
  encodeMetadata,
  isoSeconds,
  type Json,
  snapshotContent,
  targetsRoles,
  timestampContent,
} from "./signedParts.ts";

/** The input of a publication: place, keys and lifetimes, and the publication before. */
export interface Publisher {
  location: Location;
  choices: Choices;
  highest: HighestVersions;
  /** The publication in force; undefined before the first one. */
  publication: Publication | undefined;
  now: Date;
  onFile: OnFile;
}

/** The changes of the next publication. */
export interface Changes {
  /** Signed parts of the roles to sign again (their version and expiry are set here). */
  roles?: Map<string, Json>;
  /** New target files, by target path. */
  files?: Map<string, Uint8Array>;
  /** Signs the snapshot again though no role changed. */
  snapshot?: boolean;
  /** The root that comes into force with this publication, when it is not the present one. */
  root?: Metadata<Root>;
}

interface Draft extends Publication {
  /** Metadata files in the order in which they are written; the timestamp, last, makes them count. */
  files: { name: string; bytes: Buffer }[];
}

/**
 * Makes the next publication. Everything is signed, verified and measured before the first byte is
 * written; then target files, role metadata, snapshot and, last, the timestamp are put in place, so
 * that readers see the old publication or the new one (TUF spec §6.2, consistent snapshots).
 *
 * The caller holds the lock, and places a new root itself.
 *
 * @throws NearsourceError KEY_INVALID when a role's key is not at hand; REPOSITORY_INPUT_INVALID when
 *   metadata would be larger than agents accept
 */
export async function publishNext(publisher: Publisher, changes: Changes): Promise<Publication> {
  const { location, onFile } = publisher;
  const draft = await signDraft(publisher, changes);
  for (const [target, bytes] of changes.files ?? []) await placeTarget(location, target, bytes, onFile);
  await makeFolders(location.metadata);
  for (const { name, bytes } of draft.files) {
    const file = path.join(location.metadata, name);
    // The one file that is asked for under the same name again and again.
    if (name === "timestamp.json") await replaceJson(file, bytes, METADATA_LIMITS.timestamp);
    else await placeFile(file, bytes);
    onFile(file);
  }
  const { files: _, ...publication } = draft;
  return publication;
}

/** The version `role` gets next: above the one in force and above any that was ever published from here. */
function nextVersion(publisher: Publisher, role: string): number {
  const { publication, highest } = publisher;
  const current =
    role === "timestamp" || role === "snapshot" ? publication?.[role] : publication?.roles.get(role);
  return Math.max(current?.signed.version ?? 0, highest[role] ?? 0) + 1;
}

async function signDraft(publisher: Publisher, changes: Changes): Promise<Draft> {
  const before = publisher.publication;
  const root = changes.root ?? before?.root;
  if (root === undefined) throw new Error("a first publication needs its root");
  const files: Draft["files"] = [];
  const roles = new Map(before?.roles);
  const listed: Record<string, MetaFile> = { ...before?.snapshot.signed.meta };
  for (const role of targetsRoles(publisher.location.repository)) {
    const content = changes.roles?.get(role);
    if (content === undefined) continue;
    const metadata = new Metadata(Targets.fromJSON({ ...content, ...stamp(publisher, role) }));
    // The delegations for the roles after `targets` are the new ones: `targets` comes first.
    roles.set(role, metadata);
    signWith(metadata, await signersOf(publisher, role, { root, roles }));
    listed[`${role}.json`] = addFile(files, role, metadata);
  }

  let snapshot = before?.snapshot;
  let snapshotMeta = before?.timestamp.signed.snapshotMeta;
  if (snapshot === undefined || snapshotMeta === undefined || files.length > 0 || changes.snapshot === true) {
    const signed = { ...snapshotContent(listed), ...stamp(publisher, "snapshot") };
    snapshot = new Metadata(Snapshot.fromJSON(signed));
    signWith(snapshot, await signersOf(publisher, "snapshot", { root, roles }));
    snapshotMeta = addFile(files, "snapshot", snapshot);
  }

  const signed = { ...timestampContent(snapshotMeta, publisher.now), ...stamp(publisher, "timestamp") };
  const timestamp = new Metadata(Timestamp.fromJSON(signed));
  signWith(timestamp, await signersOf(publisher, "timestamp", { root, roles }));
  files.push({ name: "timestamp.json", bytes: encodeMetadata("timestamp", timestamp) });
  const draft = { root, timestamp, snapshot, roles, files };
  verifyDraft(draft);
  return draft;
}

function stamp(publisher: Publisher, role: string): { version: number; expires: string } {
  const expires = publisher.now.getTime() + lifetimeOf(publisher.choices.lifetimes, role);
  return { version: nextVersion(publisher, role), expires: isoSeconds(new Date(expires)) };
}

/**
 * The keys that sign `role`. While a key is being rotated these are the leaving and the coming one, so that a
 * reader that holds either root accepts the metadata.
 */
async function signersOf(
  publisher: Publisher,
  role: string,
  trust: Pick<Publication, "root" | "roles">,
): Promise<KeyObject[]> {
  const { location, publication } = publisher;
  const coming = keyIdsOf(trust, role);
  const leaving = publication === undefined ? [] : keyIdsOf(publication, role);
  const keys = await roleKeysAtHand(location, role, new Set([...coming, ...leaving]));
  if (keys.some((key) => coming.includes(tufKey(key).keyID))) return keys;
  throw keyMissing(location, role);
}

/** The error of a role that has to sign and cannot. */
export function keyMissing(location: Location, role: string): NearsourceError {
  return new NearsourceError("KEY_INVALID", `the key of the ${role} role is not in ${location.keys}`, {
    hint: `put it at ${roleKeyFile(location, role)}, or name its folder with --keys`,
  });
}

function addFile(files: Draft["files"], role: string, metadata: Metadata<Targets> | Metadata<Snapshot>) {
  const bytes = encodeMetadata(role, metadata);
  const { version } = metadata.signed;
  files.push({ name: `${version}.${role}.json`, bytes });
  return new MetaFile({ version, ...describeBytes(bytes) });
}

/** Makes the checks of a client; a publication that fails here must not get out. */
function verifyDraft({ root, timestamp, snapshot, roles }: Draft): void {
  root.verifyDelegate("timestamp", timestamp);
  root.verifyDelegate("snapshot", snapshot);
  const targets = roles.get("targets");
  for (const [role, metadata] of roles) {
    (role === "targets" ? root : targets)?.verifyDelegate(role, metadata);
  }
}

async function placeTarget(
  location: Location,
  target: string,
  bytes: Uint8Array,
  onFile: OnFile,
): Promise<void> {
  const file = path.join(location.targets, hashedTargetPath(target, sha256(bytes)));
  // The name carries the hash: the same bytes there already need no new file (and no new ETag).
  const present = await readIfThere(file);
  if (present?.equals(bytes)) return;
  await makeFolders(path.dirname(file));
  await placeFile(file, bytes);
  onFile(file);
}
