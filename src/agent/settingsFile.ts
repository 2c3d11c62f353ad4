import { promises as fs } from "node:fs";
import type * as v from "valibot";
import { DocumentError, type Fault, findFaults } from "../core/document.ts";
import { type ErrorCode, NearsourceError } from "../errors.ts";
import { type Position, readJsonText } from "../io/jsonText.ts";

/** What is wrong at one place of a file. */
export type FileFault = Position & { message: string };

/** A settings document that stands in a local file: what is wrong with it, all of it, or what it says. */
export type SettingsFile = { faults: FileFault[]; value?: undefined } | { faults: []; value: unknown };

/**
 * Reads a settings document for whoever is writing it. Agents stop at the first fault; here every one
 * is named, with its line and column.
 *
 * @throws NearsourceError `code` where the file cannot be read
 */
export async function reviewSettingsFile(
  file: string,
  schema: v.GenericSchema,
  code: ErrorCode,
): Promise<SettingsFile> {
  const bytes = await fs.readFile(file).catch((error) => {
    throw new NearsourceError(code, `cannot read ${file}`, { cause: error });
  });
  const { value, faults, positionOf } = readJsonText(bytes.toString());
  const inValue = value === undefined ? [] : findFaults(schema, value);
  const all = [
    ...faults.map(({ reason, ...at }) => ({ ...at, message: new DocumentError("", reason).message })),
    ...inValue.map(({ path, error }: Fault) => ({ ...positionOf(path), message: error.message })),
  ].sort((a, b) => a.line - b.line || a.column - b.column);
  return all.length > 0 ? { faults: all } : { faults: [], value };
}
