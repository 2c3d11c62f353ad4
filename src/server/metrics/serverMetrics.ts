import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AgentReport } from "../../core/fleet/reports/reportSummary.ts";
import { bytesBySource } from "../../core/fleet/reports/sourceBytes.ts";
import { wastedIn } from "../../core/fleet/reports/wastedBytes.ts";
import { VERSION } from "../../version.ts";

/** Upper ends (s) of the classes of a duration. None is a power of ten over 1, which the library writes as no float. */
const SECONDS = [0.002, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 2, 5, 20];

/** Sets some gauges; it is called at each scrape, and does not fail. */
export type SetGauges = () => Promise<void> | void;

/** One answer of an API, as it is counted. */
export interface Answered {
  operation: string;
  status: number;
  seconds: number;
}

/** Outcomes of attempts to tell a webhook. */
export type DeliveryOutcome = "delivered" | "failed";

/** The work of one server process since it started, and what is read at a scrape. Names follow docs/monitoring. */
export class ServerMetrics {
  readonly registry = new Registry();
  /** Names and URLs of the entries of the list in force. */
  sources: ReadonlySet<string> = new Set();
  readonly #requests: Histogram;
  readonly #reports: Histogram;
  readonly #refused: Counter;
  readonly #signIns: Counter;
  readonly #publications: Histogram;
  readonly #bytes: Counter;
  readonly #wasted: Counter;
  readonly #deliveries: Counter;

  constructor() {
    this.registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    collectDefaultMetrics({
      register: this.registry as never,
      gcDurationBuckets: [0.001, 0.01, 0.1, 0.5, 2],
    });
    const settings = (name: string, help: string, ...labelNames: string[]) => ({
      ...{ name: `nearsource_server_${name}`, help, labelNames },
      registers: [this.registry as never],
    });
    const duration = (name: string, help: string, ...labels: string[]) =>
      new Histogram({ ...settings(name, help, ...labels), buckets: SECONDS });
    this.#requests = duration(
      "http_request_seconds",
      "Time until an answer was sent, by operation; requests that are held and streams are left out.",
      ...["operation", "status"],
    );
    this.#reports = duration("report_seconds", "Time until the report of an agent was on disk.");
    this.#refused = new Counter(settings("reports_refused", "Reports that were not taken.", "status"));
    this.#signIns = new Counter(settings("sign_in_failures", "Attempts to sign in that failed.", "status"));
    this.#publications = duration("publication_seconds", "Time until a change was signed and published.");
    this.#bytes = new Counter(
      settings("wan_bytes", "Bytes that agents reported to have got, by source.", "source"),
    );
    this.#wasted = new Counter(
      settings("wasted_bytes", "Of these, the bytes that agents threw away, by source.", "source"),
    );
    this.#deliveries = new Counter(
      settings("webhook_attempts", "Attempts to tell webhooks of events.", "outcome"),
    );
    this.gauge("build_info", "This program; always 1.", "version").set({ version: VERSION }, 1);
  }

  /** A gauge that is set at each scrape. */
  gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    const full = name.startsWith("nearsource_") ? name : `nearsource_server_${name}`;
    return new Gauge({ name: full, help, labelNames, registers: [this.registry as never] });
  }

  /** Counts an answer of an API. */
  answered({ operation, status, seconds }: Answered): void {
    const kind = `${Math.floor(status / 100)}xx`;
    this.#requests.observe({ operation, status: kind }, seconds);
    if (operation === "putReport") {
      if (status < 300) this.#reports.observe(seconds);
      else this.#refused.inc({ status });
    }
    if (operation === "signIn" && (status === 401 || status === 429)) this.#signIns.inc({ status });
  }

  published(seconds: number): void {
    this.#publications.observe(seconds);
  }

  /** Adds up the bytes of a report that was taken. */
  reported(report: AgentReport): void {
    for (const [source, bytes] of bytesBySource(report, this.sources)) this.#bytes.inc({ source }, bytes);
    const wasted = bytesBySource(report, this.sources, wastedIn);
    for (const [source, bytes] of wasted) this.#wasted.inc({ source }, bytes);
  }

  toldWebhook(outcome: DeliveryOutcome): void {
    this.#deliveries.inc({ outcome });
  }
}
