import * as v from "valibot";
import type { Repository } from "../../core/content/layout.ts";
import type { Report } from "../../core/report.ts";
import type { Trigger } from "../../core/settings/schedule.ts";
import type { ErrorCode } from "../../errors.ts";

/** The newest timestamp of a repository that is held: its version, and until when it is young. */
export interface HeldTimestamp {
  version: number;
  /** ISO 8601: when half of its life is over. */
  youngUntil: string;
}

/**
 * The data that an agent keeps between runs, in `<dataDir>/state.json`. It can be lost: holds of this agent
 * are gone then, and the record of the last runs.
 */
export interface State {
  /** Names this agent to the server, and in `settings/update-agents.json`; empty before there is one. */
  agentId: string;
  /** Newest time that signed metadata has shown, ISO 8601: the clock is never believed to be before it. */
  clockFloor?: string;
  /** Time when each repository was last confirmed to be current, ISO 8601. */
  fresh: { content?: string; settings?: string };
  /** Releases that a failed hook or a rollback put away, by `kind/name`; a higher one lifts the hold. */
  failed: Record<string, number>;
  /** Names in `failed` whose releases a rollback put away. */
  rolledBack?: string[];
  /** The last generation that the hook was run for, with success. */
  announced?: number;
  /** Time when the installed set was last hashed by a run, and is to be again, ISO 8601 (`verifyEvery`). */
  verified?: string;
  verifyDue?: string;
  /** When a release that is held back is for this agent, ISO 8601 (docs/releases.md). */
  stageDue?: string;
  /** ETag of the trusted timestamp, by repository, version and source: `content 7 http://ua:21112`. */
  etags: Record<string, string>;
  /** The newest timestamp held of each repository. */
  timestamps?: Partial<Record<Repository, HeldTimestamp>>;
  lastRun?: LastRun;
  /** The text of the configuration that the last run went by, and the program's version. */
  ranBy?: { version: string; config: string } | undefined;
  /** Time of the last run that got all it wanted, ISO 8601. */
  lastSuccess?: string;
  /** The last run, where it ended without a report. */
  lastFailure?: LastFailure;
}

export interface LastRun {
  started: string;
  ended: string;
  report: Report;
}

/** A run that was stopped, or that met an error no source can mend. */
export interface LastFailure {
  trigger: Trigger;
  started: string;
  ended: string;
  code: ErrorCode;
  message: string;
  hint?: string | undefined;
}

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
/** Characters of a request's header; any other would fail every request to that source. */
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
  stageDue: v.optional(time),
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
      // A report is only shown again: only the fields needed for that are checked.
      report: v.looseObject({
        generation: v.pipe(v.number(), v.safeInteger()),
        bytes: v.number(),
        attempts: v.array(v.looseObject({ url: v.string(), delivered: v.array(v.string()) })),
      }),
    }),
  ),
});
