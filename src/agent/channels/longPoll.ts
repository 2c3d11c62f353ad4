import type { Log } from "../../config/log.ts";
import { HOLD, HOLD_HEADER, RUN_HEADER } from "../../core/fleet/notification/hold.ts";
import { retryDelay } from "../../core/settings/schedule.ts";
import { explainError, NearsourceError } from "../../errors.ts";
import { toStatusError } from "../../http/httpErrors.ts";
import type { Exchange } from "../../http/smallClient.ts";
import { NOTIFICATION_LIMIT } from "../../tuf/notification.ts";
import type { Clock } from "../scheduler.ts";
import type { Verdict, Versions } from "./notifications.ts";

/** Time (ms) that an answer may take beyond that. */
const GRACE = 25_000;
const BACK_OFF = { first: 2_000, longest: 600_000 };
/** A server that says at once that there is nothing new is asked again no sooner than after this (ms). */
const LEAST_WAIT = 10_000;

export interface LongPollOptions {
  /** `<server>/v1/agents/<id>/notifications` */
  url: string;
  exchange: Exchange;
  receive(text: string): Promise<Verdict>;
  /** The server asks for a run though there is nothing new. */
  runNow(): void;
  known(): Promise<Versions>;
  clock: Clock;
  random(): number;
  log: Log;
}

/**
 * Asks the server for notifications, for ever: it answers when there is one, or after a while that there is
 * none, and is asked again (docs/notification.md). So an agent that cannot be reached gets notifications.
 */
export function startLongPoll(options: LongPollOptions): { stop(): Promise<void> } {
  const { clock, random, log } = options;
  const stopping = new AbortController();
  const poll = async () => {
    let hold: number | undefined;
    let longest = HOLD.most;
    for (let failures = 0; !stopping.signal.aborted; ) {
      const asked = clock.now();
      try {
        const { status, hold: offered } = await askOnce(options, hold, stopping.signal);
        failures = 0;
        hold = offered && Math.min(offered, longest);
        const took = clock.now() - asked;
        if (status === 204 && took >= 0 && took < LEAST_WAIT)
          await pause(clock, LEAST_WAIT - took, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
        // Something on the way may not wait as long as the server does.
        if (hold !== undefined && isCutShort(error)) longest = HOLD.least;
        hold = undefined;
        failures++;
        log[failures === 1 ? "warn" : "debug"](`no notifications from the server: ${explainError(error)}`);
        await pause(clock, retryDelay(failures, random(), BACK_OFF), stopping.signal);
      }
    }
  };
  const ended = poll();
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

function isCutShort(error: unknown): boolean {
  const { code } = error as Partial<NearsourceError>;
  return code === "RESPONSE_TIMEOUT" || code === "HTTP_SERVER_ERROR";
}

/** @returns the status, and the seconds for which the server offers to hold the next request */
async function askOnce(
  { url, exchange, receive, runNow, known }: LongPollOptions,
  hold: number | undefined,
  signal: AbortSignal,
): Promise<{ status: number; hold: number | undefined }> {
  const question = new URL(url);
  for (const [repository, version] of Object.entries(await known())) {
    question.searchParams.set(repository, String(version));
  }
  if (hold !== undefined) question.searchParams.set("hold", String(hold));
  const request = {
    method: "GET",
    url: question.href,
    timeout: (hold ?? HOLD.least) * 1_000 + GRACE,
    limit: NOTIFICATION_LIMIT,
    signal,
  } as const;
  const { status, headers, text } = await exchange.send(request);
  const offered = Number(headers[HOLD_HEADER]);
  const next = Number.isSafeInteger(offered) && offered > 0 ? offered : undefined;
  if (status === 204) {
    if (headers[RUN_HEADER] === "now") runNow();
    return { status, hold: next };
  }
  if (status !== 200) throw toStatusError(status, question);
  // A server that says the same again would be asked without end.
  if ((await receive(text)) !== "new") {
    throw new NearsourceError("METADATA_OLDER", `${question.host} sent a notification of nothing new`);
  }
  return { status, hold: next };
}

/** Waits by `clock`, or until `signal` aborts. */
async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => {
    const abort = () => {
      cancel();
      done();
    };
    const cancel = clock.after(milliseconds, () => {
      signal.removeEventListener("abort", abort);
      done();
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}
