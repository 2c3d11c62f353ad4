import { promises as fs } from "node:fs";
import { Metadata, MetadataKind, type Root } from "@tufjs/models";
import * as v from "valibot";
import { METADATA_LIMITS, REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import { parseJson, readDocument } from "../../core/document.ts";
import { NearsourceError } from "../../errors.ts";
import { tufKeyOfHex } from "../keys.ts";
import { countSigners, type Json } from "../repository/signedParts.ts";

/**
 * A root on its way to publication, as it travels between the publisher and the machines that hold the
 * root keys. The root before it goes along, so that a disconnected machine can tell which keys count.
 */
export interface RootDraft {
  repository: Repository;
  previous: Metadata<Root>;
  next: Metadata<Root>;
  /** Ids of new keys of delegated roles; these are named by `targets`, not by the root. */
  delegated: Record<string, string>;
}

/** The signatures on a root by the keys of one root, and the number needed. */
export interface SignatureCount {
  /** The version of the root whose keys count. */
  root: number;
  signed: number;
  threshold: number;
}

const FORMAT = "nearsource root draft 1";

const draftSchema = v.object({
  format: v.literal(FORMAT),
  repository: v.picklist(REPOSITORIES),
  previous: v.record(v.string(), v.unknown()),
  next: v.record(v.string(), v.unknown()),
  delegated: v.optional(v.record(v.string(), v.string()), {}),
});

/**
 * Reads a draft. Nothing in it is trusted yet but its form.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID
 */
export async function readDraft(file: string): Promise<RootDraft> {
  try {
    const bytes = await fs.readFile(file);
    if (bytes.length > 4 * METADATA_LIMITS.root) throw new Error("is too large");
    const { repository, previous, next, delegated } = readDocument(draftSchema, parseJson(bytes.toString()));
    return { repository, previous: readRoot(previous), next: readRoot(next), delegated };
  } catch (error) {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", `${file} is not a root draft`, {
      cause: error,
      hint: "make one with: nearsource repo root draft",
    });
  }
}

/** The bytes of a draft: JSON, indented, since people read it before they sign. */
export function encodeDraft(draft: RootDraft): Buffer {
  const { repository, delegated } = draft;
  const previous = draft.previous.toJSON();
  const next = draft.next.toJSON();
  const json = { format: FORMAT, repository, delegated, next, previous };
  return Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
}

/**
 * Checks that `next` may follow `previous`: one version up, and every role with distinct keys, enough for its
 * threshold. A key must stand under its own id, or one key could count as two.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID
 */
export function checkNextRoot(previous: Metadata<Root>, next: Metadata<Root>): void {
  const { keys, roles, version, consistentSnapshot } = next.signed;
  const expected = previous.signed.version + 1;
  if (version !== expected) {
    throw refuse(`root ${version} does not follow root ${previous.signed.version}`, "draft it again");
  }
  if (!consistentSnapshot) throw refuse(`root ${version} turns consistent snapshots off`);
  for (const [id, key] of Object.entries(keys)) {
    const hex = key.keyVal.public ?? "";
    const own = /^[0-9a-f]{64}$/.test(hex) ? tufKeyOfHex(hex) : undefined;
    if (own?.equals(key) !== true || own.keyID !== id)
      throw refuse(`key ${id} is not an ed25519 key of that id`);
  }
  for (const [role, { keyIDs, threshold }] of Object.entries(roles)) {
    const known = new Set(keyIDs.filter((id) => keys[id] !== undefined)).size;
    if (!Number.isInteger(threshold) || threshold < 1 || known < threshold || known !== keyIDs.length) {
      throw refuse(`role ${role} asks for ${threshold} signatures and has ${known} usable keys`);
    }
  }
  refuseTooLarge(previous, next);
}

/** Bytes of one Ed25519 signature in a root file, with its key id and JSON around it. */
const SIGNATURE_BYTES = 220;

/** Refuses a root that agents would not accept for its size once everybody has signed it. */
function refuseTooLarge(previous: Metadata<Root>, next: Metadata<Root>): void {
  const signers = new Set([...rootKeyIds(previous), ...rootKeyIds(next)]).size;
  const unsigned = JSON.stringify(next.signed.toJSON()).length;
  const bytes = unsigned + signers * SIGNATURE_BYTES;
  if (bytes <= METADATA_LIMITS.root) return;
  throw refuse(
    `root ${next.signed.version} would be up to ${bytes} bytes, and agents accept ${METADATA_LIMITS.root}`,
    "use fewer root keys, or exchange them in several steps",
  );
}

/** The signatures on `next`: by the keys of the root before it, and by its own (TUF spec §5.3.4). */
export function countSignatures(previous: Metadata<Root>, next: Metadata<Root>): SignatureCount[] {
  return [previous, next].map(({ signed }) => {
    const role = signed.roles.root;
    const signers = role === undefined ? 0 : countSigners(role.keyIDs, signed.keys, next);
    return { root: signed.version, signed: signers, threshold: role?.threshold ?? 1 };
  });
}

/** The ids of the root's own keys. */
export function rootKeyIds(root: Metadata<Root>): string[] {
  return root.signed.roles.root?.keyIDs ?? [];
}

/** The roles of the root, without `root` itself, whose keys differ between two roots. */
export function rotatedRoles(previous: Metadata<Root>, next: Metadata<Root>): string[] {
  return Object.entries(next.signed.roles)
    .filter(([name, role]) => name !== "root" && !sameKeys(role.keyIDs, previous.signed.roles[name]?.keyIDs))
    .map(([name]) => name);
}

/** The changes in a draft, a line each, for the person who is about to sign it. */
export function describeChanges({ previous, next, delegated }: RootDraft): string[] {
  const [before, after] = [rootKeyIds(previous), rootKeyIds(next)];
  const [old, now] = [previous.signed.roles.root?.threshold, next.signed.roles.root?.threshold];
  return [
    `version ${previous.signed.version} becomes ${next.signed.version}`,
    `expires ${next.signed.expires} instead of ${previous.signed.expires}`,
    ...after.filter((id) => !before.includes(id)).map((id) => `adds root key ${id}`),
    ...before.filter((id) => !after.includes(id)).map((id) => `removes root key ${id}`),
    ...(old === now ? [] : [`asks for ${now} root signatures instead of ${old}`]),
    ...rotatedRoles(previous, next).map((role) => {
      return `gives ${role} the key ${next.signed.roles[role]?.keyIDs.join(", ")}`;
    }),
    ...Object.entries(delegated).map(([role, id]) => `gives ${role} the key ${id}`),
  ];
}

function sameKeys(left: string[], right: string[] = []): boolean {
  return left.length === right.length && left.every((id) => right.includes(id));
}

function readRoot(json: Record<string, unknown>): Metadata<Root> {
  return Metadata.fromJSON(MetadataKind.Root, json as Json);
}

function refuse(reason: string, hint?: string): NearsourceError {
  return new NearsourceError("REPOSITORY_INPUT_INVALID", reason, hint === undefined ? {} : { hint });
}
