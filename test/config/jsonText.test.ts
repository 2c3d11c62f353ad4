import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJsonText } from "../../src/config/jsonText.ts";

describe("JSON that people write:", () => {
  test.for([
    ['{ "a": 1, } ', [[1, 9]]],
    ["[1,\n2,\n]", [[2, 2]]],
    [
      '{\n  // why\n  "a": /* what */ 1\n}',
      [
        [2, 3],
        [3, 8],
      ],
    ],
    [
      '{ "a": [1, /* , */ 2, /* last */ ], // end\n}',
      [
        [1, 12],
        [1, 21],
        [1, 23],
        [1, 35],
        [1, 37],
      ],
    ],
    ['{ "a": "x\ny" }', [[1, 10]]],
    ['{ "a": 01 }', [[1, 8]]],
    ['{ "a": 1 "b": 2 }', [[1, 10]]],
    ["", [[1, 1]]],
    ["\uFEFF{ 1 }", [[1, 3]]],
  ] as [string, [number, number][]][])("%j is refused at %j", ([text, places]) => {
    const { faults } = readJsonText(text);
    const found = faults.map(({ line, column }) => [line, column] as const);
    expect(found.sort(([, a], [, b]) => a - b)).toEqual(places);
    for (const { reason } of faults) expect(reason).toMatch(/^is not JSON: /);
  });

  test("where a value stands, and where one is missing", () => {
    const { positionOf } = readJsonText('{\n  "a": [ { "b": 1 },\n    { "c": 2 } ]\n}');
    expect(positionOf(["a", 0, "b"])).toEqual({ line: 2, column: 17 });
    expect(positionOf(["a", 1, "b"])).toEqual({ line: 3, column: 5 });
    expect(positionOf(["d"])).toEqual({ line: 1, column: 1 });
  });

  test("fields that stand twice in one object, of which the last counts", () => {
    const { value, faults, repeated } = readJsonText(
      '{ "a": 1, "b": [{ "a": 1,\n "a": 2 }],\n "a": 3, "a": 4 }',
    );
    expect(value).toEqual({ a: 4, b: [{ a: 2 }] });
    expect(faults).toEqual([]);
    expect(repeated).toEqual([
      { path: ["a"], line: 1, column: 3 },
      { path: ["b", 0, "a"], line: 1, column: 19 },
      { path: ["a"], line: 3, column: 2 },
    ]);
  });

  test.for([500, 1_000, 2_000, 3_000, 5_000, 8_000, 20_000, 100_000])(
    "nested %i deep ends nothing",
    (depth) => {
      for (const [open, close] of [
        ["[", "]"],
        ['{"a":', "}"],
      ] as const) {
        const { faults } = readJsonText(`${open.repeat(depth)}1${close.repeat(depth)}`);
        expect(
          faults.map(({ reason }) => reason).filter((each) => !each.endsWith("nested too deeply")),
        ).toEqual([]);
        if (depth === 100_000) expect(faults).toHaveLength(1);
      }
    },
  );

  test("whatever JSON.parse accepts is read as it reads it, and nothing else is", () => {
    const json = fc.json({ maxDepth: 3 });
    const broken = fc.tuple(json, fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, piece]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place);
    });
    fc.assert(
      fc.property(fc.oneof(json, broken), (text) => {
        const { faults, value } = readJsonText(text);
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          expect(faults).not.toEqual([]);
          return;
        }
        expect({ text, faults }).toEqual({ text, faults: [] });
        expect(JSON.stringify(value)).toBe(JSON.stringify(parsed));
      }),
      { numRuns: 300 },
    );
  });

  test("without end is refused, and does not end the program", () => {
    expect(readJsonText("[".repeat(100_000)).faults).toHaveLength(1);
  });
});

test.for([
  ['{ "a": 1,, }', "unexpected comma, where a name in double quotes should be"],
  ['{ "entries": [ {} {} ] }', "unexpected '{', where ',' or ']' should be"],
  ["hello", "unexpected character 'h', where '{' should be"],
  ["", "unexpected end of input, where '{' should be"],
  ["{ 'a': 1 }", "unexpected character ''', where a name in double quotes, or '}' should be"],
  ['{ "a" 1 }', "unexpected number, where ':' should be"],
  ['{ "a": "x,{" "b": 1 }', "unexpected text, where ',' or '}' should be"],
  ['{\r\n  "a": // why\r\n  ] }', "unexpected ']', where a value should be"],
  ["{} {}", "unexpected '{', where the end of the file should be"],
  ['{ "a": [', "unexpected end of input, where a value, or ']' should be"],
] as const)("%s is said to have what stands where something else should", ([text, reason]) => {
  expect(readJsonText(text).faults[0]?.reason).toBe(`is not JSON: ${reason}`);
});

test("a text that ends too early is faulty where it ends", () => {
  expect(readJsonText('{\n  "a": [').faults).toEqual([
    expect.objectContaining({ line: 2, column: 9, reason: expect.stringContaining("end of input") }),
  ]);
});
