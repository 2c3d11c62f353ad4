import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";

/** The channel by which servers of one database wake each other. */
export const CHANNEL = "nearsource";

/** Pauses (ms) before a connection is tried again, and the time between two signs of life. */
const AGAIN = { least: 100, most: 2_000 };
const ALIVE = 15_000;

/** Ears of a server. */
export interface Heard {
  said(text: string): void;
  /** Something may have been said that was not heard: look at everything again. */
  missed(): void;
}

/**
 * A connection of its own that listens, and is made again whenever it breaks. It listens first, and then has
 * everything looked at again: nothing that was said in between is lost.
 */
export class PostgresListener {
  readonly #connect: () => Client;
  readonly #heard: Heard;
  readonly #closing = new AbortController();
  #client: Client | undefined;
  #loop: Promise<void> | undefined;

  constructor(connect: () => Client, heard: Heard) {
    this.#connect = connect;
    this.#heard = heard;
  }

  /** Resolves once it listens. The first failure is not waited out: the database has just been reached. */
  async start(): Promise<void> {
    const listening = Promise.withResolvers<void>();
    this.#loop = this.#run(listening.resolve);
    await listening.promise;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end().catch(() => {});
    await this.#loop;
  }

  async #run(listening: () => void): Promise<void> {
    const { signal } = this.#closing;
    for (let pause = AGAIN.least; !signal.aborted; pause = Math.min(pause * 2, AGAIN.most)) {
      await this.#listen(() => {
        pause = AGAIN.least;
        listening();
        this.#heard.missed();
      }).catch(() => {});
      if (!signal.aborted) await sleep(pause, undefined, { signal }).catch(() => {});
    }
    listening();
  }

  /** Listens until the connection breaks. */
  async #listen(ready: () => void): Promise<void> {
    const client = this.#connect();
    this.#client = client;
    const broken = Promise.withResolvers<void>();
    client.on("error", () => broken.resolve());
    client.on("end", () => broken.resolve());
    client.on("notification", ({ payload = "" }) => this.#heard.said(payload));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      ready();
      // A machine that is gone says no goodbye: one that does not answer is given up.
      const asking = setInterval(() => void isAnswering(client).then((is) => is || broken.resolve()), ALIVE);
      await broken.promise.finally(() => clearInterval(asking));
    } finally {
      client.end().catch(() => {});
    }
  }
}

async function isAnswering(client: Client): Promise<boolean> {
  const late = sleep(ALIVE, false, { ref: false });
  const answered = client.query("select 1").then(
    () => true,
    () => false,
  );
  return await Promise.race([answered, late]);
}

/**
 * Codes of errors that the next try may not meet: of sockets, and of PostgreSQL (its appendix A): connections
 * (class 08), too many of them, shut down or starting, a transaction that was ended since it waited too long,
 * deadlocks and serialization.
 */
const DOWN =
  /^(?:E(?:CONNREFUSED|CONNRESET|PIPE|NOENT|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)|08\w{3}|53300|57P0\d|25P0[34]|40001|40P01)$/;
/** The driver's own words for a connection that broke or could not be had, which have no code. */
const BROKEN =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Client (?:has encountered|was closed)|Cannot use a pool|Query read timeout)/;

/** Whether an error of PostgreSQL's driver says that the database cannot be reached, or has gone away. */
export function isPostgresDown(error: unknown): boolean {
  const { code, message = "", cause } = (error ?? {}) as { code?: string; message?: string; cause?: unknown };
  if (typeof code === "string" && DOWN.test(code)) return true;
  return BROKEN.test(message) || (cause !== undefined && isPostgresDown(cause));
}
