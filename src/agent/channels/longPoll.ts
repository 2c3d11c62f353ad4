import type { Log } from "../../config/log.ts";
import { retryDelay } from "../../core/settings/schedule.ts";
import { explainError, NearsourceError } from "../../errors.ts";
import { toStatusError } from "../../http/httpErrors.ts";
import type { Exchange } from "../../http/smallClient.ts";
import { NOTIFICATION_LIMIT } from "../../tuf/notification.ts";
import type { Clock } from "../scheduler.ts";
import type { Verdict, Versions } from "./notifications.ts";

/** Longest time (ms) of an answer: a server holds it for 50 s. */
const TIMEOUT = 75_000;
const BACK_OFF = { first: 2_000, longest: 600_000 };
/** A server that says at once that there is nothing new is asked again no sooner than after this (ms). */
const LEAST_WAIT = 10_000;

export interface LongPollOptions {
  /** `<server>/v1/agents/<id>/notifications` */
  url: string;
  /** Proves who asks. */
  bearer?: string | undefined;
  exchange: Exchange;
  receive(text: string): Promise<Verdict>;
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
    for (let failures = 0; !stopping.signal.aborted; ) {
      const asked = clock.now();
      try {
        const { status } = await askOnce(options, stopping.signal);
        failures = 0;
        const took = clock.now() - asked;
        if (status === 204 && took >= 0 && took < LEAST_WAIT)
          await pause(clock, LEAST_WAIT - took, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
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

async function askOnce({ url, bearer, exchange, receive, known }: LongPollOptions, signal: AbortSignal) {
  const question = new URL(url);
  for (const [repository, version] of Object.entries(await known())) {
    question.searchParams.set(repository, String(version));
  }
  const request = {
    method: "GET",
    url: question.href,
    bearer,
    timeout: TIMEOUT,
    limit: NOTIFICATION_LIMIT,
    signal,
  } as const;
  const { status, text } = await exchange.send(request);
  if (status === 204) return { status };
  if (status !== 200) throw toStatusError(status, question);
  // A server that says the same again would be asked without end.
  if ((await receive(text)) !== "new") {
    throw new NearsourceError("METADATA_OLDER", `${question.host} sent a notification of nothing new`);
  }
  return { status };
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
