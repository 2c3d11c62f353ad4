import { parseJson } from "../document.ts";
import { type Imported, importApex, isApexExport } from "./importApex.ts";
import { readRows, rowsOfObjects } from "./rows.ts";
import { listOfRows } from "./sourceTable.ts";
import {
  isAdExport,
  isNetboxAnswer,
  isNetboxTable,
  readAdSubnets,
  readNetboxAnswer,
  readNetboxTable,
  type Subnets,
} from "./subnets.ts";

/**
 * Reads what another system wrote, whichever it is: a list of Apex Central, a table of sources, or subnets of
 * Active Directory or NetBox, which do not say yet where they go.
 *
 * @throws Error for what is none of these, naming the line where there is one
 */
export function readImport(text: string): Imported | Subnets {
  if (isApexExport(text)) return importApex(text);
  if (/^\uFEFF?\s*[[{]/.test(text)) {
    const value = parseJson(text);
    if (isNetboxAnswer(value)) return readNetboxAnswer(value);
    const rows = rowsOfObjects(Array.isArray(value) ? value : [value]);
    if (isAdExport(rows)) return readAdSubnets(rows);
    throw new Error("it is JSON, and neither of Apex Central nor of NetBox or Active Directory");
  }
  const rows = readRows(text);
  if (isAdExport(rows)) return readAdSubnets(rows);
  return isNetboxTable(rows) ? readNetboxTable(rows) : listOfRows(rows);
}
