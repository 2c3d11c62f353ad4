import { promises as fs } from "node:fs";
import path from "node:path";
import type { Log } from "../config/log.ts";
import { retryDelay, type Trigger } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import { toStatusError } from "../http/httpErrors.ts";
import { parseRetryAfter } from "../http/retryAfter.ts";
import type { Exchange } from "../http/smallClient.ts";
import { listFolder, makePath, readIfThere, rename, temporaryName } from "../store/durable.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { VERSION } from "../version.ts";
import type { MachineFacts } from "./machineFacts.ts";
import type { RunEnd } from "./runProcess.ts";
import type { Clock } from "./scheduler.ts";

/** Reports that wait for the server; of more, the oldest are dropped. */
const MOST_WAITING = 50;
/** Longest time (ms) of one report, and most bytes of an answer that are read. */
const TIMEOUT = 30_000;
const ANSWER_LIMIT = 65_536;
const BACK_OFF = { first: 30_000, longest: 3_600_000 };
/** The server has read this very report and will have none of it, now or later. */
const REFUSED_FOR_GOOD = [400, 413, 422];

/** One run in a report to the server (docs/agent.md). */
export type RunReport = {
  started: string;
  ended: string;
  trigger: Trigger;
  program: string;
  /** The port at which the agent listens for notifications; null for none, absent while it is opened. */
  port?: number | null | undefined;
  /** The topic that it listens to at a broker; null for none. */
  topic?: string | null | undefined;
} & Partial<MachineFacts> &
  RunEnd;

/** The report of a run that ended just now. */
export function describeRun(
  trigger: Trigger,
  started: number,
  ended: number,
  end: RunEnd,
  { port, topic, facts }: Pick<RunReport, "port" | "topic"> & { facts?: MachineFacts } = {},
): RunReport {
  const times = { started: new Date(started).toISOString(), ended: new Date(ended).toISOString() };
  return { ...times, trigger, program: VERSION, port, topic, ...facts, ...end };
}

/**
 * Puts a report where it waits for the server: a file of its own, in the order of their names.
 *
 * @throws NearsourceError of the storage phase
 */
export async function queueReport(folder: string, report: RunReport): Promise<void> {
  await guardStorage(`cannot keep a report in ${folder}`, async () => {
    await makePath(folder);
    const name = `${Date.parse(report.ended).toString().padStart(15, "0")}-${process.pid}.json`;
    const fresh = temporaryName(folder, "new");
    await fs.writeFile(fresh, JSON.stringify(report), { flag: "wx", mode: 0o600 });
    await rename(fresh, path.join(folder, name));
    const names = await waitingReports(folder);
    for (const old of names.slice(0, -MOST_WAITING)) await fs.rm(path.join(folder, old), { force: true });
  });
}

async function waitingReports(folder: string): Promise<string[]> {
  return (await listFolder(folder)).filter((name) => /^\d+-.*\.json$/.test(name)).sort();
}

export interface SendingOptions {
  folder: string;
  /** The URL for reports: `<server>/v1/agents/<id>/report`. */
  url: string;
  exchange: Exchange;
  clock: Pick<Clock, "now">;
  log: Log;
}

export interface ReportSenderOptions extends SendingOptions {
  clock: Clock;
  random(): number;
}

/** Sends the waiting reports, and tries again later those that the server would not take. */
export class ReportSender {
  readonly #options: ReportSenderOptions;
  readonly #stopping = new AbortController();
  /** Attempts that failed, one after the other. */
  #failures = 0;
  #sending: Promise<void> | undefined;
  /** A look was asked for while the last one went on, which may have missed the new report. */
  #again = false;
  /** Undoes the attempt that is due. */
  #cancel: (() => void) | undefined;

  constructor(options: ReportSenderOptions) {
    this.#options = options;
  }

  /** There may be something new to send. */
  look(): void {
    this.#again = this.#sending !== undefined;
    if (this.#again || this.#cancel !== undefined || this.#stopping.signal.aborted) return;
    this.#sending = this.#sendAll()
      .catch((error) => this.#tryLater(error))
      .finally(() => {
        this.#sending = undefined;
        if (this.#again) this.look();
      });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel?.();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    const pause = await sendWaiting(this.#options, this.#stopping.signal, () => {
      this.#failures = 0;
    });
    if (pause !== undefined) this.#wait(pause);
  }

  #tryLater(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const { random, log } = this.#options;
    const delay = retryDelay(++this.#failures, random(), BACK_OFF);
    log[this.#failures === 1 ? "warn" : "debug"](`the server took no report: ${explainError(error)}`);
    this.#after(delay);
  }

  /** The server has more reports than it can write, and says when to come again. Agents that were told the same do not. */
  #wait(pause: number): void {
    const { random, log } = this.#options;
    log.debug(`the server asks for reports again in ${pause / 1_000} s`);
    this.#after(Math.round(pause * (1 + random() / 4)));
  }

  #after(delay: number): void {
    this.#cancel = this.#options.clock.after(delay, () => {
      this.#cancel = undefined;
      this.look();
    });
  }
}

/** Starts to send what waits. */
export function startReportSender(options: ReportSenderOptions): ReportSender {
  const sender = new ReportSender(options);
  sender.look();
  return sender;
}

/**
 * Sends the waiting reports, the oldest first, and deletes each that the server has.
 *
 * @returns the time (ms) after which the server wants the rest; undefined once it has them all
 */
export async function sendWaiting(
  options: SendingOptions,
  signal: AbortSignal,
  onSent = () => {},
): Promise<number | undefined> {
  for (const name of await waitingReports(options.folder)) {
    if (signal.aborted) return undefined;
    const file = path.join(options.folder, name);
    const bytes = await readIfThere(file);
    const pause = bytes && (await sendOne(options, bytes.toString(), signal));
    if (pause !== undefined) return pause;
    await fs.rm(file, { force: true });
    onSent();
  }
  return undefined;
}

/** @returns the time (ms) after which the server wants the report again; undefined once it has it */
async function sendOne(
  { url, exchange, clock, log }: SendingOptions,
  body: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const request = {
    method: "PUT",
    url,
    body,
    timeout: TIMEOUT,
    limit: ANSWER_LIMIT,
    signal,
  } as const;
  const { status, headers } = await exchange.send(request);
  if (status >= 200 && status < 300) return undefined;
  if (REFUSED_FOR_GOOD.includes(status)) {
    log.error(`the server refused a report for good: it answered ${status}`);
    return undefined;
  }
  const isBusy = status === 429 || status === 503;
  const pause = isBusy ? parseRetryAfter(headers["retry-after"], clock.now()) : undefined;
  if (pause !== undefined) return pause;
  throw toStatusError(status, new URL(url));
}
