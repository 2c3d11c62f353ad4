import * as v from "valibot";

/** A JSON document that cannot be accepted: where in it, and why. The caller wraps it in its own error. */
export class DocumentError extends Error {
  /** The place in the document, such as `entries[3].range`; empty for the document as a whole. */
  readonly place: string;

  constructor(place: string, reason: string) {
    super(inOneLine(place === "" ? reason : `${place}: ${reason}`));
    this.place = place;
  }
}

/** Longest reason, in characters: it can repeat parts of the document. */
const LONGEST_REASON = 300;

/**
 * Characters that break a line, steer a terminal or turn the direction of the text after them, and halves of
 * characters.
 */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Whether people can be shown `text` as it is. */
export function isShown(text: string): boolean {
  return text.search(UNSHOWN) === -1;
}

/** Text of others as one line that can be shown: escaped, and without its middle where it is long. */
function inOneLine(text: string): string {
  const half = LONGEST_REASON / 2;
  const short = text.length > LONGEST_REASON ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
  return short.replace(UNSHOWN, (each) => `\\u${(each.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
}

/** One place of a document that does not fit, and why. */
export interface Fault {
  /** The place, from the document's top: `["entries", 3, "range"]`. */
  path: (string | number)[];
  error: DocumentError;
}

/**
 * Reads `value` (parsed JSON of unknown shape) by `schema` and returns the schema's output. Fields the schema
 * does not know are ignored, so that an older program reads a newer document.
 *
 * @throws DocumentError naming the first place that does not fit, and why
 */
export function readDocument<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  if (Array.isArray(value)) throw new DocumentError("", "must be an object, not a list");
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw faultOf(result.issues[0]).error;
}

/** Every place of a document that does not fit, in its order. */
export function findFaults(schema: v.GenericSchema, value: unknown): Fault[] {
  if (Array.isArray(value)) {
    return [{ path: [], error: new DocumentError("", "must be an object, not a list") }];
  }
  return (v.safeParse(schema, value).issues ?? []).map(faultOf);
}

function faultOf(found: v.BaseIssue<unknown>): Fault {
  const { issue, path } = mostTelling(found);
  const reason = issue.received === "undefined" ? "is missing" : reasonOf(issue);
  return { path, error: new DocumentError(placeOf(path), reason) };
}

/**
 * The most telling of the faults of a value that fits none of several shapes: that of the shape it comes
 * nearest to. A field that is there and wrong says more than fields that another shape would have.
 */
function mostTelling(issue: v.BaseIssue<unknown>): { issue: v.BaseIssue<unknown>; path: Fault["path"] } {
  const path = (issue.path ?? []).map(({ key }) => key as string | number);
  const inner = issue.issues?.find((each) => each.path !== undefined && each.received !== "undefined");
  if (inner === undefined) return { issue, path };
  const deeper = mostTelling(inner);
  return { issue: deeper.issue, path: [...path, ...deeper.path] };
}

/**
 * Parses JSON text that people write: a byte order mark is forgiven, anything else is not.
 *
 * @throws DocumentError with the parser's own words on where the text stops being JSON
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
  } catch (error) {
    throw new DocumentError("", `is not JSON: ${(error as Error).message}`);
  }
}

/**
 * A field whose text is turned into a value by `parse`; the message of an error thrown by `parse` becomes the
 * reason.
 *
 * @param example shown where the field is no text at all
 */
export function parsedBy<Output>(parse: (text: string) => Output, example?: string) {
  return v.pipe(
    example === undefined ? v.string() : v.string(`!must be text, such as ${JSON.stringify(example)}`),
    v.rawTransform<string, Output>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        addIssue({ message: `!${(error as Error).message}` });
        return NEVER;
      }
    }),
  );
}

/** A whole number from 1 up: versions and releases. */
export const positiveInteger = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** A length in bytes. */
export const byteLength = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A place as people read it: `entries[3].range`. */
export function placeOf(path: Fault["path"]): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === "number") return `${place}[${key}]`;
    return place === "" ? String(key) : `${place}.${key}`;
  }, "");
}

/** The schema library's names of JSON types and rules, in the words of people who write documents. */
const IN_WORDS: Record<string, string> = {
  Array: "a list",
  Object: "an object",
  string: "text",
  number: "a number",
  boolean: "true or false",
  ">=0": "0 or more",
  ">=1": "1 or more",
};

/** A leading "!" marks a reason in our own words; else the schema's expectation is put in words here. */
function reasonOf(issue: v.BaseIssue<unknown>): string {
  if (issue.message.startsWith("!")) return issue.message.slice(1);
  if (issue.type === "min_length" && issue.received === "0") return "is empty";
  if (issue.type === "safe_integer") return `must be a whole number, not ${issue.received}`;
  const expected = issue.expected ?? "something else";
  const words = (each: string) => IN_WORDS[each] ?? each;
  const choice = expected
    .match(/^\((.*)\)$/)?.[1]
    ?.split(" | ")
    .map(words)
    .join(", ");
  const wanted = choice === undefined ? words(expected) : `one of ${choice}`;
  return `must be ${wanted}, not ${words(issue.received)}`;
}
