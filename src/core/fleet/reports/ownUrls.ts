import { parseSourceUrl } from "../../order/sourceList.ts";
import type { ReportSummary } from "./reportSummary.ts";

/** URLs under which others reach an agent. */
export interface OwnUrls {
  /** By its configuration (`relay.publicUrls`). */
  said: string[];
  /** Those of the list that it found to be itself: through a translated address, a proxy, another name. */
  found: string[];
}

/** URLs of an agent that are kept, of each sort. */
export const MOST_OWN_URLS = 8;

/** URLs of an agent after one more report. What it found stays until it found otherwise. */
export function ownUrlsAfter(
  before: OwnUrls | null,
  { publicUrls, selfUrls, otherUrls }: Pick<ReportSummary, "publicUrls" | "selfUrls" | "otherUrls">,
): OwnUrls | null {
  const said = publicUrls === undefined ? (before?.said ?? []) : publicUrls.flatMap(readUrl);
  const kept = (before?.found ?? []).filter((url) => !otherUrls.includes(url));
  const found = [...new Set([...selfUrls, ...kept])].slice(0, MOST_OWN_URLS);
  return said.length + found.length === 0 ? null : { said: said.slice(0, MOST_OWN_URLS), found };
}

/** In its one spelling; text that is no URL counts for nothing. */
function readUrl(text: string): string[] {
  try {
    return [parseSourceUrl(text)];
  } catch {
    return [];
  }
}
