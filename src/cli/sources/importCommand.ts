import { promises as fs } from "node:fs";
import { type Imported, importApex, isApexExport } from "../../core/order/importApex.ts";
import { parseSourceList } from "../../core/order/sourceList.ts";
import { readSourceTable, writeSourceTable } from "../../core/order/sourceTable.ts";
import { NearsourceError } from "../../errors.ts";
import { printAside } from "../terminal/output.ts";

/** `nearsource sources import FILE`: a list of another system as a source list, on stdout. */
export async function importCommand(file: string): Promise<number> {
  const { list, remarks } = importOf(await read(file), file);
  check(list, file);
  for (const remark of remarks) printAside(`note: ${remark}`);
  process.stdout.write(`${JSON.stringify({ version: 1, ...list }, null, 2)}\n`);
  return 0;
}

/** `nearsource sources export FILE`: a source list as a table, on stdout. */
export async function exportCommand(file: string): Promise<number> {
  const text = await read(file);
  let entries: ReturnType<typeof parseSourceList>["entries"];
  try {
    ({ entries } = parseSourceList(JSON.parse(text)));
  } catch (error) {
    throw refused(file, error);
  }
  process.stdout.write(writeSourceTable(entries));
  return 0;
}

async function read(file: string): Promise<string> {
  return await fs.readFile(file, "utf8").catch((cause) => {
    throw new NearsourceError("SOURCE_LIST_INVALID", `cannot read ${file}`, { cause });
  });
}

function importOf(text: string, file: string): Imported {
  try {
    return isApexExport(text) ? importApex(text) : readSourceTable(text);
  } catch (error) {
    throw refused(file, error);
  }
}

/** Refuses what agents would refuse: a range that ends before it begins, more than 1,024 entries. */
function check(list: Imported["list"], file: string): void {
  try {
    parseSourceList({ version: 1, ...list });
  } catch (error) {
    throw refused(file, error);
  }
}

function refused(file: string, error: unknown): NearsourceError {
  return new NearsourceError(
    "SOURCE_LIST_INVALID",
    `${file} cannot be taken over: ${(error as Error).message}`,
    {
      hint: "it takes what Apex Central's cmd_deploy_update_sources takes, or a table order,first,last,name,url,kinds,comment",
    },
  );
}
