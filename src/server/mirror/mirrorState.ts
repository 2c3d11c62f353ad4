import type { ErrorCode } from "../../errors.ts";
import type { Verified } from "./verifyObjects.ts";

/** The last look that came to its end. */
export interface Looked {
  /** When it ended (ms since the epoch). */
  at: number;
  outcome: "newer" | "nothing newer" | "failed";
  /** Bytes that it received. */
  received: number;
}

/** State of the mirror. Times in milliseconds since the epoch, sizes in bytes. */
export interface MirrorState {
  /** Base URL of ActiveUpdate; null where there is none to mirror, or no root to verify it by. */
  source: string | null;
  /** Time (ms) from one look to the next; null while it is paused. */
  every: number | null;
  components: string[] | null;
  /** Time (ms) from one time that all files are read through to the next; null for when a person asks for it. */
  verifyEvery: number | null;
  /** Result of the last time; null before the first. */
  verified: Verified | null;
  isRunning: boolean;
  /** The last look since this server was started; null before the first. */
  looked: Looked | null;
  /** When the next is due; null while one is under way, and where none is. */
  nextAt: number | null;
  /** Version of the timestamp that is published. */
  version: number | null;
  /** When the vendor was last known to have nothing newer. */
  confirmedAt: number | null;
  /** Time (ms) since then. */
  age: number | null;
  error: { code: ErrorCode; message: string; at: number } | null;
  /** Objects of the publication that are here, and their size. */
  objects: number;
  bytes: number;
  /** Objects of older releases that the vendor names and does not have. */
  absent: number;
  /** Of the transfer under way, what came and what is needed; null while there is none. */
  filling: { received: number; needed: number } | null;
  /** Bytes received since the server was started. */
  received: number;
}
