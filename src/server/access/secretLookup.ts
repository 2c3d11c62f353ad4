import type { Database } from "../store/database.ts";
import { findAgentsBySecrets, type SecretHolder } from "../store/fleet/secretStore.ts";

/** Hashes in one statement at most. */
const TOGETHER = 256;

/** Finds agents by their secrets: those who ask while the database answers are answered together, the next time. */
export class SecretLookup {
  readonly #database: Pick<Database, "db">;
  /** Callers by the hash that they wait for. */
  #waiting = new Map<string, PromiseWithResolvers<SecretHolder | undefined>>();
  #work: Promise<void> | undefined;

  constructor(database: Pick<Database, "db">) {
    this.#database = database;
  }

  /** The agent of a secret, as the database has it now. */
  async find(hash: string): Promise<SecretHolder | undefined> {
    const waiting = this.#waiting.get(hash) ?? Promise.withResolvers<SecretHolder | undefined>();
    this.#waiting.set(hash, waiting);
    this.#work ??= this.#findAll().finally(() => {
      this.#work = undefined;
    });
    return await waiting.promise;
  }

  async #findAll(): Promise<void> {
    // Those who have come in the same turn of the event loop are in it.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.size > 0) {
      const asked = [...this.#waiting].slice(0, TOGETHER);
      for (const [hash] of asked) this.#waiting.delete(hash);
      try {
        const found = await findAgentsBySecrets(
          this.#database.db,
          asked.map(([hash]) => hash),
        );
        for (const [hash, { resolve }] of asked) resolve(found.get(hash));
      } catch (error) {
        for (const [, { reject }] of asked) reject(error);
      }
    }
  }
}
