import { createRequire } from "node:module";
import { Snapshot, Targets } from "@tufjs/models";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import "../../src/tuf/tufRecords.ts";

/** The package as it is published, beside the one that this process uses. */
function asPublished() {
  const require = createRequire(import.meta.url);
  const used = Object.entries(require.cache);
  for (const [file] of used) if (file.includes("@tufjs/models")) delete require.cache[file];
  const published = require("@tufjs/models") as typeof import("@tufjs/models");
  Object.assign(require.cache, Object.fromEntries(used));
  return published;
}

type Json = Parameters<typeof Targets.fromJSON>[0];
type Model = { fromJSON(json: Json): { toJSON(): Json } };

/** The result of a class for JSON: the JSON it reads and writes again, or its refusal. */
function made(model: Model, json: unknown): string {
  try {
    return JSON.stringify(model.fromJSON(structuredClone(json) as Json).toJSON());
  } catch {
    return "refused";
  }
}

const COMMON = { spec_version: "1.0.31", expires: "2030-01-01T00:00:00Z", version: 1 };

const junk = fc.oneof(fc.jsonValue(), fc.constant(undefined));
const name = fc.oneof(
  fc.string(),
  fc.constantFrom("__proto__", "constructor", "toString", "1", "0", "root", "a"),
);
const record = (value: fc.Arbitrary<unknown>) =>
  fc
    .array(fc.tuple(name, fc.oneof({ weight: 20, arbitrary: value }, junk)), { maxLength: 8 })
    .map((entries) => Object.fromEntries(entries));
const target = fc.record({ length: fc.nat(), hashes: fc.constant({ sha256: "ab" }), custom: junk });
const meta = fc.record({ version: fc.integer({ min: -1, max: 9 }), length: fc.nat() });
const key = fc.record({ keytype: name, scheme: name, keyval: fc.constant({ public: "ab" }), more: junk });
const role = fc.record({
  name,
  keyids: fc.array(name, { maxLength: 2 }),
  threshold: fc.integer({ min: 0, max: 2 }),
  terminating: fc.boolean(),
  paths: fc.constant(["a/*"]),
});
const or = (value: fc.Arbitrary<unknown>) => fc.oneof({ weight: 9, arbitrary: value }, junk);
const delegations = fc.oneof(
  fc.record({ keys: or(record(key)), roles: or(fc.array(role, { maxLength: 6 })), more: junk }),
  fc.record({
    keys: record(key),
    succinct_roles: fc.constant({ keyids: [], threshold: 1, bit_length: 4, name_prefix: "bin" }),
  }),
);

describe("records of TUF metadata", () => {
  const published = asPublished();

  test("are another copy of the package than the one that is compared", () => {
    expect(published.Targets).not.toBe(Targets);
  });

  test("are read, refused and written again as the package does", () => {
    const targets = fc.record({ targets: or(record(target)), delegations: or(delegations), more: junk });
    fc.assert(
      fc.property(targets, (content) => {
        const json = { _type: "targets", ...COMMON, ...content };
        expect(made(Targets, json)).toBe(made(published.Targets, json));
      }),
      { numRuns: 1_000 },
    );
    const snapshot = fc.record({ meta: or(record(meta)), more: junk });
    fc.assert(
      fc.property(snapshot, (content) => {
        const json = { _type: "snapshot", ...COMMON, ...content };
        expect(made(Snapshot, json)).toBe(made(published.Snapshot, json));
      }),
      { numRuns: 300 },
    );
  });

  test("cost what their number costs: what the package takes minutes for fits into a test", () => {
    const many = <Value>(count: number, value: (at: number) => Value) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`name-${at}`, value(at)]));
    const json = {
      _type: "targets",
      ...COMMON,
      targets: many(18_000, () => ({ length: 0, hashes: {} })),
      delegations: {
        keys: many(9_000, () => ({ keytype: "", scheme: "", keyval: {} })),
        roles: Array.from({ length: 7_000 }, (_, at) => {
          return { name: `role-${at}`, keyids: [], threshold: 1, terminating: true, paths: [] };
        }),
      },
    };
    expect(made(Targets, json)).toBe(JSON.stringify({ ...ordered(json) }));
  });
});

/** The same, in the order in which a role is written. */
function ordered({ _type, spec_version, version, expires, targets, delegations }: Json): Json {
  const { keys, roles } = delegations as { keys: Json; roles: Json[] };
  const written = roles.map(({ name, keyids, threshold, terminating, paths }) => {
    return { keyids, threshold, name, terminating, paths };
  });
  return { _type, spec_version, version, expires, targets, delegations: { keys, roles: written } } as Json;
}
