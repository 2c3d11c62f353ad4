import fc from "fast-check";
import { jsonOf } from "./target.ts";

/** A change of bytes; positions are taken modulo the length, so that every change fits every input. */
type Change = (input: Buffer) => Buffer;

const position = fc.nat(65_535);

/** Inputs that are those of the corpus with a few changes. */
export function mutated(seeds: Buffer[], json: boolean): fc.Arbitrary<Buffer> {
  const changes = fc.array(json ? fc.oneof(byteChange(seeds), jsonChange(seeds)) : byteChange(seeds), {
    minLength: 1,
    maxLength: 4,
  });
  return fc
    .tuple(fc.constantFrom(...seeds), changes)
    .map(([seed, list]) => list.reduce((input, change) => change(input), seed));
}

function byteChange(seeds: Buffer[]): fc.Arbitrary<Change> {
  return fc.oneof(
    fc.tuple(position, fc.nat(7)).map(([at, bit]) => flipped(at, bit)),
    position.map(
      (at): Change =>
        (input) =>
          input.subarray(0, at % (input.length + 1)),
    ),
    fc.tuple(position, fc.nat(40)).map(([at, length]) => cut(at, length)),
    fc.tuple(position, piece).map(([at, bytes]) => inserted(at, bytes)),
    fc.tuple(position, piece).map(([at, bytes]) => overwritten(at, bytes)),
    fc
      .tuple(fc.constantFrom(...seeds), position, position)
      .map(([other, at, from]) => spliced(other, at, from)),
    fc.tuple(position, fc.nat(200), fc.nat(60)).map(([at, length, times]) => repeated(at, length, times)),
    fc.tuple(position, fc.constantFrom(100, 2_000, 20_000)).map(([at, depth]) => buried(at, depth)),
  );
}

/** Bytes that readers tend to trip over: ends of numbers, DNS pointers, quotes, broken UTF-8. */
const piece = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      "00",
      "ff",
      "ffff",
      "7fffffff",
      "80000000",
      "c00c",
      "c000",
      "efbbbf",
      "c3",
      "eda080",
      "0d0a",
    )
    .map((hex) => Buffer.from(hex, "hex")),
  fc
    .constantFrom(
      '"',
      "\\",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "null",
      "-",
      "/",
      "..",
      "1e999",
      "\\u0000",
      "%2e",
      "*",
    )
    .map((text) => Buffer.from(text)),
);

function flipped(at: number, bit: number): Change {
  return (input) => {
    const output = Buffer.from(input);
    const place = at % Math.max(output.length, 1);
    const byte = output[place];
    if (byte !== undefined) output[place] = byte ^ (1 << bit);
    return output;
  };
}

function cut(at: number, length: number): Change {
  return (input) => {
    const place = at % (input.length + 1);
    return Buffer.concat([input.subarray(0, place), input.subarray(place + length)]);
  };
}

function inserted(at: number, bytes: Buffer): Change {
  return (input) => {
    const place = at % (input.length + 1);
    return Buffer.concat([input.subarray(0, place), bytes, input.subarray(place)]);
  };
}

function overwritten(at: number, bytes: Buffer): Change {
  return (input) => {
    const place = at % (input.length + 1);
    return Buffer.concat([input.subarray(0, place), bytes, input.subarray(place + bytes.length)]);
  };
}

function spliced(other: Buffer, at: number, from: number): Change {
  return (input) => {
    const rest = other.subarray(from % (other.length + 1));
    return Buffer.concat([input.subarray(0, at % (input.length + 1)), rest]);
  };
}

function repeated(at: number, length: number, times: number): Change {
  return (input) => {
    const place = at % (input.length + 1);
    const again = Array.from({ length: times }, () => input.subarray(place, place + length));
    return Buffer.concat([input.subarray(0, place), ...again, input.subarray(place)]);
  };
}

/** After some opening brace, a field that no reader knows, with lists in lists in it. */
function buried(at: number, depth: number): Change {
  return (input) => {
    const place = input.indexOf("{", at % (input.length + 1)) + 1;
    const field = `"deep":${"[".repeat(depth)}${"]".repeat(depth)}`;
    const comma = input.toString("latin1", place).trimStart().startsWith("}") ? "" : ",";
    return Buffer.concat([input.subarray(0, place), Buffer.from(field + comma), input.subarray(place)]);
  };
}

/** Takes the place of a value that is left out. */
const GONE = Symbol("gone");

type ValueChange = (value: unknown) => unknown;

function jsonChange(seeds: Buffer[]): fc.Arbitrary<Change> {
  const nodes = seeds.flatMap((seed) => valuesIn(readJson(seed).value)).slice(0, 500);
  const change = fc.oneof(
    nasty.map(
      (value): ValueChange =>
        () =>
          value,
    ),
    fc.constantFrom(...nodes, null).map(
      (value): ValueChange =>
        () =>
          value,
    ),
    fc.constant<ValueChange>(() => GONE),
    fc.tuple(nastyText, nasty).map(
      ([key, value]): ValueChange =>
        (old) =>
          withKey(old, key, value),
    ),
    fc.nat(40).map(
      (times): ValueChange =>
        (old) =>
          withRepeats(old, times),
    ),
    fc.constantFrom(2, 50).map(
      (depth): ValueChange =>
        (old) =>
          nested(old, depth),
    ),
    fc.constant<ValueChange>(otherCase),
  );
  return fc.tuple(position, change).map(([at, how]) => (input) => {
    const { head, value } = readJson(input);
    const values = valuesIn(value);
    // An input that cannot be read, or is too deep to be walked through, stays as it is.
    if (values.length === 0) return input;
    const changed = changeAt(value, at % values.length, how, { seen: 0 });
    return Buffer.concat([head, Buffer.from(JSON.stringify(changed === GONE ? null : changed) ?? "null")]);
  });
}

/** Inputs may have lines of their own before the JSON; those stay as they are. */
function readJson(input: Buffer): { head: Buffer; value: unknown } {
  const start = input.indexOf("{");
  const head = input.subarray(0, Math.max(start, 0));
  return { head, value: jsonOf(input.subarray(head.length).toString()) };
}

const DEEPEST = 500;

/** Every value in a JSON value, itself first, as `changeAt` counts them; none where it is too deep. */
export function valuesIn(value: unknown): unknown[] {
  const found: unknown[] = [];
  const visit = (each: unknown, depth: number): boolean => {
    found.push(each);
    if (typeof each !== "object" || each === null) return true;
    return depth < DEEPEST && Object.values(each).every((inner) => visit(inner, depth + 1));
  };
  return value !== undefined && visit(value, 0) ? found : [];
}

export function changeAt(
  value: unknown,
  index: number,
  change: ValueChange,
  count: { seen: number },
): unknown {
  if (count.seen++ === index) return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((each) => changeAt(each, index, change, count)).filter((each) => each !== GONE);
  }
  const fields = Object.entries(value).map(([key, each]) => [key, changeAt(each, index, change, count)]);
  return Object.fromEntries(fields.filter(([, each]) => each !== GONE));
}

function withKey(old: unknown, key: string, value: unknown): unknown {
  if (Array.isArray(old)) return [...old, value];
  if (typeof old !== "object" || old === null) return value;
  return Object.fromEntries([...Object.entries(old), [key, value]]);
}

function withRepeats(old: unknown, times: number): unknown {
  if (Array.isArray(old)) return Array.from({ length: times }, () => old).flat();
  return typeof old === "string" ? old.repeat(times) : Array.from({ length: times }, () => old);
}

function nested(old: unknown, depth: number): unknown {
  let value = old;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function otherCase(old: unknown): unknown {
  return typeof old === "string"
    ? old === old.toUpperCase()
      ? old.toLowerCase()
      : old.toUpperCase()
    : [old, old];
}

export const nastyText = fc.oneof(
  fc.constantFrom(
    ...["", " ", ".", "..", "../x", "a/../b", "/etc/passwd", "C:\\x", "a\\b", "con", "nul.txt", "a.", "a:b"],
    ...[
      "\u0000",
      "\ud800",
      "\u212a",
      "\ufeff",
      "é",
      "__proto__",
      "constructor",
      "toString",
      "length",
      "a".repeat(300),
    ],
    ...["10.0.0.0/8", "::1", "::ffff:10.1.2.3", "10.0.0.9-10.0.0.1", "1.2.3.4/33", "0x7f.1", "fe80::1%eth0"],
    ...[
      "http://a",
      "HTTP://A:80/",
      "http://u:p@a",
      "http://a?",
      "http://[::1",
      "http://a:99999",
      "file:///x",
      "http://%41",
    ],
    ...["0".repeat(64), "F".repeat(64), "9999-12-31T23:59:59Z", "-1", "1e3", "settings"],
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);

/** Values at the ends of what a reader may expect. */
export const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1,
    1.5,
    1e308,
    -1e-7,
    2 ** 31,
    2 ** 53,
    2 ** 53 - 1,
    [],
    {},
    [[]],
  ),
  nastyText,
);
