const MINUTE = 60_000;
const DAY = 86_400_000;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "long", hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const EXACT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

/** A moment (ms) as people say it: minutes near now, the time of today, the weekday of this week, else the date. */
export function inWords(at: number, now: number): string {
  const away = now - at;
  if (Math.abs(away) < MINUTE) return "now";
  if (away > 0 && away < 60 * MINUTE) return `${Math.floor(away / MINUTE)} min ago`;
  if (away < 0 && away > -60 * MINUTE) return `in ${Math.ceil(-away / MINUTE)} min`;
  return atClock(at, now);
}

/** The time of day of a moment that is not long ago. */
export function timeOfDay(at: number): string {
  return TIME.format(at);
}

/** The clock of a moment of today, the weekday with it of this week, else the date: where minutes ago say too little. */
export function atClock(at: number, now: number): string {
  if (new Date(at).toDateString() === new Date(now).toDateString()) return TIME.format(at);
  return Math.abs(now - at) < 6 * DAY ? WEEKDAY.format(at) : DATE.format(at);
}

/** A sentence of the server in parts: its times (`Tuesday 2026-11-24 14:05 UTC`) as moments (ms). */
export function momentsIn(sentence: string): (string | number)[] {
  const parts: (string | number)[] = [];
  let at = 0;
  for (const found of sentence.matchAll(/(?:\w+day )?(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/g)) {
    parts.push(sentence.slice(at, found.index), Date.parse(`${found[1]}T${found[2]}Z`));
    at = found.index + found[0].length;
  }
  return [...parts, sentence.slice(at)];
}

/** A moment to the second, with the zone that it is told in. */
export function exactly(at: number): string {
  return EXACT.format(at);
}
