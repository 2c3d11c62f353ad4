import { randomBytes } from "node:crypto";
import { NearsourceError } from "../../errors.ts";
import { consoleUrl } from "../initServer.ts";
import { readServerConfig } from "../serverConfig.ts";
import { insertCommandAudit } from "../store/auditStore.ts";
import { takeTurn } from "../store/dialect.ts";
import { transact } from "../store/transaction.ts";
import { withDatabase } from "../store/withDatabase.ts";
import { hashOfSecret, newSecret } from "./secrets.ts";

/**
 * Makes another set-up link for a server that nobody has set up; the one before opens nothing any more. The
 * database has a link's hash alone, so that a lost one cannot be shown again.
 *
 * @throws NearsourceError SERVER_EXISTS once the server is set up, CONFIG_NOT_FOUND, CONFIG_INVALID, and of the
 *   storage phase
 */
export async function newSetupLink(dir: string): Promise<{ setupUrl: string; token: string }> {
  const config = await readServerConfig(dir);
  return await withDatabase(config, async (database) => {
    const [token, now] = [newSecret(randomBytes), Date.now()];
    await transact(database.db, async (tx) => {
      await takeTurn(tx, "setup");
      const { numUpdatedRows } = await tx
        .updateTable("setup")
        .set({ token_hash: hashOfSecret(token), created_at: now })
        .where("used_at", "is", null)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw alreadySetUp(config.dir);
      const entry = { operation: "makeSetupLink", subject: "setup", detail: null };
      await insertCommandAudit(tx, "nearsource server link", { ...entry, at: now });
    });
    return { setupUrl: `${consoleUrl(config)}/setup#token=${token}`, token };
  });
}

function alreadySetUp(dir: string): NearsourceError {
  return new NearsourceError("SERVER_EXISTS", `the server in ${dir} is set up already`, {
    hint: `sign in; where the password is lost: nearsource server password USER ${dir}`,
  });
}
