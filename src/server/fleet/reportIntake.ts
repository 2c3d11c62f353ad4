import { setTimeout as sleep } from "node:timers/promises";
import type { AgentReport, ReportSummary } from "../../core/fleet/reports/reportSummary.ts";
import { Problem } from "../api/problem.ts";

/** Reports of one transaction at most. */
const TOGETHER = 256;
/** Time (ms) for which a report waits for others to come along. */
const GATHERING = 40;
/** Reports and their bytes that may wait in any case, and the bytes that may at most. */
const ALWAYS = { reports: 2 * TOGETHER, bytes: 4_000_000 };
const MOST_BYTES = 32_000_000;
/** Longest time (ms) that a report should have to wait. */
const PATIENCE = 600;
/** Times (s) after which a report that was refused is sent again: somewhere between, each agent another. */
const AGAIN = { first: 5, last: 30 };

/** A report that was found to be one, and is to be kept. */
export interface GivenReport {
  agentId: string;
  report: AgentReport;
  summary: ReportSummary;
  /** The report as JSON text. */
  document: string;
  /** Address of the connection that it came by. */
  address: string;
  receivedAt: number;
}

interface Waiting {
  given: GivenReport;
  since: number;
  done: (error?: unknown) => void;
}

interface Means {
  /** Keeps all of them or, when it fails, none; the agents that there are: reports of others are not kept. */
  write(given: readonly GivenReport[]): Promise<ReadonlySet<string>>;
  /** Whether the database answers at all. */
  isAnswering(): Promise<boolean>;
  random(bytes: number): Buffer;
}

/**
 * Takes the reports of agents: what comes together is written together, and acknowledged when the disk has it.
 * More than the database keeps up with is refused, before anything is late.
 */
export class ReportIntake {
  readonly #means: Means;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** Time (ms) that the database took for one report of late. */
  #each = 1;
  #work: Promise<void> | undefined;

  constructor(means: Means) {
    this.#means = means;
  }

  /**
   * Keeps a report.
   *
   * @throws Problem TOO_MANY, UNAVAILABLE while the database does not answer, NOT_SIGNED_IN for an agent that is gone
   */
  async take(given: GivenReport): Promise<void> {
    this.refuseIfBusy();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    this.#waiting.push({ given, since: performance.now(), done });
    this.#bytes += given.document.length;
    this.#work ??= this.#takeAll().finally(() => {
      this.#work = undefined;
    });
    await promise;
  }

  /** @throws Problem TOO_MANY when no more can be taken at the moment */
  refuseIfBusy(): void {
    if (!this.#isBusy()) return;
    const { first, last } = AGAIN;
    const share = (this.#means.random(1)[0] ?? 0) / 256;
    const retryAfter = first + Math.floor(share * (last - first + 1));
    throw new Problem("TOO_MANY", "more reports come than can be written", { retryAfter });
  }

  #isBusy(): boolean {
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#bytes > MOST_BYTES) return oldest !== undefined;
    if (this.#waiting.length < ALWAYS.reports && this.#bytes < ALWAYS.bytes) return false;
    const waited = performance.now() - oldest.since;
    return Math.max(waited, this.#waiting.length * this.#each) > PATIENCE;
  }

  /** Ends once all that came was written. */
  async close(): Promise<void> {
    await this.#work;
  }

  async #takeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#waiting.length < TOGETHER) await sleep(GATHERING);
      const batch = this.#waiting.splice(0, TOGETHER);
      for (const { given } of batch) this.#bytes -= given.document.length;
      const began = performance.now();
      await this.#write(batch);
      this.#each = 0.8 * this.#each + 0.2 * ((performance.now() - began) / batch.length);
    }
  }

  /** Writes reports together; where that fails, apart, so that one which cannot be kept harms no other. */
  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const agents = await this.#means.write(batch.map(({ given }) => given));
      for (const { given, done } of batch) {
        done(agents.has(given.agentId) ? undefined : new Problem("NOT_SIGNED_IN"));
      }
    } catch (cause) {
      if (!(await this.#means.isAnswering())) {
        const retryAfter = AGAIN.last;
        const problem = new Problem("UNAVAILABLE", "the database does not answer", { retryAfter, cause });
        for (const { done } of batch) done(problem);
      } else if (batch.length === 1) {
        batch[0]?.done(cause);
      } else {
        const half = batch.length >> 1;
        await this.#write(batch.slice(0, half));
        await this.#write(batch.slice(half));
      }
    }
  }
}
