import { promises as fs } from "node:fs";
import path from "node:path";
import type { ErrorCode } from "../../../src/errors.ts";
import { type Draft, readDraft, readSigner, type Signers, writeDraft } from "../../support/otherPublisher.ts";
import { startSource } from "../../support/source.ts";
import type { Publication, World } from "../../support/world.ts";
import { type Met, meetUrl } from "../faults/meet.ts";

/** Something that a source may offer, made of a genuine publication. */
export interface Forgery {
  name: string;
  code: ErrorCode;
  /** The publication it is made of; 2 by default, which the agent has. */
  base?: Publication;
  /** Changes the copy of the web root; `keys` are the publisher's own. */
  forge: (www: string, keys: Signers) => Promise<void> | void;
}

/** The keys of the world's publisher, by role. */
export async function ownKeys(world: World): Promise<Signers> {
  const roles = ["root", "timestamp", "snapshot", "targets", "components", "programs"];
  const entries = roles.map(async (role): Promise<[string, Signers[string]]> => {
    return [role, [await readSigner(path.join(world.keys, `${role}.pem`))]];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** A web root of its own with a genuine publication in it. */
export async function copyOf(world: World, publication: Publication): Promise<string> {
  const www = await fs.mkdtemp(path.join(world.folder, "forged-"));
  await fs.cp(world.www(publication), www, { recursive: true });
  return www;
}

/** An agent with publication 2 meets a forgery, then an honest source with publication 3. */
export async function meetForgery(world: World, forgery: Forgery): Promise<Omit<Met, "written">> {
  const www = await copyOf(world, forgery.base ?? 2);
  await forgery.forge(www, await ownKeys(world));
  const source = await startSource(www);
  try {
    return await meetUrl(world, source.url, { code: forgery.code, installed: 2 });
  } finally {
    await source.close();
  }
}

/** A forgery that changes signed parts, and signs them with the publisher's keys, or others. */
export function redrafting(
  change: (draft: Draft) => void,
  options: Parameters<typeof writeDraft>[3] = {},
  keysFor: (own: Signers) => Signers = (own) => own,
): Forgery["forge"] {
  return async (www, keys) => {
    const draft = await readDraft(www);
    change(draft);
    await writeDraft(www, draft, keysFor(keys), options);
  };
}
