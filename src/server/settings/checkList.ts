import { type Fault, findFaults, placeOf } from "../../core/document.ts";
import type { FleetEffect } from "../../core/fleet/effect.ts";
import { parseSourceList, sourceListSchema } from "../../core/order/sourceList.ts";
import { type Finding, reviewFields, reviewSourceList } from "../../core/order/sourceListReview.ts";
import type { Context } from "../context.ts";
import { effectOfChange } from "./fleetChange.ts";

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
  const faults = findFaults(sourceListSchema, written).map(asError);
  const odd = reviewFields(written).map(asWarning);
  if (faults.length > 0) return { findings: [...faults, ...odd], effect: null };
  const list = parseSourceList(written);
  const effect = await effectOfChange(context, { list });
  return { findings: [...odd, ...reviewSourceList(list).map(asWarning)], effect };
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
