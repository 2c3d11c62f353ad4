/** A time (ms since the epoch) for people, in UTC, whoever reads it: Tue 24 Nov 2026 14:05 UTC. */
export function formatMoment(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "a time that there is not";
  const [day = "", number, month, year, clock = ""] = date.toUTCString().split(" ");
  return `${day.slice(0, 3)} ${number} ${month} ${year} ${clock.slice(0, 5)} UTC`;
}
