import { closestMatch } from "leven";
import * as v from "valibot";

/** A field of a document that its schema does not know. */
export interface UnknownField {
  /** Place of the field, from the document's top: `["entries", 3, "kind"]`. */
  path: (string | number)[];
  /** The field that was probably meant. */
  meant?: string;
}

/** The known part of a schema's shape; the library has a type of its own for each kind. */
interface Shape {
  type: string;
  entries?: Record<string, Shape>;
  wrapped?: Shape;
  item?: Shape;
  options?: Shape[];
  pipe?: (Shape & { kind: string })[];
}

/**
 * The fields of a document, as it was written and valid or not, that its schema does not know. A newer program
 * may know them; but most often a name is misspelt.
 */
export function unknownFields(schema: v.GenericSchema, value: unknown): UnknownField[] {
  return look(schema as unknown as Shape, value, []);
}

/** A remark on one, for people. `place` is its place in the document, `schedule.crn`. */
export function hasNoEffect(place: string, { meant }: Pick<UnknownField, "meant">): string {
  const guess = meant === undefined ? "" : ` (did you mean ${JSON.stringify(meant)}?)`;
  return `its field ${JSON.stringify(place)} is not known here and has no effect${guess}`;
}

function look(shape: Shape, value: unknown, path: UnknownField["path"]): UnknownField[] {
  if (shape.wrapped !== undefined) return value === undefined ? [] : look(shape.wrapped, value, path);
  if (shape.type === "union" && shape.options !== undefined) return lookInFitting(shape.options, value, path);
  // The last of several schemas one after the other shows the most: those before check less.
  const last = shape.pipe?.findLast(({ kind }) => kind === "schema");
  const { item, entries } = last ?? shape;
  if (Array.isArray(value)) {
    return item === undefined ? [] : value.flatMap((each, index) => look(item, each, [...path, index]));
  }
  if (entries === undefined || typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const known = Object.hasOwn(entries, field) ? entries[field] : undefined;
    return known === undefined
      ? [unknownField([...path, field], field, Object.keys(entries))]
      : look(known, inner, [...path, field]);
  });
}

function lookInFitting(options: Shape[], value: unknown, path: UnknownField["path"]): UnknownField[] {
  const fitting = options.find((option) => v.is(option as unknown as v.GenericSchema, value));
  return fitting === undefined ? [] : look(fitting, value, path);
}

function unknownField(path: UnknownField["path"], field: string, known: string[]): UnknownField {
  const meant = nearestName(field, known);
  return meant === undefined ? { path } : { path, meant };
}

/** Most letters that differ, are missing or too many in a misspelt name. */
const FAR = 2;
/**
 * Longest name (characters) that can be a misspelt one: longer than every known name. Documents may have
 * names of any length.
 */
const LONGEST = 64;

/** The one of `known` that was probably meant by `name`: case, `_` and `-` do not count. */
export function nearestName(name: string, known: string[]): string | undefined {
  if (name.length > LONGEST) return undefined;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, "");
  const maxDistance = Math.min(FAR, Math.floor(name.length / 2));
  const match = closestMatch(plain(name), known.map(plain), { maxDistance });
  return known.find((each) => plain(each) === match);
}
