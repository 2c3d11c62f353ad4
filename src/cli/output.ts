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
