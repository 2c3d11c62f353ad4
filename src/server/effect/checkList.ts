import { type Fault, findFaults, placeOf } from "../../core/document.ts";
import type { FleetEffect } from "../../core/fleet/effect.ts";
import { parseSourceList, sourceListSchema } from "../../core/order/sourceList.ts";
import { type Finding, reviewFields, reviewSourceList } from "../../core/order/sourceListReview.ts";
import type { Context } from "../context.ts";
import { askFleet } from "./fleetProcess.ts";

/** Something wrong or odd about a source list, for people and for pages. */
export interface ListFinding {
  level: "error" | "warning";
  /** Index of the entry; null for the list as a whole. */
  entry: number | null;
  /** Within the entry, or the list. */
  field: string;
  message: string;
}

/** A list that was looked at: what is odd about it and, where it is valid, its effect. */
export interface CheckedList {
  findings: ListFinding[];
  effect: FleetEffect | null;
}

/** Looks at a list as it was written, and at what it would do to the whole fleet. */
export async function checkList(context: Context, written: unknown): Promise<CheckedList> {
  const findings = reviewList(written);
  if (findings.some(({ level }) => level === "error")) return { findings, effect: null };
  const list = written as Record<string, unknown>;
  return { findings, effect: await askFleet(context, { effectOf: { list } }) };
}

/** Faults and oddities of a list as it was written. */
export function reviewList(written: unknown): ListFinding[] {
  const faults = findFaults(sourceListSchema, written).map(asError);
  const odd = reviewFields(written).map(asWarning);
  if (faults.length > 0) return [...faults, ...odd];
  return [...odd, ...reviewSourceList(parseSourceList(written)).map(asWarning)];
}

function asError({ path, error }: Fault): ListFinding {
  const [first, entry, ...rest] = path;
  const ofEntry = first === "entries" && typeof entry === "number";
  return {
    level: "error",
    entry: ofEntry ? entry : null,
    field: placeOf(ofEntry ? rest : path),
    message: error.message.replace(`${placeOf(path)}: `, "").replace(`${placeOf(path)} `, ""),
  };
}

function asWarning({ entry, remark }: Finding): ListFinding {
  return { level: "warning", entry: entry ?? null, field: "", message: remark };
}
