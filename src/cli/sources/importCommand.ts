import { promises as fs } from "node:fs";
import { parseJson } from "../../core/document.ts";
import type { Imported } from "../../core/imports/importApex.ts";
import { readImport } from "../../core/imports/readImport.ts";
import { readSiteMap } from "../../core/imports/siteMap.ts";
import { leftOutOfTable, writeSourceTable } from "../../core/imports/sourceTable.ts";
import { listOfSubnets } from "../../core/imports/subnetList.ts";
import type { Subnets } from "../../core/imports/subnets.ts";
import { parseSourceList, withRequires } from "../../core/order/sourceList.ts";
import { NearsourceError } from "../../errors.ts";
import { printAside } from "../terminal/output.ts";

export interface ImportOptions {
  /** File of the table that says which site goes where. */
  map?: string;
}

/** `nearsource sources import FILE`: a list of another system as a source list, on stdout. */
export async function importCommand(file: string, { map }: ImportOptions): Promise<number> {
  const [text, mapText] = [await read(file), map === undefined ? undefined : await read(map)];
  const { list, remarks } = importOf(text, file, mapText, map);
  const written = withRequires({ version: 1, ...list });
  // Refused as agents would: a range that ends before it begins, more than 1,024 entries.
  orRefuse(file, () => parseSourceList(written));
  for (const remark of remarks) printAside(`note: ${remark}`);
  process.stdout.write(`${JSON.stringify(written, null, 2)}\n`);
  return 0;
}

/** `nearsource sources export FILE`: a source list as a table, on stdout. */
export async function exportCommand(file: string): Promise<number> {
  const text = await read(file);
  const list = orRefuse(file, () => parseSourceList(parseJson(text)));
  for (const remark of leftOutOfTable(list)) printAside(`note: ${remark}`);
  process.stdout.write(writeSourceTable(list.entries));
  return 0;
}

/** The text of a file in whichever encoding it is: what Windows writes is often UTF-16 or Windows-1252. */
async function read(file: string): Promise<string> {
  const bytes = await fs.readFile(file).catch((cause) => {
    throw new NearsourceError("SOURCE_LIST_INVALID", `cannot read ${file}`, { cause });
  });
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function importOf(text: string, file: string, mapText: string | undefined, map = ""): Imported {
  const found = orRefuse(file, () => readImport(text));
  if (!("subnets" in found)) return found;
  if (mapText === undefined) throw withoutMap(file, found);
  return listOfSubnets(
    found,
    orRefuse(map, () => readSiteMap(mapText)),
  );
}

function orRefuse<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw refused(file, error);
  }
}

/** Sites that are named where there is no map; of more, the rest is counted. */
const NAMED = 20;

function withoutMap(file: string, { subnets }: Subnets): NearsourceError {
  const sites = [...new Set(subnets.map((subnet) => subnet.sites[0] ?? `tag ${subnet.tags[0]}`))].toSorted();
  const more = sites.length > NAMED ? `, and ${sites.length - NAMED} more` : "";
  const named = `${sites.slice(0, NAMED).join(", ")}${more}`;
  return new NearsourceError(
    "USAGE",
    `${file} has ${subnets.length} subnets of sites, and does not say where these go: ${named}`,
    {
      hint: "write a table site,name,url,kinds with a row for each Update Agent, and name it with --map",
    },
  );
}

function refused(file: string, error: unknown): NearsourceError {
  return new NearsourceError(
    "SOURCE_LIST_INVALID",
    `${file} cannot be taken over: ${(error as Error).message}`,
    { hint: "docs/server.md has what can be: Apex Central, tables, subnets of Active Directory and NetBox" },
  );
}
