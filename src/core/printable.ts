import { CONTROLS, escapeCharacter } from "../errors.ts";

/**
 * The styles that `styleText` writes in this program: only colours, so text of others that contains them does
 * no harm.
 */
const STYLES = /(\u001b\[(?:1|2|22|31|32|33|36|39)m)/;

/**
 * `text` without characters that drive a terminal, except for ends of lines and this program's own colours.
 */
export function printable(text: string): string {
  const escaped = (part: string) =>
    part.replaceAll(CONTROLS, (each) => (each === "\n" ? each : escapeCharacter(each)));
  return text
    .split(STYLES)
    .map((part, index) => (index % 2 === 1 ? part : escaped(part)))
    .join("");
}

/** A JSON document that reads the same, and drives no terminal that it is shown on. */
export function printableJson(value: unknown, indent?: number): string {
  // JSON escapes some of these characters itself; others are only ever inside its strings.
  return JSON.stringify(value, undefined, indent).replaceAll(CONTROLS, (each) =>
    each === "\n" ? each : escapeCharacter(each),
  );
}
