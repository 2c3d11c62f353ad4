import { renewRepository } from "../publisher/renewRepository.ts";
import { takeLock } from "../store/lock.ts";
import { followSettings, openSettings, publishSettings } from "./publication/settingsTree.ts";
import { readServerConfig, treesOf } from "./serverConfig.ts";
import { PublishedTrees } from "./settings/publishedTrees.ts";
import { insertCommandAudit } from "./store/auditStore.ts";
import { withDatabase } from "./store/withDatabase.ts";

/**
 * Publishes the settings of a server that was set back to a backup, with numbers above all that were published since:
 * agents have seen those, and believe nothing older (TUF spec 5.4.3: versions only grow).
 *
 * @param ahead more publications than were made since the backup
 * @throws NearsourceError LOCKED while the server runs, KEY_INVALID without a role's key, and of the publish, server
 *   and storage phases
 */
export async function goOnRestored(dir: string, ahead: number): Promise<void> {
  const config = await readServerConfig(dir);
  const lock = await takeLock(config.dir, { role: "server" });
  try {
    await withDatabase(config, async (database) => {
      const means = { config, database, trees: new PublishedTrees(treesOf(config)) };
      await openSettings(means);
      await publishSettings(
        means,
        async (signing) =>
          await renewRepository({ ...signing, repository: "settings", restored: true, ahead }),
        async (tx) => {
          const entry = { operation: "goOnRestored", subject: "settings", detail: { ahead } };
          await insertCommandAudit(tx, "nearsource server restored", { ...entry, at: Date.now() });
        },
      );
      await followSettings(means);
    });
  } finally {
    lock.release();
  }
}
