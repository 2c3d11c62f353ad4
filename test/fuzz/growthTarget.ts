import assert from "node:assert/strict";
import fc from "fast-check";
import { growthOf, isLinear, READERS } from "./growth.ts";
import { type FuzzTarget, jsonOf, objectOf, toJsonBytes } from "./target.ts";

/** Characters of the shorter input. */
const LENGTH = 2_048;

/** Inputs say which reader is given what, over and over: its work may grow with the length, and no faster. */
export function growthTarget(): FuzzTarget {
  return {
    name: "growth",
    json: true,
    made: madeRun(),
    check: (input) => checkGrowth(jsonOf(input.toString())),
  };
}

function madeRun(): fc.Arbitrary<Buffer> {
  const telling = fc.constantFrom(..." \t\n\r,;:./\\-_='\"`()[]{}<>#%*@0a1A");
  const text = fc.oneof(
    fc.array(telling, { maxLength: 4 }).map((all) => all.join("")),
    fc.string({ maxLength: 4 }),
  );
  const run = text.filter((each) => each !== "");
  return fc
    .record({ reader: fc.constantFrom(...Object.keys(READERS)), before: text, run, after: text })
    .map(toJsonBytes);
}

function checkGrowth(value: unknown): boolean {
  const { reader, before, run, after } = objectOf(value) ?? {};
  const read = typeof reader === "string" && Object.hasOwn(READERS, reader) ? READERS[reader] : undefined;
  const parts = [before, run, after].map((each) => (typeof each === "string" ? each.slice(0, 100) : ""));
  const [head = "", middle = "", tail = ""] = parts;
  if (read === undefined || middle === "") return false;
  const growth = growthOf((size) => {
    const text = head + middle.repeat(size / middle.length) + tail;
    return () => read(text);
  }, LENGTH);
  assert(isLinear(growth), `its work grows ${growth.toFixed(1)} times faster than its input`);
  return true;
}
