import { setTimeout as sleep } from "node:timers/promises";
import { explainError, toNearsourceError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { transact } from "../store/transaction.ts";
import { type DueDelivery, takeDeliveries } from "../store/watch/deliveryStore.ts";
import { deliver } from "./deliver.ts";

/** Time (ms) between two looks for something to send. */
const EVERY = 1_000;
/** Webhooks that are being sent to at once. */
const MOST_AT_ONCE = 16;
/** For so long (ms) a delivery that is being tried is nobody else's: longer than an attempt takes. */
const LEASE = 60_000;

/**
 * Tells webhooks of events. All that it goes by is in the database, so that another server, or this one after it was
 * killed, goes on where it was: a receiver may be told twice, with the same id, and never not at all.
 */
export class WebhookSender {
  readonly #context: Context;
  readonly #stopping = new AbortController();
  /** Attempts that go on, by webhook: one at a time, so that one which hangs holds up no other. */
  readonly #sending = new Map<string, Promise<void>>();
  #loop: Promise<void> | undefined;
  #saidUnreadable = false;

  constructor(context: Context) {
    this.#context = context;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await Promise.all(this.#sending.values());
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const count = await this.step().catch((error) => {
        this.#context.log.error(`webhooks are not told: ${explainError(error)}`);
        return 0;
      });
      const pause = sleep(EVERY, undefined, { signal }).catch(() => {});
      // A webhook that has taken one may be told of the next at once.
      await (count === 0 ? pause : Promise.race([pause, ...this.#sending.values()]));
    }
  }

  /**
   * Begins to send what is due now.
   *
   * @returns the number of deliveries begun
   */
  async step(): Promise<number> {
    const { database, now } = this.#context;
    const limit = MOST_AT_ONCE - this.#sending.size;
    if (limit <= 0) return 0;
    const busy = [...this.#sending.keys()];
    const due = { now: now(), limit, leaseUntil: now() + LEASE, busy };
    const taken = await transact(database.db, (tx) => takeDeliveries(tx, database.dialect, due));
    for (const each of taken) this.#sending.set(each.webhookId, this.#send(each));
    return taken.length;
  }

  /** Resolves once nothing is being sent. */
  async settled(): Promise<void> {
    await Promise.all(this.#sending.values());
  }

  async #send(due: DueDelivery): Promise<void> {
    try {
      await deliver(this.#context, due, this.#stopping.signal);
    } catch (error) {
      // The lease ends by itself: another server may have what is missing here, or this one later.
      if (!this.#stopping.signal.aborted) this.#complain(error);
    } finally {
      this.#sending.delete(due.webhookId);
    }
  }

  #complain(error: unknown): void {
    const { code } = toNearsourceError(error);
    if (code === "KEY_INVALID" && this.#saidUnreadable) return;
    this.#saidUnreadable ||= code === "KEY_INVALID";
    this.#context.log.error(`an event could not be delivered: ${explainError(error)}`);
  }
}
