import { KINDS, type Kind } from "../content/kind.ts";

/** A source list as it is written, made of something else; and remarks on what did not fit. */
export interface Imported {
  list: {
    mode: "standard" | "customized";
    entries: {
      range: string;
      except?: string[];
      dnsSuffix?: string;
      url: string;
      name?: string;
      kinds: Kind[];
    }[];
    serverFallback: { enabled: boolean; kinds: Kind[] };
  };
  remarks: string[];
}

/** The flags of the export, and the kinds that they let agents fetch from the server when all entries failed. */
const FALLBACK: [flag: string, kind: Kind][] = [
  ["UpdateComponentFromServerIfOUSFailed", "components"],
  ["UpdateSettingFromServerIfOUSFailed", "settings"],
  ["UpdateProgramFromServerIfOUSFailed", "programs"],
];

/** Whether a text is what Apex Central's `cmd_deploy_update_sources` takes. */
export function isApexExport(text: string): boolean {
  return /OUSList|OUSSettingJSONString|AllowUpdateFromOtherAU/.test(text);
}

/**
 * The source list of Apex One and Apex Central, as their automation API takes it: JSON in strings of JSON. The
 * inner quotes are escaped once, twice or not at all, in their own examples too, so the fields are looked for
 * whatever stands around them.
 *
 * @throws Error where there is none of it
 */
export function importApex(text: string): Imported {
  const plain = text.replaceAll("\\", "");
  if (!isApexExport(plain)) throw new Error("it has no OUSList of Apex Central");
  const remarks: string[] = [];
  const objects = [...plain.matchAll(/\{[^{}]*"OUS"\s*:[^{}]*\}/g)].map(([object]) => object);
  const entries = objects.flatMap((object, index) => {
    const range = rangeOf(object);
    const source = fieldOf(object, "OUS");
    if (range === undefined || source === undefined) {
      remarks.push(`entry ${index + 1} has no range or no source, and is left out`);
      return [];
    }
    return [{ range, url: baseOf(source), kinds: [...KINDS] }];
  });
  const kinds = FALLBACK.filter(([flag]) => fieldOf(plain, flag) === "1").map(([, kind]) => kind);
  if (entries.length > 0) {
    remarks.push("the export does not say which kinds an Update Agent delivers: each entry has all three");
  }
  const mode = fieldOf(plain, "AllowUpdateFromOtherAU") === "0" ? "standard" : "customized";
  return { list: { mode, entries, serverFallback: { enabled: kinds.length > 0, kinds } }, remarks };
}

function rangeOf(object: string): string | undefined {
  const [first, last] = [fieldOf(object, "FromIP"), fieldOf(object, "ToIP")];
  if (first !== undefined) return last === undefined || last === first ? first : `${first}-${last}`;
  const [prefix, length] = [fieldOf(object, "Prefix"), fieldOf(object, "Length")];
  return prefix === undefined || length === undefined ? undefined : `${prefix}/${length}`;
}

/** The value of a field, a text or a number. */
function fieldOf(text: string, field: string): string | undefined {
  const [, quoted, number] = new RegExp(`"${field}"\\s*:\\s*(?:"([^"]*)"|(\\d+))`).exec(text) ?? [];
  return (quoted ?? number)?.trim();
}

/** The base URL of a source: theirs ends with the folder of ActiveUpdate, which ours have not. */
function baseOf(source: string): string {
  return source.replaceAll(/\s+/g, "").replace(/\/activeupdate\/?$/i, "");
}
