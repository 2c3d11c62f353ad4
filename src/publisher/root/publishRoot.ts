import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Metadata, Root } from "@tufjs/models";
import { NearsourceError } from "../../errors.ts";
import { readIfThere } from "../../store/durable.ts";
import { readPrivateKey, roleKeyFile, tufKey } from "../keys.ts";
import type { Location } from "../repository/location.ts";
import { placeFile } from "../repository/placeFile.ts";
import { roleOf } from "../repository/publication.ts";
import { publishNext } from "../repository/publish.ts";
import { type PublisherOptions, type Session, settleKeys, withRepository } from "../repository/session.ts";
import { encodeMetadata, type Json } from "../repository/signedParts.ts";
import { checkNextRoot, countSignatures, type RootDraft, readDraft, rotatedRoles } from "./rootDraft.ts";

export interface PublishRootOptions extends PublisherOptions {
  /** The signed draft. */
  file: string;
}

export interface PublishedRoot {
  version: number;
  /** Roles that have new keys from now on. */
  rotated: string[];
  /** False when this root was in force already. */
  changed: boolean;
  warnings: string[];
}

/**
 * Publishes a root once enough keys of the root before it, and enough of its own, have signed it (TUF spec
 * §5.3). Roles with new keys are signed by the leaving and the coming key, and the root itself is put in
 * place last, so that at every moment readers of either root can verify the metadata.
 *
 * Cut short, it is completed by publishing the same draft again.
 *
 * @throws NearsourceError THRESHOLD_NOT_MET; KEY_INVALID when a new key is not at hand;
 *   REPOSITORY_INPUT_INVALID, REPOSITORY_INVALID, LOCKED, storage errors
 */
export async function publishRoot(options: PublishRootOptions): Promise<PublishedRoot> {
  const draft = await readDraft(options.file);
  const { next, delegated } = draft;
  const version = next.signed.version;
  const publish = async (session: Session) => {
    const current = session.publication.root;
    if (isDeepStrictEqual(current.signed.toJSON(), next.signed.toJSON())) {
      return { version, rotated: [], changed: false };
    }
    checkNextRoot(current, next);
    checkSigned(current, next);
    if (next.signed.isExpired(session.now)) {
      throw new NearsourceError(
        "REPOSITORY_INPUT_INVALID",
        `root ${version} expired at ${next.signed.expires}`,
      );
    }
    const rotated = [...rotatedRoles(current, next), ...Object.keys(delegated)];
    const roles = await rolesToSign(session, draft, rotated);
    const publication = await publishNext(session, { root: next, roles, snapshot: true });
    const file = path.join(session.location.metadata, `${version}.root.json`);
    await placeFile(file, encodeMetadata("root", next));
    session.onFile(file);
    await settleKeys(session.location, publication);
    return { version, rotated, changed: true };
  };
  return withRepository(options, draft.repository, publish, { nextRoot: next });
}

function checkSigned(current: Metadata<Root>, next: Metadata<Root>): void {
  for (const { root, signed, threshold } of countSignatures(current, next)) {
    if (signed >= threshold) continue;
    throw new NearsourceError(
      "THRESHOLD_NOT_MET",
      `root ${next.signed.version} is signed by ${signed} of the ${threshold} keys that root ${root} asks for`,
      { hint: "sign it with more keys: nearsource repo root sign FILE --key PRIVATE.pem" },
    );
  }
}

/** Signed parts of the roles that need a new signature; `targets` names the new keys of delegated roles. */
async function rolesToSign(
  { location, publication }: Session,
  { delegated }: RootDraft,
  rotated: string[],
): Promise<Map<string, Json>> {
  const roles = new Map<string, Json>();
  const renamed = Object.keys(delegated).length > 0;
  if (!renamed && !rotated.includes("targets")) return roles;
  const targets = roleOf(publication, "targets").signed.toJSON();
  roles.set("targets", targets);
  let delegations = targets.delegations as Json;
  for (const [role, id] of Object.entries(delegated)) {
    delegations = await delegateTo(location, delegations, role, id);
    roles.set(role, roleOf(publication, role).signed.toJSON());
  }
  targets.delegations = delegations;
  return roles;
}

/** `delegations` with the key `id` in the place of the one that `role` had. */
async function delegateTo(location: Location, delegations: Json, role: string, id: string): Promise<Json> {
  const key = await findKey(location, role, id);
  const roles = (delegations.roles as Json[]).map((each) => {
    return each.name === role ? { ...each, keyids: [id], threshold: 1 } : each;
  });
  const used = new Set(roles.flatMap((each) => each.keyids as string[]));
  const all: Json = { ...(delegations.keys as Json), [id]: key };
  const keys = Object.fromEntries(Object.entries(all).filter(([each]) => used.has(each)));
  return { ...delegations, keys, roles };
}

async function findKey(location: Location, role: string, id: string): Promise<Json> {
  for (const file of [roleKeyFile(location, role, "next"), roleKeyFile(location, role)]) {
    if ((await readIfThere(file)) === undefined) continue;
    const key = tufKey(await readPrivateKey(file));
    if (key.keyID === id) return key.toJSON();
  }
  throw new NearsourceError("KEY_INVALID", `the new key ${id} of ${role} is not in ${location.keys}`, {
    hint: "a later draft made another one: draft, sign and publish again",
  });
}
