import * as v from "valibot";
import { parsedBy } from "../document.ts";

/** A limit of the bandwidth: `bytesPerSecond`, at all times or only in certain hours of the week. */
export interface RateLimit {
  bytesPerSecond: number;
  /** Hours in which it holds; undefined for always. */
  hours?: WeeklyHours[] | undefined;
}

/** Hours of some days of the week, in local time. */
export interface WeeklyHours {
  /** 0 is Sunday, as `Date` has it. */
  days: number[];
  /** Minutes since midnight; where `to` is not after `from`, it is on the next day. */
  from: number;
  to: number;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY = 1_440;
const EXAMPLE = "mon-fri 08:00-18:00";

/** The valid limits, with an example, for people. */
export const SOME_RATE_LIMIT = `1024 bytes per second or more, such as 500000, or { "bytesPerSecond": 500000, "hours": ["${EXAMPLE}"] }`;

const bytesPerSecond = v.pipe(v.number(), v.safeInteger(), v.minValue(1_024, "!must be 1024 or more bytes"));

/** `500000`, or `{ "bytesPerSecond": 500000, "hours": ["mon-fri 08:00-18:00"] }`. */
export const rateLimitSchema = v.pipe(
  v.union(
    [
      bytesPerSecond,
      v.object({
        bytesPerSecond,
        hours: v.optional(v.pipe(v.array(parsedBy(parseWeeklyHours, EXAMPLE)), v.minLength(1, "!is empty"))),
      }),
    ],
    `!must be ${SOME_RATE_LIMIT}`,
  ),
  v.transform((written): RateLimit => (typeof written === "number" ? { bytesPerSecond: written } : written)),
);

/**
 * Reads hours of the week: `mon-fri 08:00-18:00`, `sat,sun 00:00-24:00`, or without days for all of
 * them. Hours that end before they begin go on into the next day.
 *
 * @throws Error with the reason
 */
export function parseWeeklyHours(text: string): WeeklyHours {
  const [, days = "sun-sat", ...times] =
    /^(?:([a-z,-]+) +)?(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text.trim().toLowerCase()) ?? [];
  const [fromHour, fromMinute, toHour, toMinute] = times.map(Number);
  if (fromHour === undefined || fromMinute === undefined || toHour === undefined || toMinute === undefined) {
    throw new Error(`"${text}" is not hours of the week, such as "${EXAMPLE}"`);
  }
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  if (from >= DAY || to > DAY || fromMinute > 59 || toMinute > 59) {
    throw new Error(`"${text}" has a time that is not between 00:00 and 24:00, such as "${EXAMPLE}"`);
  }
  return { days: days.split(",").flatMap(parseDays), from, to };
}

function parseDays(text: string): number[] {
  const [first = "", last = first, ...rest] = text.split("-");
  const [from, to] = [DAYS.indexOf(first), DAYS.indexOf(last)];
  if (from < 0 || to < 0 || rest.length > 0)
    throw new Error(`"${text}" is not a day or a range of days: ${DAYS.join(", ")}, such as "${EXAMPLE}"`);
  const count = ((to - from + 7) % 7) + 1;
  return Array.from({ length: count }, (_, index) => (from + index) % 7);
}

/** The limit that holds at a moment, in bytes per second; undefined for none. `now` in local time. */
export function rateAt(limit: RateLimit | undefined, now: Date): number | undefined {
  if (limit === undefined) return undefined;
  const holds = limit.hours?.some((hours) => isWithin(hours, now)) ?? true;
  return holds ? limit.bytesPerSecond : undefined;
}

function isWithin({ days, from, to }: WeeklyHours, now: Date): boolean {
  const minute = now.getHours() * 60 + now.getMinutes();
  const today = days.includes(now.getDay());
  if (from < to) return today && minute >= from && minute < to;
  const yesterday = days.includes((now.getDay() + 6) % 7);
  return (today && minute >= from) || (yesterday && minute < to);
}
