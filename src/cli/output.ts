/**
 * Rules of the terminal. Results go to stdout, everything else to stderr. An error is one line,
 * `nearsource: what was wrong`, lower case and without a full stop, with its whole chain of causes
 * said once; a `hint:` line follows where there is something to do about it. Colour and progress
 * appear only on a terminal. With --json, stdout has one JSON document and nothing else.
 */
import { styleText } from "node:util";
import { printable, printableJson } from "../core/printable.ts";
import { explainError, type NearsourceError } from "../errors.ts";

export function print(line = ""): void {
  process.stdout.write(`${printable(line)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value, 2)}\n`);
}

/** A line on stderr, where it does not get into what is piped on. */
export function printAside(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

export function printError(error: NearsourceError): void {
  printAside(`${paint("red", "nearsource:", process.stderr)} ${explainError(error)}`);
  if (error.hint !== undefined) printAside(`hint: ${error.hint}`);
  if (error.code === "UNEXPECTED" && error.cause instanceof Error) printAside(`${error.cause.stack}`);
}

type Style = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

/** Coloured where the stream is a terminal that shows colours (NO_COLOR and FORCE_COLOR are honoured). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

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
