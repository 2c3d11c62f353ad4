/**
 * Rules of the terminal. Results go to stdout, everything else to stderr. An error is one line, `nearsource:
 * ` and the fault, lower case and without a full stop, with its whole chain of causes said once; a `hint:`
 * line follows where there is something to do about it. Colour and progress appear only on a terminal. With
 * --json, stdout has one JSON document and nothing else.
 */
import { styleText } from "node:util";
import { printable, printableJson } from "../../core/printable.ts";
import { explainError, type NearsourceError } from "../../errors.ts";

export function print(line = ""): void {
  process.stdout.write(`${printable(line)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value, 2)}\n`);
}

/** Writes a line to stderr, so that it does not mix with piped output. */
export function printAside(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** Prints an error; one that has several faults has a line for each. */
export function printError(error: NearsourceError): void {
  const { faults, summary } = error;
  const lines = faults.length > 1 ? faults : [];
  const said = lines.length === 0 ? explainError(error) : `${summary}, for ${lines.length} reasons`;
  printAside(`${paint("red", "nearsource:", process.stderr)} ${said}`);
  for (const line of lines) printAside(`  ${line}`);
  if (error.hint !== undefined) printAside(`hint: ${error.hint}`);
  if (error.code === "UNEXPECTED" && error.cause instanceof Error) printAside(`${error.cause.stack}`);
}

type Style = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

/** Coloured where the stream is a terminal that shows colours (NO_COLOR and FORCE_COLOR are honoured). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}
