import type { Context } from "../context.ts";
import { expiryGauges } from "./expiryGauges.ts";
import { fleetGauges } from "./fleetGauges.ts";
import { processGauges } from "./processGauges.ts";
import type { SetGauges } from "./serverMetrics.ts";

/** Greatest age (ms) of what is read of the database and the disk, however often somebody asks. */
const FRESH = 5_000;

/** Renders the metrics of a server, as OpenMetrics 1.0. */
export class MetricsPage {
  readonly #context: Context;
  readonly #cheap: SetGauges[];
  readonly #read: SetGauges[];
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#cheap = [processGauges(context)];
    this.#read = [fleetGauges(context), expiryGauges(context)];
  }

  async render(): Promise<{ type: string; body: string }> {
    const { registry } = this.#context.metrics;
    await this.#look();
    for (const set of this.#cheap) await set();
    return { type: registry.contentType, body: await registry.metrics() };
  }

  /** Those who ask at once share one look. */
  async #look(): Promise<void> {
    const now = performance.now();
    if (this.#reading === undefined && now - this.#readAt < FRESH) return;
    this.#reading ??= Promise.all(this.#read.map((set) => set())).then(() => {
      this.#readAt = performance.now();
      this.#reading = undefined;
    });
    await this.#reading;
  }
}

const pages = new WeakMap<Context, MetricsPage>();

/** The page of a server's metrics; its gauges are made when it is first asked for. */
export async function metricsOf(context: Context): Promise<{ type: string; body: string }> {
  return await pages.getOrInsertComputed(context, () => new MetricsPage(context)).render();
}
