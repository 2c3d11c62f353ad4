import fc from "fast-check";
import { nasty } from "./mutation.ts";

/** JSON Schema, as far as the API's routes use it. */
export interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
}

/** Depth from which on optional parts are left out: schemas may name themselves. */
const DEEPEST = 6;

/** Values that a schema takes, and now and then one in them that it does not. */
export function valuesOf(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 24, arbitrary: goodValues(schema, depth) }, { weight: 1, arbitrary: nasty });
}

function goodValues(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => valuesOf(each, depth + 1)));
  if (schema.allOf !== undefined) {
    return fc
      .tuple(...schema.allOf.map((each) => goodValues(each, depth)))
      .map((parts) => Object.assign({}, ...parts));
  }
  const ofType: Record<string, () => fc.Arbitrary<unknown>> = {
    object: () => objects(schema, depth),
    array: () => arrays(schema, depth),
    string: () => strings(schema),
    integer: () => numbers(schema).map(Math.trunc),
    number: () => numbers(schema),
    boolean: () => fc.boolean(),
    null: () => fc.constant(null),
  };
  return ofType[schema.type ?? ""]?.() ?? fc.jsonValue();
}

function objects(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], patternProperties = {} } = schema;
  const [entry] = Object.values(patternProperties);
  if (entry !== undefined) return fc.dictionary(fc.string(), valuesOf(entry, depth + 1), { maxKeys: 3 });
  const wanted = Object.entries(properties).filter(([name]) => depth < DEEPEST || required.includes(name));
  const fields = Object.fromEntries(wanted.map(([name, each]) => [name, valuesOf(each, depth + 1)]));
  const requiredKeys = required.filter((name) => name in fields);
  return fc.oneof(
    { weight: 12, arbitrary: fc.record(fields, { requiredKeys }) },
    // One that is wanted may be missing, and one too many be there.
    { weight: 1, arbitrary: fc.record({ ...fields, unheardOf: nasty }, { requiredKeys: [] }) },
  );
}

function arrays({ items = {}, minItems = 0, maxItems = 4 }: Schema, depth: number): fc.Arbitrary<unknown> {
  const most = Math.max(minItems, Math.min(maxItems, 4));
  return fc.array(valuesOf(items, depth + 1), { minLength: minItems, maxLength: most });
}

function strings({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<unknown> {
  const most = Math.max(minLength, Math.min(maxLength, 40));
  const any = fc.string({ minLength, maxLength: most, unit: "grapheme" });
  if (pattern === undefined) return fc.oneof(any, fc.constantFrom(...WORDS));
  return fc.stringMatching(new RegExp(pattern, "u"), { size: "small" });
}

/** Texts that mean something to some operation. */
const WORDS = [
  ...["10.1.0.0/16", "10.1.2.3", "10.1.0.10-10.1.0.99", "2001:db8::/32", "::ffff:10.1.2.3", "0.0.0.0/0"],
  ...[
    "http://ua-berlin.example:21112",
    "https://127.0.0.1:1/x",
    "http://[2001:db8::5]:21112",
    "file:///etc/passwd",
  ],
  ...["default", "berlin", "components", "settings", "virus-pattern", "ada", "__proto__", "constructor", "*"],
];

function numbers({ minimum = -1_000, maximum = Number.MAX_SAFE_INTEGER }: Schema): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(minimum, maximum, Math.max(minimum, Math.min(maximum, 1))),
    fc.integer({ min: Math.ceil(minimum), max: Math.floor(Math.min(maximum, Number.MAX_SAFE_INTEGER)) }),
  );
}
