import path from "node:path";
import { publishTargets } from "../../publisher/publishTargets.ts";
import { documentTarget } from "../../publisher/repository/checkDocument.ts";
import { withRepository } from "../../publisher/repository/session.ts";
import type { Context } from "../context.ts";
import { type DocumentVersion, markPublished, unpublishedDocuments } from "../store/documentStore.ts";

/**
 * Signs and publishes a version of a settings document, and remembers that it is out.
 *
 * @throws NearsourceError of the publish and storage phases; nothing of it is out then
 */
export async function publishDocument(context: Context, document: DocumentVersion): Promise<void> {
  const { config, database, trees, now } = context;
  const place = { dir: trees.www, keysDir: path.join(config.dir, "keys"), wait: true };
  const target = documentTarget(document.name);
  await withRepository(place, "settings", async (session) => {
    await publishTargets(session, [{ role: "settings", target, bytes: Buffer.from(document.content) }]);
    return {};
  });
  await markPublished(database.db, document.name, document.version, now());
  await trees.look();
}

/** Publishes what was saved by a server that was killed before it could. */
export async function publishLeftOver(context: Context): Promise<void> {
  const left = await unpublishedDocuments(context.database.db);
  for (const document of left.toSorted((one, other) => one.version - other.version)) {
    await publishDocument(context, document);
  }
}
