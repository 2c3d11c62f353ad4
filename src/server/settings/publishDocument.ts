import path from "node:path";
import { explainError, toNearsourceError } from "../../errors.ts";
import { type NewTarget, publishTargets } from "../../publisher/publishTargets.ts";
import { documentTarget } from "../../publisher/repository/checkDocument.ts";
import { withRepository } from "../../publisher/repository/session.ts";
import type { Context } from "../context.ts";
import { followSettings, publishSettings } from "../publication/settingsTree.ts";
import {
  type DocumentVersion,
  findDocument,
  markPublished,
  newestDocument,
  unpublishedDocuments,
} from "../store/settings/documentStore.ts";
import { readNote, writeNote } from "../store/watch/noteStore.ts";

/** Place and keys of the site's settings repository as it is served. */
export function settingsPlace({ config, trees }: Pick<Context, "config" | "trees">) {
  return { dir: trees.www, keysDir: path.join(config.dir, "keys"), wait: true };
}

/**
 * Signs and publishes versions of settings documents in one publication, and remembers that they are out.
 *
 * @throws NearsourceError of the publish and storage phases; nothing of it is out then
 */
export async function publishDocuments(context: Context, documents: DocumentVersion[]): Promise<void> {
  const { metrics, now } = context;
  const began = performance.now();
  await publishSettings(
    context,
    async (place, db) => {
      const targets: NewTarget[] = [];
      for (const { name, version, content } of documents) {
        const newest = await newestDocument(db, name);
        // Another server, or a later save, may have been first: then this one stays out.
        if (newest !== undefined && newest.version >= version && newest.publishedAt !== null) continue;
        // It may have been taken back, since its author was told that it failed.
        if ((await findDocument(db, name, version)) === undefined) continue;
        targets.push({ role: "settings", target: documentTarget(name), bytes: Buffer.from(content) });
      }
      if (targets.length === 0) return;
      await withRepository(place, "settings", async (session) => {
        await publishTargets(session, targets);
        return {};
      });
    },
    async (tx) => {
      for (const { name, version } of documents) await markPublished(tx, name, version, now());
    },
  );
  await serve(context);
  metrics.published((performance.now() - began) / 1_000);
}

/** Serves what is kept, and so is published: what stands in the way of that is tried again every few seconds. */
async function serve(context: Context): Promise<void> {
  await followSettings(context).catch((error) =>
    context.log.error(`the published settings cannot be followed: ${explainError(error)}`),
  );
}

/** Interval (ms) at which what another server left is looked for, and the age at which it counts as left. */
const LOOK = 5_000;
const LEFT_AFTER = 8_000;

/** Publishes what any server of the database has saved and is not there to publish. @returns ends it */
export function startPublishingLeftOver(context: Context): () => Promise<void> {
  let work = Promise.resolve();
  const look = () => tryLeftOver(context, context.now() - LEFT_AFTER);
  const timer = setInterval(() => {
    work = work.then(look);
  }, LOOK);
  return async () => {
    clearInterval(timer);
    await work;
  };
}

/**
 * Publishes what was left, if it can. Why it could not is kept, for every server to show, until one of them can: a server
 * whose keys are not there has everything else to do.
 */
export async function tryLeftOver(context: Context, before = Infinity): Promise<void> {
  const { upkeep, log, database, now } = context;
  const write = async () => await writeNote(database.db, "publishing", upkeep.publishing, now());
  try {
    await publishLeftOver(context, before);
    upkeep.publishing = undefined;
    if ((await readNote(database.db, "publishing")) !== undefined) await write();
  } catch (error) {
    const { hint = "see the server's log" } = toNearsourceError(error);
    const reason = explainError(error);
    if (upkeep.publishing?.reason !== reason) log.error(`what was saved could not be published: ${reason}`);
    upkeep.publishing = { reason, remedy: hint };
    // A database that is gone is said elsewhere.
    await write().catch(() => {});
  }
}

/**
 * Publishes what was saved by a server that was killed before it could.
 *
 * @param before versions that were saved (ms since the epoch) before this moment
 */
export async function publishLeftOver(context: Context, before = Infinity): Promise<void> {
  const left = (await unpublishedDocuments(context.database.db)).filter(
    ({ createdAt }) => createdAt < before,
  );
  const newest = new Map(left.toSorted((a, b) => a.version - b.version).map((each) => [each.name, each]));
  if (newest.size > 0) await publishDocuments(context, [...newest.values()]);
}
