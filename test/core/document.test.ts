import * as v from "valibot";
import { describe, expect, test } from "vitest";
import {
  byteLength,
  DocumentError,
  parsedBy,
  parseJson,
  positiveInteger,
  readDocument,
} from "../../src/core/document.ts";

const schema = v.object({
  name: v.string(),
  size: v.optional(byteLength),
  releases: v.optional(v.array(v.object({ release: positiveInteger }))),
  even: v.optional(parsedBy(parseEven)),
  any: v.optional(v.union([v.number(), v.object({})])),
  some: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
});

function parseEven(text: string): number {
  const number = Number(text);
  if (number % 2 !== 0) throw new Error(`${text} is odd`);
  return number;
}

/** The error with which the document is refused. */
function refusal(value: unknown): DocumentError {
  try {
    readDocument(schema, value);
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a document", () => {
  test("is what the schema makes of it, less the fields that it does not know", () => {
    expect(readDocument(schema, { name: "a", even: "4", colour: "blue" })).toEqual({ name: "a", even: 4 });
  });

  test.for([
    [undefined, "", "is missing"],
    [null, "", "must be an object, not null"],
    [[], "", "must be an object, not a list"],
    [true, "", "must be an object, not true"],
    [{}, "name", "name: is missing"],
    [{ name: 1 }, "name", "name: must be text, not 1"],
    [{ name: {} }, "name", "name: must be text, not an object"],
    [{ name: [] }, "name", "name: must be text, not a list"],
    [{ name: "a", size: -1 }, "size", "size: must be 0 or more, not -1"],
    [{ name: "a", size: 0.5 }, "size", "size: must be a whole number, not 0.5"],
    [{ name: "a", size: 2 ** 53 }, "size", "size: must be a whole number, not 9007199254740992"],
    [{ name: "a", releases: {} }, "releases", "releases: must be a list, not an object"],
    [{ name: "a", releases: [{}] }, "releases[0].release", "releases[0].release: is missing"],
    [
      { name: "a", releases: [{ release: 1 }, { release: 0 }] },
      "releases[1].release",
      "releases[1].release: must be 1 or more, not 0",
    ],
    [{ name: "a", any: true }, "any", "any: must be one of a number, an object, not true"],
    [{ name: "a", some: [] }, "some", "some: is empty"],
    [{ name: "a", even: "3" }, "even", "even: 3 is odd"],
    [{ name: "a", even: 4 }, "even", "even: must be text, not 4"],
  ] as const)("%j is refused at %s: %s", ([value, place, message]) => {
    expect(refusal(value)).toMatchObject({ place, message });
  });

  test("that is refused for several reasons is refused with the first", () => {
    expect(refusal({ name: 1, size: -1 }).place).toBe("name");
  });

  test("with a __proto__ of its own is an object like any other", () => {
    const document = readDocument(schema, JSON.parse('{ "name": "a", "__proto__": { "size": 7 } }'));
    expect(document.size).toBeUndefined();
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
  });
});

describe("JSON that people write", () => {
  test("may begin with a byte order mark", () => {
    expect(parseJson('\uFEFF{ "a": 1 }')).toEqual({ a: 1 });
  });

  test.for(["", "{", "{ 'a': 1 }", '{ "a": 1, }', "// none\n{}", '\uFEFF\uFEFF{ "a": 1 }'])(
    "is refused as %j, in the parser's own words",
    (text) => {
      expect(() => parseJson(text)).toThrow(DocumentError);
      expect(() => parseJson(text)).toThrow(/^is not JSON: ./);
    },
  );
});

test("a reason is one line that can be shown, however long or strange what it repeats is", () => {
  const parse = v.object({
    field: parsedBy((text) => {
      throw new Error(`"${text}" is odd`);
    }),
  });
  const reasonFor = (field: string) => {
    try {
      readDocument(parse, { field });
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  expect(reasonFor("a\n\u001b[31m\u202e\ud800 größe 📦")).toBe(
    'field: "a\\u000a\\u001b[31m\\u202e\\ud800 größe 📦" is odd',
  );
  const long = reasonFor("x".repeat(100_000));
  expect(long).toMatch(/^field: "x+…x+" is odd$/);
  expect(long.length).toBeLessThan(400);
});
