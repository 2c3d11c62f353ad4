import * as v from "valibot";
import type { State } from "./state.ts";

/**
 * A state as it stands on disk; undefined for a damaged one. Read without conf: at every start, only to be
 * read, the file is not worth loading it.
 */
export function parseState(bytes: Buffer | undefined): State | undefined {
  try {
    const stored = v.safeParse(stateSchema, JSON.parse(bytes?.toString() ?? ""));
    return stored.success ? (stored.output as unknown as State) : undefined;
  } catch {
    return undefined;
  }
}

const text = v.pipe(v.string(), v.minLength(1));
const time = v.pipe(
  text,
  v.check((value) => !Number.isNaN(Date.parse(value))),
);
/** What can stand in a request's header; anything else would fail every request to that source. */
const headerValue = v.pipe(v.string(), v.regex(/^[\t\x20-\x7e\x80-\xff]*$/));
const heldTimestamp = v.object({ version: v.pipe(v.number(), v.safeInteger()), youngUntil: time });
const stateSchema = v.object({
  agentId: text,
  clockFloor: v.optional(time),
  fresh: v.object({ content: v.optional(time), settings: v.optional(time) }),
  failed: v.record(v.string(), v.pipe(v.number(), v.safeInteger())),
  rolledBack: v.optional(v.array(v.string())),
  announced: v.optional(v.pipe(v.number(), v.safeInteger())),
  verified: v.optional(time),
  verifyDue: v.optional(time),
  etags: v.record(v.string(), headerValue),
  timestamps: v.optional(
    v.object({ content: v.optional(heldTimestamp), settings: v.optional(heldTimestamp) }),
  ),
  ranBy: v.optional(v.object({ version: v.string(), config: v.string() })),
  lastSuccess: v.optional(time),
  lastFailure: v.optional(
    v.object({
      ...{ trigger: v.picklist(["manual", "schedule", "notify"]), started: time, ended: time },
      ...{ code: text, message: v.string(), hint: v.optional(v.string()) },
    }),
  ),
  lastRun: v.optional(
    v.object({
      started: time,
      ended: time,
      // A report is only shown again: no more of it is looked at than what is needed for that.
      report: v.looseObject({
        generation: v.pipe(v.number(), v.safeInteger()),
        bytes: v.number(),
        attempts: v.array(v.looseObject({ url: v.string(), delivered: v.array(v.string()) })),
      }),
    }),
  ),
});
