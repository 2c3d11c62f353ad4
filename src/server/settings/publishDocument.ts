import path from "node:path";
import { publishTargets } from "../../publisher/publishTargets.ts";
import { documentTarget } from "../../publisher/repository/checkDocument.ts";
import { withRepository } from "../../publisher/repository/session.ts";
import type { Context } from "../context.ts";
import {
  type DocumentVersion,
  markPublished,
  newestDocument,
  unpublishedDocuments,
} from "../store/settings/documentStore.ts";

/** Place and keys of the site's settings repository. */
export function settingsPlace({ config, trees }: Context) {
  return { dir: trees.www, keysDir: path.join(config.dir, "keys"), wait: true };
}

/**
 * Signs and publishes versions of settings documents in one publication, and remembers that they are out.
 *
 * @throws NearsourceError of the publish and storage phases; nothing of it is out then
 */
export async function publishDocuments(context: Context, documents: DocumentVersion[]): Promise<void> {
  const { database, trees, now } = context;
  await withRepository(settingsPlace(context), "settings", async (session) => {
    const targets = [];
    for (const { name, version, content } of documents) {
      const newest = await newestDocument(database.db, name);
      // A later save may have been signed before this one: its document stays out.
      if (newest !== undefined && newest.version > version && newest.publishedAt !== null) continue;
      targets.push({ role: "settings", target: documentTarget(name), bytes: Buffer.from(content) });
    }
    if (targets.length > 0) await publishTargets(session, targets);
    return {};
  });
  for (const { name, version } of documents) await markPublished(database.db, name, version, now());
  await trees.look();
}

/** Publishes what was saved by a server that was killed before it could. */
export async function publishLeftOver(context: Context): Promise<void> {
  const left = await unpublishedDocuments(context.database.db);
  const newest = new Map(left.toSorted((a, b) => a.version - b.version).map((each) => [each.name, each]));
  if (newest.size > 0) await publishDocuments(context, [...newest.values()]);
}
