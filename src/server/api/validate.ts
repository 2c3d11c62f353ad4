import type { Static, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import Value from "typebox/value";
import { type Fault, Problem } from "./problem.ts";

/** Faults that a problem names at most. */
const NAMED = 20;

/** Checks bodies: nothing is coerced, nothing removed. */
export function bodyCheck<Schema extends TSchema>(schema: Schema): (value: unknown) => Static<Schema> {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value) && isStorable(value)) return value as Static<Schema>;
    throw new Problem("BODY_INVALID", undefined, { errors: faultsOf(compiled, value) });
  };
}

/** Checks the words of a URL, which are texts: numbers and booleans are read from them. */
export function wordsCheck<Schema extends TSchema>(schema: Schema): (value: unknown) => Static<Schema> {
  const compiled = Compile(schema);
  return (value) => {
    // Most are texts that are meant as such.
    if (compiled.Check(value)) return value as Static<Schema>;
    const converted = Value.Convert(schema, structuredClone(value));
    if (compiled.Check(converted) && isStorable(converted)) return converted as Static<Schema>;
    throw new Problem("PARAMETER_INVALID", undefined, { errors: faultsOf(compiled, converted) });
  };
}

/** Whether no number in it is whole and too large to be told from its neighbours: no database keeps such. */
function isStorable(value: unknown): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  return typeof value !== "object" || value === null || Object.values(value).every(isStorable);
}

function faultsOf(compiled: Validator, value: unknown): Fault[] {
  const faults = [...compiled.Errors(value)].flatMap(({ keyword, instancePath, message, params }) => {
    if (keyword === "boolean") return [];
    const unknown = (params as { additionalProperties?: string[] }).additionalProperties;
    if (unknown === undefined) return [{ field: fieldOf(instancePath), message }];
    return unknown.map((name) => ({
      field: fieldOf(`${instancePath}/${name}`),
      message: "is not known here",
    }));
  });
  return faults.slice(0, NAMED);
}

/** `entries[3].range` of `/entries/3/range`. */
function fieldOf(pointer: string): string {
  const parts = pointer.split("/").slice(1);
  return parts
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");
}
