/**
 * Rules of the terminal. Results go to stdout, everything else to stderr. An error is one line,
 * `nearsource: what was wrong`, lower case and without a full stop, with its whole chain of causes
 * said once; a `hint:` line follows where there is something to do about it. Colour and progress
 * appear only on a terminal. With --json, stdout has one JSON document and nothing else.
 */
import { styleText } from "node:util";
import { explainError, type NearsourceError } from "../errors.ts";

export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function printError(error: NearsourceError): void {
  process.stderr.write(`${paint("red", "nearsource:", process.stderr)} ${explainError(error)}\n`);
  if (error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`);
  if (error.code === "UNEXPECTED" && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack}\n`);
}

type Style = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

/** Coloured where the stream is a terminal that shows colours (NO_COLOR and FORCE_COLOR are honoured). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

/** Bytes for people: 950 B, 18 kB, 63.0 MB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1_000 && unit < units.length - 1; unit++) value /= 1_000;
  return `${unit < 2 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds for people: 12 ms, 3.4 s, 5 min, 7 h, 3 days. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = seconds / 60;
  if (minutes < 60) return `${Math.round(minutes)} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}
