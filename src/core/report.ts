import type { ErrorCode } from "../errors.ts";
import type { HeldBack } from "./content/chooseRelease.ts";
import type { ContentKind, Kind } from "./content/kind.ts";
import type { Clause, Rule } from "./order/plan.ts";
import type { Trigger } from "./settings/schedule.ts";

/** The output of `update --json` (docs/design.md §6). Times in milliseconds, sizes in bytes. */
export interface Report {
  outcome: "updated" | "current" | "partial" | "exhausted";
  trigger: Trigger;
  exitCode: 0 | 3 | 4 | 8;
  addresses: string[];
  /** The domains of the machine's DNS search list, 32 at most; reports of older programs lack them. */
  dnsSuffixes?: string[];
  sourceList: {
    version: number;
    from: "server" | "cache" | "file" | "none";
    code?: ErrorCode;
    message?: string;
  };
  attempts: Attempt[];
  skipped: Skipped[];
  installed: Installed[];
  /** Components that are no longer published and went with this run, as `kind/name`. */
  removed: string[];
  /** Kinds that no source delivered. */
  undelivered: Kind[];
  /**
   * Undelivered kinds that no source could deliver as things are set up: another run brings none
   * (docs/update-order.md).
   */
  uncovered?: Kind[];
  /**
   * Set when the update was delivered and then taken back, or installed files are damaged for good
   * (STORE_DAMAGED): the outcome is `partial` then, and the exit code 8.
   */
  failure?: { code: ErrorCode; message: string };
  generation: number;
  bytes: number;
  /** Components that are installed after the run, by `kind/name`. */
  components?: { component: string; release: number; version: string }[];
  /** Releases that are not for this agent, or not yet, each with the reason. */
  held?: HeldComponent[];
}

/** A release that is held back, of a component by `kind/name`. */
export interface HeldComponent extends HeldBack {
  component: string;
}

/** Whether a run got all that any source could deliver, which was something, and took nothing back. */
export function isSuccess({ outcome, failure, undelivered, uncovered = [] }: Report): boolean {
  const gotAll = undelivered.every((kind) => uncovered.includes(kind));
  return outcome !== "exhausted" && failure === undefined && gotAll;
}

/** Whether something failed in an attempt: a source that delivered one kind may have failed for another. */
export function hasFailed({ outcome, code }: { outcome: string; code?: string | undefined }): boolean {
  return outcome === "failed" || code !== undefined;
}

/** The outcome of a run, in a word for people. */
export function outcomeWord({ outcome, failure }: Pick<Report, "outcome" | "failure">): string {
  if (failure === undefined) return outcome;
  return failure.code === "STORE_DAMAGED" ? "damaged" : "taken back";
}

/** One try of one source. */
export interface Attempt {
  rule: Rule;
  /** The clause of the update order (docs/update-order.md) that had it tried. */
  clause?: Clause;
  entry?: number;
  name?: string;
  url: string;
  /** The address that answered; absent when none did. */
  address?: string;
  kinds: Kind[];
  delivered: Kind[];
  outcome: "delivered" | "current" | "failed";
  code?: ErrorCode;
  message?: string;
  ms: number;
  /** All bytes that came. */
  bytes: number;
  /** Of these, the bytes that were thrown away: other ones than the signed, or a delta that did not work; absent for none. */
  wasted?: number;
  /**
   * Time (ms) that the name took to resolve, that a TCP connection took (the way to the source and back), and that the
   * first byte of an answer took: the least of each. Absent through a proxy, and where nothing answered.
   */
  dnsMs?: number;
  connectMs?: number;
  firstByteMs?: number;
  /** Time (ms) in which the bytes came. */
  transferMs?: number;
  /** Pseudonym of the Update Agent that the source says it is: nobody has to believe it. */
  servedBy?: string;
  /** Time (ms) spent waiting for this source, and the reason. */
  waited?: { ms: number; for: "filling" | "full" };
  /** The source, an Update Agent, is fetching something newer: it gave the publication before. */
  newerComing?: true;
  /** Ways to a file that failed, after which another way at the same source was taken. */
  setbacks?: Setback[];
}

/** A way to one file that did not lead to it. */
export interface Setback {
  /** `kind/name`. */
  component: string;
  path: string;
  format: string;
  code: ErrorCode;
  message: string;
}

/** A source that was not tried, and why. */
export interface Skipped {
  rule: Rule;
  entry?: number;
  name?: string;
  url?: string;
  reason: string;
}

/** A component, or a settings document, that changed. */
export interface Installed {
  component: string;
  kind: Kind;
  fromVersion?: string;
  /** Absent for a settings document that has no version. */
  toVersion?: string;
  /** `delta` where at least one file came as a difference to an older one. */
  via: "full" | "delta";
  bytes: number;
  /** Bytes of its new files without deltas, by their smallest whole form; of a component alone. */
  whole?: number;
  /** Set where installed files of it were damaged: the same version is installed again. */
  mended?: boolean;
}

/** An event of a run in progress, for a terminal or a log. */
export type UpdateEvent =
  | { type: "waiting"; message: string }
  | { type: "settings"; addresses: string[]; sourceList: Report["sourceList"] }
  | { type: "source"; rule: Rule; name?: string; url: string; kinds: Kind[] }
  | {
      type: "progress";
      component: string;
      kind: ContentKind;
      /** Bytes received of the present object. */
      received: number;
      length: number;
      /** Bytes of all objects that this source is to give. */
      total?: { received: number; length: number };
    }
  | { type: "note"; message: string }
  | { type: "attempt"; attempt: Attempt }
  | { type: "installing"; generation: number }
  | { type: "hook"; program: string };
