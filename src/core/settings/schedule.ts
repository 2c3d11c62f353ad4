import { Cron } from "croner";
import * as v from "valibot";

/** The trigger of a run. */
export type Trigger = "manual" | "schedule" | "notify";

/** Times of an agent's runs: the slots of a cron expression, or every so many milliseconds. */
export type Schedule = { splay?: number | undefined } & (
  | { cron: string; timeZone?: string | undefined }
  | { interval: number }
);

/** The schedule without a policy: once an hour, each agent at its own minute. */
export const DEFAULT_SCHEDULE: Schedule = { interval: 3_600_000 };

/** Default splay (ms) of a cron schedule: its agents are spread over this time. */
const CRON_SPLAY = 600_000;
/** Agents that start up together catch up within this (ms), each at its own moment. */
const CATCH_UP = 120_000;
/** A clock set back by no more than this (ms) does not make a slot run twice; after more, it was wrong before. */
const STEP_BACK = 3_600_000;
/** Delays (ms) after a failed run: doubled with each failure, with jitter below. */
const RETRY = { first: 60_000, longest: 3_600_000 };

const milliseconds = (least: number, most: number, example: string) => {
  const wanted = `!must be ${least} or more and ${most} at most, in milliseconds, such as ${example}`;
  return v.pipe(v.number(wanted), v.safeInteger(wanted), v.minValue(least, wanted), v.maxValue(most, wanted));
};
const splay = v.optional(milliseconds(0, 86_400_000, "600000 for ten minutes"));
const interval = milliseconds(60_000, 2_592_000_000, "3600000 for an hour");

/** `{ "cron": "0 3 * * *" }` or `{ "interval": 3600000 }`, with `splay` in milliseconds. */
export const scheduleSchema = v.union(
  [
    v.pipe(
      v.object({ cron: v.string(), timeZone: v.optional(v.string()), splay }),
      v.rawCheck(({ dataset, addIssue }) => {
        const reason = dataset.typed ? whyNoCron(dataset.value.cron, dataset.value.timeZone) : undefined;
        if (reason !== undefined) addIssue({ message: `!${reason}` });
      }),
    ),
    v.object({ interval, splay }),
  ],
  '!must be { "cron": "…" } or { "interval": 60000 or more }, such as { "cron": "0 3 * * *" }',
);

/** The fault of a cron expression; undefined when it has slots. */
function whyNoCron(cron: string, timeZone: string | undefined): string | undefined {
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    return `"${timeZone}" is not a time zone, such as "Europe/Berlin"`;
  }
  const example = 'five fields, such as "0 3 * * *"';
  if (!cron.startsWith("@") && cron.trim().split(/\s+/).length !== 5)
    return `"${cron}" is not a cron expression of ${example}`;
  try {
    const next = slotsOf(cron, timeZone).nextRun(new Date(0));
    return next === null ? `"${cron}" never comes` : undefined;
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, "").replace(/\.$/, "");
    return `"${cron}" is not a cron expression of ${example}: ${reason}`;
  }
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** Five fields, as crontab(5) has them; in local time unless a time zone is named. */
function slotsOf(cron: string, timeZone: string | undefined): Cron {
  return new Cron(cron, {
    paused: true,
    mode: "5-part",
    ...(timeZone === undefined ? {} : { timezone: timeZone }),
  });
}

/** A delay and since when it runs: so a clock that is set back while it does cannot stretch it. */
export interface Wait {
  /** Milliseconds since the epoch. */
  since: number;
  delay: number;
}

/** The facts that the next run follows from. Times are in milliseconds since the epoch. */
export interface Planned {
  schedule: Schedule;
  agentId: string;
  /** Time when the schedule was last followed; undefined for never. */
  followed?: number | undefined;
  /** Start of this process: slots missed before it are caught up a moment after. */
  started: number;
  /** A run failed, and is tried again after this. */
  retry?: Wait | undefined;
  /** A run was asked for. */
  asked?: Wait | undefined;
}

/** The facts known at a start about earlier runs; times in milliseconds since the epoch. */
export interface Before {
  /** Time when an earlier process last followed the schedule. */
  followed?: number | undefined;
  /** Time since which it owed a run: one that was asked for, running, or to be tried again when it ended. */
  owed?: number | undefined;
  /** Start of the last run of any process, if that got all it wanted. */
  succeeded?: number | undefined;
}

/**
 * The time when the schedule counts as last followed: by a run of any process, since its results are not
 * missed. Undefined where an agent never followed it: it then runs when it first starts, and so learns of
 * grants made since a run by hand. Undefined, too, where a run is owed and none has succeeded since.
 */
export function followedBefore({ followed, owed, succeeded }: Before): number | undefined {
  if (owed !== undefined && (succeeded === undefined || succeeded < owed)) return undefined;
  return followed === undefined || succeeded === undefined ? followed : Math.max(followed, succeeded);
}

export type Why = "schedule" | "missed" | "retry" | "asked";

/**
 * The next run: the earliest of the requested run, the retry, and the first slot since the schedule was last
 * followed. However many slots have passed since, they are one run.
 *
 * @returns undefined where the schedule has no slots any more and no run is requested
 */
export function nextRun(planned: Planned, now: number): { at: number; why: Why } | undefined {
  const { retry, asked } = planned;
  const runs: { at: number; why: Why }[] = [];
  if (asked !== undefined) runs.push({ at: asked.since + asked.delay, why: "asked" });
  const slot = nextSlot(planned, now);
  if (slot !== undefined) runs.push(slot);
  if (retry !== undefined) runs.push({ at: retry.since + retry.delay, why: "retry" });
  return runs.sort((a, b) => a.at - b.at)[0];
}

/** The next time (ms) at which a schedule has an agent run that is there now; undefined where it has no slots any more. */
export function nextScheduled(schedule: Schedule, agentId: string, now: number): number | undefined {
  return nextRun({ schedule, agentId, followed: now, started: now }, now)?.at;
}

function nextSlot({ schedule, agentId, followed, started }: Planned, now: number) {
  const catchUp = started + fractionOf(agentId) * Math.min(CATCH_UP, splayOf(schedule));
  if (followed === undefined) return { at: catchUp, why: "missed" as const };
  const offset = Math.floor(fractionOf(agentId) * splayOf(schedule));
  const slot = slotAfter(schedule, followed - offset);
  if (slot === undefined) return undefined;
  const at = slot + offset;
  return at < started && at <= now
    ? { at: catchUp, why: "missed" as const }
    : { at, why: "schedule" as const };
}

/** The first slot of a schedule after a moment; intervals are counted from 1970, so that a restart moves none. */
function slotAfter(schedule: Schedule, after: number): number | undefined {
  if ("interval" in schedule) return (Math.floor(after / schedule.interval) + 1) * schedule.interval;
  return slotsOf(schedule.cron, schedule.timeZone).nextRun(new Date(after))?.getTime();
}

/** Slots of a cron expression that are looked at for the longest pause: some days of hourly runs, a year of weekly ones. */
const LOOKED_AT = 100;

/** Longest time (ms) from one run to the next, from `now` on. */
export function longestPause(schedule: Schedule, now: number): number {
  if ("interval" in schedule) return schedule.interval;
  const slots = slotsOf(schedule.cron, schedule.timeZone).nextRuns(LOOKED_AT, new Date(now));
  const times = [now, ...slots.map((slot) => slot.getTime())];
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

/** Time (ms) after a slot within which its runs begin, each agent always at the same distance. */
function splayOf(schedule: Schedule): number {
  return schedule.splay ?? ("interval" in schedule ? schedule.interval : CRON_SPLAY);
}

/** A number in [0, 1) from an agent's id: always the same for the same agent, spread evenly over a fleet (FNV-1a). */
function fractionOf(agentId: string): number {
  let hash = 0x811c9dc5;
  for (const character of agentId) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/**
 * `planned` as far as this clock can confirm it. Times in the future were noted before the clock was set
 * back: a wait starts again, and so does the schedule, unless the step was small.
 */
export function believed(planned: Planned, now: number): Planned {
  const { followed, started, retry, asked } = planned;
  const settled = (wait: Wait | undefined) =>
    wait === undefined || wait.since <= now ? wait : { ...wait, since: now };
  const isWrong = followed !== undefined && followed > now + STEP_BACK;
  return {
    ...planned,
    followed: isWrong ? now : followed,
    started: Math.min(started, now),
    retry: settled(retry),
    asked: settled(asked),
  };
}

/**
 * Delay (ms) between a failed run and the next.
 *
 * @param failures runs that have failed one after the other, from 1
 * @param random in [0, 1)
 */
export function retryDelay(failures: number, random: number, { first, longest } = RETRY): number {
  const most = Math.min(first * 2 ** (failures - 1), longest);
  return Math.round(most * (0.5 + random / 2));
}
