/** A unit: how much of the smallest one it is, its digits after the point, and where the next takes over. */
interface Unit {
  name: string;
  size: number;
  digits: number;
  below: number;
}

const BYTES: Unit[] = [
  { name: "B", size: 1, digits: 0, below: 1_000 },
  { name: "kB", size: 1e3, digits: 0, below: 1_000 },
  { name: "MB", size: 1e6, digits: 1, below: 1_000 },
  { name: "GB", size: 1e9, digits: 1, below: 1_000 },
  { name: "TB", size: 1e12, digits: 1, below: Number.POSITIVE_INFINITY },
];
const TIMES: Unit[] = [
  { name: "ms", size: 1, digits: 0, below: 1_000 },
  { name: "s", size: 1_000, digits: 1, below: 60 },
  { name: "min", size: 60_000, digits: 0, below: 60 },
  { name: "h", size: 3_600_000, digits: 0, below: 48 },
  { name: "days", size: 86_400_000, digits: 0, below: Number.POSITIVE_INFINITY },
];

/** A number of things: `1 agent`, `12 agents`. */
export function amountOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Bytes for people: 950 B, 18 kB, 63.0 MB. */
export function formatBytes(bytes: number): string {
  return formatIn(BYTES, bytes);
}

/** Milliseconds for people: 12 ms, 3.4 s, 5 min, 7 h, 3 days. */
export function formatDuration(milliseconds: number): string {
  return formatIn(TIMES, milliseconds);
}

/** Rounded before the unit is chosen: 999,600 bytes are 1.0 MB, not 1000 kB. */
function formatIn(units: Unit[], amount: number): string {
  const shown = units.map(({ name, size, digits, below }) => {
    const rounded = (amount / size).toFixed(digits);
    return { text: `${rounded} ${name}`, fits: Number(rounded) < below };
  });
  return shown.find(({ fits }) => fits)?.text ?? `${amount} ${units[0]?.name}`;
}
