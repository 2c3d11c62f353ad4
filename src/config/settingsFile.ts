import { promises as fs } from "node:fs";
import type * as v from "valibot";
import { DocumentError, type Fault, findFaults, placeOf } from "../core/document.ts";
import { type ErrorCode, NearsourceError } from "../errors.ts";
import { type Position, readJsonText } from "./jsonText.ts";

/** The fault at one place of a file. */
export type FileFault = Position & { message: string };

/** A settings document as it was written. */
export interface SettingsText {
  /** All that keeps it from being accepted, in its order. */
  faults: FileFault[];
  /** Fields that have no effect, since they stand again further down. */
  repeated: (FileFault & { path: Fault["path"] })[];
  /** The value; undefined if it cannot be determined. With faults it is not of its schema. */
  value: unknown;
}

/**
 * Reads a settings document for its author. Agents stop at the first fault; here every one is named, with its
 * line and column.
 */
export function reviewSettings(text: string, schema: v.GenericSchema): SettingsText {
  const { value, faults, repeated, positionOf } = readJsonText(text);
  const inValue = value === undefined ? [] : findFaults(schema, value);
  return {
    value,
    faults: [
      ...faults.map(({ reason, ...at }) => ({ ...at, message: new DocumentError("", reason).message })),
      ...inValue.map(({ path, error }: Fault) => ({ ...positionOf(path), message: error.message })),
    ].sort((a, b) => a.line - b.line || a.column - b.column),
    repeated: repeated.map(({ path, ...at }) => ({
      path,
      ...at,
      message: repeatedFieldMessage(placeOf(path)),
    })),
  };
}

/**
 * The same of a document that stands in a local file.
 *
 * @throws NearsourceError `code` where the file cannot be read
 */
export async function reviewSettingsFile(
  file: string,
  schema: v.GenericSchema,
  code: ErrorCode,
): Promise<SettingsText> {
  const bytes = await fs.readFile(file).catch((error) => {
    throw new NearsourceError(code, `cannot read ${file}`, { cause: error });
  });
  return reviewSettings(bytes.toString(), schema);
}

/** The message for a field that has no effect, since the same object has it again. */
export function repeatedFieldMessage(place: string): string {
  return `its field ${JSON.stringify(place)} stands twice in one object: only the last one counts`;
}

/** A fault with its place, in words for people. */
export function describeFault({ line, column, message }: FileFault): string {
  return `line ${line}, column ${column}: ${message}`;
}
