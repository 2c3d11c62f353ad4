import { readImport } from "../../core/imports/readImport.ts";
import { readSiteMap } from "../../core/imports/siteMap.ts";
import { listOfSubnets } from "../../core/imports/subnetList.ts";
import { parseSourceList } from "../../core/order/sourceList.ts";
import type { WrittenList } from "./sourceListDraft.svelte.ts";

/** A list of another system, or why it cannot be read. */
export interface ForeignList {
  list?: WrittenList;
  remarks: string[];
  problem?: string;
  /** It has subnets, which do not say yet where they go: a table of sites is needed. */
  needsSites: boolean;
}

/**
 * Reads what Apex Central takes, a table, subnets of Active Directory or NetBox, or a list of our own. Nothing is
 * taken that agents would refuse.
 *
 * @param sites table `site,name,url,kinds`, for subnets
 */
export function readForeignList(text: string, sites: string): ForeignList {
  let needsSites = false;
  try {
    const read = ownList(text) ?? readImport(text);
    needsSites = "subnets" in read;
    if ("subnets" in read && sites.trim() === "") return { remarks: read.remarks, needsSites };
    const { list, remarks } = "subnets" in read ? listOfSubnets(read, readSiteMap(sites)) : read;
    parseSourceList({ version: 1, ...list });
    return { list: list as WrittenList, remarks, needsSites };
  } catch (error) {
    return { remarks: [], problem: (error as Error).message, needsSites };
  }
}

function ownList(text: string): { list: WrittenList; remarks: string[] } | undefined {
  try {
    const value = JSON.parse(text) as { entries?: unknown; version?: unknown };
    if (!Array.isArray(value?.entries)) return undefined;
    const { version: _, ...list } = value;
    return { list: list as WrittenList, remarks: [] };
  } catch {
    return undefined;
  }
}
