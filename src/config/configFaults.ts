import * as v from "valibot";
import { type Fault, placeOf } from "../core/document.ts";

/** A fault at one place of a configuration. */
export interface ConfigFault {
  path: Fault["path"];
  /** The fault there. */
  reason: string;
  /** The same with its key, as it is written: `"http.minRate" must be 0 or more`. */
  line: string;
}

/**
 * Reads a configuration as it was written, by its schema. Faults of its shape are reported alone: the meaning
 * is read once the shape is right.
 */
export function readBySchema<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): { output: v.InferOutput<Schema>; faults: [] } | { output: undefined; faults: ConfigFault[] } {
  const { success, output, issues = [] } = v.safeParse(schema, value);
  if (success) return { output, faults: [] };
  // A missing key is reported with the section that needs it.
  const found = issues.filter(({ received }) => received !== "undefined");
  const inShape = found.filter(({ kind }) => kind !== "transformation");
  return { output: undefined, faults: (inShape.length > 0 ? inShape : found).map(faultOf) };
}

function faultOf({ path = [] as never, message }: v.BaseIssue<unknown>): ConfigFault {
  const places = path.map(({ key }) => key as string | number);
  const key = placeOf(places);
  const [mark] = message;
  const reason = mark === "!" || mark === ":" ? message.slice(1) : message;
  const lead = mark === "!" ? `"${key}": ` : mark === ":" ? `${key}: ` : `"${key}" `;
  return { path: places, reason, line: `${lead}${reason}` };
}
