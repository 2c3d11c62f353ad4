import type { KeyObject } from "node:crypto";
import path from "node:path";
import { type Key, Metadata, Root } from "@tufjs/models";
import { DELEGATED_ROLES, type Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { guardStorage } from "../../store/storageErrors.ts";
import {
  newPrivateKey,
  placeRoleKey,
  readPrivateKey,
  readPublicKey,
  roleKeyFile,
  signWith,
  tufKey,
} from "../keys.ts";
import { checkLifetimes, lifetimeOf } from "../repository/choices.ts";
import { exists, placeFile } from "../repository/placeFile.ts";
import { type PublisherOptions, withRepository } from "../repository/session.ts";
import { isoSeconds, type Json, onlineRoles } from "../repository/signedParts.ts";
import {
  checkNextRoot,
  countSignatures,
  describeChanges,
  encodeDraft,
  readDraft,
  rootKeyIds,
  type SignatureCount,
} from "./rootDraft.ts";

export interface DraftRootOptions extends PublisherOptions {
  repository: Repository;
  /** The draft to write; it may not exist. */
  out: string;
  /** Days until the new root expires; the option of `init` by default. */
  expires?: number | undefined;
  /** Public keys (PEM files) that become root keys. */
  addKeys?: string[] | undefined;
  /** Ids of root keys that go, or unmistakable beginnings of ids. */
  removeKeys?: string[] | undefined;
  /** Number of root keys that have to sign from now on. */
  threshold?: number | undefined;
  /** Online roles that get new keys. */
  rotate?: string[] | undefined;
}

/** A draft as it stands: its changes, and its signers. */
export interface RootDraftState {
  repository: Repository;
  version: number;
  changes: string[];
  /** Signatures by the keys of the root in force, and by the new root's own. */
  signatures: SignatureCount[];
  /** Whether it can be published. */
  complete: boolean;
}

/**
 * Writes an unsigned next root. New keys of rotated roles are made at once, beside the present ones,
 * and take force when the root is published.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID, KEY_INVALID, REPOSITORY_INVALID, LOCKED, storage errors
 */
export async function draftRoot(options: DraftRootOptions): Promise<RootDraftState & { warnings: string[] }> {
  const out = path.resolve(options.out);
  checkRotation(options.repository, options.rotate ?? []);
  checkThreshold(options.threshold);
  const added = await Promise.all((options.addKeys ?? []).map(readPublicKey));
  return withRepository(options, options.repository, async ({ location, publication, choices, now }) => {
    if (await exists(out))
      throw refuse(`${out} exists already`, "it may carry signatures: name another file");
    const previous = publication.root;
    const rootKeys = chooseRootKeys(previous.signed, added, options.removeKeys ?? []);
    const newKeys = new Map((options.rotate ?? []).map((role) => [role, newPrivateKey()]));
    const lifetimes = checkLifetimes({
      ...choices.lifetimes,
      root: options.expires ?? choices.lifetimes.root,
    });
    const expires = isoSeconds(new Date(now.getTime() + lifetimeOf(lifetimes, "root")));
    const next = nextRoot(previous.signed, { rootKeys, newKeys, expires, threshold: options.threshold });
    checkNextRoot(previous, next);

    const delegated: Record<string, string> = {};
    for (const [role, key] of newKeys) {
      await placeRoleKey(roleKeyFile(location, role, "next"), key);
      if (role in DELEGATED_ROLES[options.repository]) delegated[role] = tufKey(key).keyID;
    }
    const draft = { repository: options.repository, previous, next, delegated };
    await placeFile(out, encodeDraft(draft));
    return stateOf(draft);
  });
}

/**
 * Adds one signature to a draft. Needs the draft and the key and nothing else, so that root keys can
 * live on a machine without a network.
 *
 * @throws NearsourceError KEY_INVALID when the key is not a root key of the old or the new root;
 *   REPOSITORY_INPUT_INVALID when the file is not a sound draft; storage errors
 */
export async function signRoot(options: { file: string; key: string }): Promise<RootDraftState> {
  const draft = await readDraft(options.file);
  const { previous, next } = draft;
  checkNextRoot(previous, next);
  const key = await readPrivateKey(options.key);
  const id = tufKey(key).keyID;
  if (![...rootKeyIds(previous), ...rootKeyIds(next)].includes(id)) {
    throw new NearsourceError("KEY_INVALID", `${options.key} (${id}) is a root key of neither root`, {
      hint: `root ${previous.signed.version} has ${rootKeyIds(previous).join(", ")}`,
    });
  }
  signWith(next, [key]);
  await guardStorage(`cannot write ${options.file}`, async () => {
    await placeFile(path.resolve(options.file), encodeDraft(draft));
  });
  return stateOf(draft);
}

function stateOf(draft: Awaited<ReturnType<typeof readDraft>>): RootDraftState {
  const signatures = countSignatures(draft.previous, draft.next);
  return {
    repository: draft.repository,
    version: draft.next.signed.version,
    changes: describeChanges(draft),
    signatures,
    complete: signatures.every(({ signed, threshold }) => signed >= threshold),
  };
}

function checkRotation(repository: Repository, rotate: string[]): void {
  const roles = onlineRoles(repository);
  const unknown = rotate.find((role) => !roles.includes(role));
  if (unknown === undefined) return;
  const hint =
    unknown === "root" ? "root keys change with --add-key and --remove-key" : `roles: ${roles.join(", ")}`;
  throw refuse(`cannot rotate the key of ${JSON.stringify(unknown)}`, hint);
}

function checkThreshold(threshold: number | undefined): void {
  if (threshold === undefined || (Number.isInteger(threshold) && threshold >= 1)) return;
  throw refuse(`${threshold} is no threshold`, "it is a whole number from 1 up to the number of root keys");
}

function chooseRootKeys(root: Root, added: Key[], removed: string[]): Key[] {
  const keys = new Map((root.roles.root?.keyIDs ?? []).map((id) => [id, root.keys[id]]));
  for (const text of removed) {
    const ids = [...keys.keys()].filter((id) => text.length >= 8 && id.startsWith(text));
    const [id] = ids;
    if (id === undefined || ids.length > 1) {
      throw refuse(`no root key has the id ${text}`, `root keys: ${[...keys.keys()].join(", ")}`);
    }
    keys.delete(id);
  }
  for (const key of added) {
    if (keys.has(key.keyID)) throw refuse(`${key.keyID} is a root key already`);
    keys.set(key.keyID, key);
  }
  return [...keys.values()].filter((key) => key !== undefined);
}

function nextRoot(
  root: Root,
  chosen: {
    rootKeys: Key[];
    newKeys: Map<string, KeyObject>;
    expires: string;
    threshold: number | undefined;
  },
): Metadata<Root> {
  const keys: Record<string, Key> = Object.fromEntries(chosen.rootKeys.map((key) => [key.keyID, key]));
  const threshold = chosen.threshold ?? root.roles.root?.threshold ?? 1;
  const roles: Json = { root: { keyids: Object.keys(keys), threshold } };
  for (const [name, role] of Object.entries(root.roles)) {
    if (name === "root") continue;
    const made = chosen.newKeys.get(name);
    const own = made === undefined ? role.keyIDs.map((id) => root.keys[id]) : [tufKey(made)];
    const known = own.filter((key) => key !== undefined);
    for (const key of known) keys[key.keyID] = key;
    roles[name] = {
      keyids: known.map((key) => key.keyID),
      threshold: made === undefined ? role.threshold : 1,
    };
  }
  const keysJson = Object.fromEntries(Object.entries(keys).map(([id, key]) => [id, key.toJSON()]));
  const { version } = root;
  const { expires } = chosen;
  return new Metadata(
    Root.fromJSON({ ...root.toJSON(), version: version + 1, expires, roles, keys: keysJson }),
  );
}

function refuse(reason: string, hint?: string): NearsourceError {
  return new NearsourceError("REPOSITORY_INPUT_INVALID", reason, hint === undefined ? {} : { hint });
}
