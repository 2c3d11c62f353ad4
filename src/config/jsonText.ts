import {
  type AnyNode,
  type DocumentNode,
  evaluate,
  type LocationRange,
  type MemberNode,
  parse,
  type Token,
} from "@humanwhocodes/momoa";
import { DocumentError, type Fault, parseJson } from "../core/document.ts";
import { expectedAfter } from "../core/expectedJson.ts";

/** A place in a text, both numbers counted from 1. */
export interface Position {
  line: number;
  column: number;
}

/** A fault that keeps a text from being JSON. */
export type SyntaxFault = Position & { reason: string };

/** A field that has no effect, since the same object has it again. */
export type RepeatedField = Position & { path: Fault["path"] };

/** JSON text with the places of its values. */
export interface JsonText {
  /** The value; undefined if it cannot be determined. */
  value: unknown;
  faults: SyntaxFault[];
  /** Fields that stand twice in one object, of which only the last counts: where each that does not stands. */
  repeated: RepeatedField[];
  /** Place of a value; for a missing one, that of the object it is missing in. */
  positionOf(path: Fault["path"]): Position;
}

/**
 * Reads JSON text that people write, and goes on after faults that editors allow: comments, and trailing
 * commas.
 */
export function readJsonText(text: string): JsonText {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const start = { line: 1, column: 1 };
  try {
    const document = parse(body, { mode: "jsonc", allowTrailingCommas: true, tokens: true });
    return readParsed(document, body);
  } catch (error) {
    return { value: undefined, faults: [inOurWords(error, body)], repeated: [], positionOf: () => start };
  }
}

function readParsed(document: DocumentNode, body: string): JsonText {
  const faults = lenientParts(document.tokens ?? []);
  const strict = faults.length > 0 ? undefined : parseStrictly(body);
  return {
    value: strict?.value ?? evaluate(document),
    faults: strict?.fault === undefined ? faults : [strict.fault],
    repeated: repeatedIn(document.body, []),
    positionOf: (path) => positionOf(nodeAt(document.body, path).loc),
  };
}

function positionOf({ start: { line, column } }: LocationRange): Position {
  return { line, column };
}

/** The parts of the text that are no JSON and were read all the same. */
function lenientParts(tokens: Token[]): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  let comma: Token | undefined;
  for (const token of tokens) {
    const { type, loc } = token;
    if (type.endsWith("Comment")) {
      faults.push({ ...positionOf(loc), reason: "is not JSON: a comment, which JSON does not have" });
      continue;
    }
    if (comma !== undefined && (type === "RBrace" || type === "RBracket")) {
      faults.push({ ...positionOf(comma.loc), reason: "is not JSON: a comma that nothing follows" });
    }
    comma = type === "Comma" ? token : undefined;
  }
  return faults;
}

const LINE_END = /\r\n|[\r\n]/;

/** The parser's names of what it found, for people. */
const TOKENS: Record<string, string> = {
  ...{
    Comma: "comma",
    Colon: "colon",
    String: "text",
    Number: "number",
    Boolean: "true or false",
    Null: "null",
  },
  ...{ LBrace: "'{'", RBrace: "'}'", LBracket: "'['", RBracket: "']'" },
};

/**
 * The value or the fault of the text by the runtime's own parser, which reads it in the end: it refuses a
 * line break within a text.
 */
function parseStrictly(text: string): { value?: unknown; fault?: SyntaxFault } {
  try {
    return { value: parseJson(text) };
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const [, line = "1", column = "1"] = /line (\d+) column (\d+)/.exec(error.message) ?? [];
    return { fault: { line: Number(line), column: Number(column), reason: error.message } };
  }
}

function repeatedIn(node: AnyNode, path: Fault["path"]): RepeatedField[] {
  if (node.type === "Array") {
    return node.elements.flatMap(({ value }, index) => repeatedIn(value, [...path, index]));
  }
  if (node.type !== "Object") return [];
  const last = new Map(node.members.map((member) => [nameOf(member), member]));
  return node.members.flatMap((member) => {
    const name = nameOf(member);
    const at = [...path, name];
    return last.get(name) === member
      ? repeatedIn(member.value, at)
      : [{ path: at, ...positionOf(member.loc) }];
  });
}

function nameOf({ name }: MemberNode): string {
  return "value" in name ? name.value : name.name;
}

function inOurWords(error: unknown, body: string): SyntaxFault {
  // The stack is full: files of people are nested some levels deep, not thousands.
  if (error instanceof RangeError)
    return { line: 1, column: 1, reason: "is not JSON: it is nested too deeply" };
  // A text that ends too early is faulty where it ends.
  const { message, offset, ...place } = error as Error & Position & { offset: number };
  const isCut = message.includes("end of input");
  const { line, column } = isCut ? endOf(body) : place;
  const said = message.replace(/ found\.? \(\d+:\d+\)$/, "").replace(/ \(\d+:\d+\)$/, "");
  const words = `${said.charAt(0).toLowerCase()}${said.slice(1)}`.replace(
    /token (\w+)$/,
    (_, name) => TOKENS[name] ?? name,
  );
  const expected = words.startsWith("unexpected ")
    ? expectedAfter(isCut ? body : body.slice(0, offset))
    : undefined;
  const rather = expected === undefined ? "" : `, where ${expected} should be`;
  return { line, column, reason: `is not JSON: ${words}${rather}` };
}

function endOf(text: string): Position {
  const lines = text.split(LINE_END);
  return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
}

function nodeAt(body: AnyNode, path: Fault["path"]): AnyNode {
  let node = body;
  for (const key of path) {
    const next =
      node.type === "Object"
        ? node.members.findLast((member) => nameOf(member) === key)?.value
        : node.type === "Array"
          ? node.elements[key as number]?.value
          : undefined;
    if (next === undefined) return node;
    node = next;
  }
  return node;
}
