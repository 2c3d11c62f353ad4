/** The end of a day (`2026-12-03`) in the viewer's zone, in ms; undefined where none is given. */
export function endOfDay(day: string): number | undefined {
  return day === "" ? undefined : new Date(`${day}T23:59:59`).getTime();
}

/** The day (`2026-12-03`) of a moment in the viewer's zone, as a date field takes it. */
export function dayOf(at: number): string {
  const day = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
