/**
 * The one error class, the closed union of its codes, and the phases of an update.
 *
 * A code is stable: scripts and dashboards match on it. Codes are added, never renamed or reused.
 * `docs/errors.md` has a row for each (a test holds it to this list, both ways), and
 * `core/order/disposition.ts` has the effect of each on a run.
 */

/** The phase of the work in which something failed. */
export type Phase =
  | "usage"
  | "configuration"
  | "settings"
  | "lock"
  | "resolve"
  | "connect"
  | "request"
  | "transfer"
  | "metadata"
  | "content"
  | "storage"
  | "install"
  | "publish"
  | "server"
  | "internal";

/** Every code there is, with the phase it belongs to. */
export const PHASE_OF = {
  USAGE: "usage",
  CONFIG_INVALID: "configuration",
  CONFIG_NOT_FOUND: "configuration",
  FILE_UNSAFE: "configuration",
  TLS_CHECKS_DISABLED: "configuration",
  TRUST_ROOT_INVALID: "configuration",
  CLOCK_BEHIND: "configuration",
  SOURCE_LIST_INVALID: "settings",
  POLICY_INVALID: "settings",
  SETTINGS_INVALID: "settings",
  LOCKED: "lock",
  DNS_NOT_FOUND: "resolve",
  DNS_NO_ADDRESS: "resolve",
  DNS_SERVER_FAILURE: "resolve",
  DNS_TIMEOUT: "resolve",
  DNS_MALFORMED: "resolve",
  CONNECTION_REFUSED: "connect",
  CONNECTION_TIMEOUT: "connect",
  CONNECTION_RESET: "connect",
  HOST_UNREACHABLE: "connect",
  CONNECTION_FAILED: "connect",
  ADDRESS_REFUSED: "connect",
  SOURCE_IS_SELF: "connect",
  TLS_CERTIFICATE: "connect",
  TLS_FAILED: "connect",
  PROXY_FAILED: "connect",
  RESPONSE_TIMEOUT: "request",
  HTTP_PROTOCOL: "request",
  HTTP_STATUS: "request",
  HTTP_FORBIDDEN: "request",
  HTTP_NOT_FOUND: "request",
  HTTP_SERVER_ERROR: "request",
  SOURCE_BUSY: "request",
  REDIRECT_REFUSED: "request",
  ENCODING_REFUSED: "request",
  RANGE_INVALID: "request",
  STALLED: "transfer",
  TOO_SLOW: "transfer",
  TRUNCATED: "transfer",
  LENGTH_MISMATCH: "transfer",
  HASH_MISMATCH: "transfer",
  METADATA_TOO_LARGE: "metadata",
  METADATA_MALFORMED: "metadata",
  METADATA_MISMATCH: "metadata",
  METADATA_OLDER: "metadata",
  METADATA_EXPIRED: "metadata",
  SIGNATURE_INVALID: "metadata",
  MANIFEST_INVALID: "content",
  RELEASE_UNAVAILABLE: "content",
  NOT_OFFERED: "content",
  DELTA_FAILED: "content",
  DISK_FULL: "storage",
  STORAGE_UNWRITABLE: "storage",
  STORAGE_UNSAFE: "storage",
  STORAGE_FAILED: "storage",
  STORE_DAMAGED: "storage",
  GENERATION_NOT_FOUND: "install",
  HOOK_FAILED: "install",
  REPOSITORY_EXISTS: "publish",
  REPOSITORY_INVALID: "publish",
  REPOSITORY_INPUT_INVALID: "publish",
  KEY_INVALID: "publish",
  THRESHOLD_NOT_MET: "publish",
  SERVER_EXISTS: "server",
  DATABASE_NEWER: "server",
  SERVER_REFUSED: "server",
  INTERRUPTED: "internal",
  UNEXPECTED: "internal",
} as const satisfies Record<string, Phase>;

export type ErrorCode = keyof typeof PHASE_OF;

/**
 * The error of this program. `message` has the fault and its place, lower case and without a full stop;
 * `hint` has the remedy; the cause is never repeated inside the message.
 */
export class NearsourceError extends Error {
  override readonly name = "NearsourceError";
  readonly code: ErrorCode;
  readonly phase: Phase;
  readonly hint: string | undefined;
  /**
   * The faults a document was refused for, each with its place; they are in `message` as well, after
   * `summary`.
   */
  readonly faults: string[];
  /** `message` without the faults. */
  readonly summary: string;

  constructor(
    code: ErrorCode,
    summary: string,
    options: { hint?: string | undefined; cause?: unknown; faults?: string[] } = {},
  ) {
    const { hint, cause, faults = [] } = options;
    const message = faults.length === 0 ? summary : `${summary}: ${faults.join("; ")}`;
    super(onOneLine(message), cause === undefined ? undefined : { cause });
    this.code = code;
    this.phase = PHASE_OF[code];
    this.hint = hint;
    this.faults = faults.map(onOneLine);
    this.summary = onOneLine(summary);
  }
}

/** The description of `error`, as one line: its own message and those of its causes, each once. */
export function explainError(error: unknown): string {
  const parts: string[] = [];
  for (const each of causesOf(error)) {
    const message = onOneLine(each instanceof Error ? wordsOf(each, parts) : String(each));
    if (message !== "" && !parts.some((part) => part.includes(message))) parts.push(message);
  }
  return parts.join(": ");
}

/** Most causes shown; those behind them say nothing more. */
const MOST_CAUSES = 32;

/** `error` and its causes, outermost first. A chain that comes back to itself ends there. */
export function causesOf(error: unknown): unknown[] {
  const found = new Set<unknown>();
  for (let current = error; current !== undefined && current !== null && !found.has(current); ) {
    if (found.size === MOST_CAUSES) break;
    found.add(current);
    current = current instanceof Error ? current.cause : undefined;
  }
  return [...found];
}

/** An error of a system call, with the fields that Node gives it. */
type SystemError = Error & { code?: string; path?: string; syscall?: string };

/** The system's own errors without their call, and without the path where `before` has named it. */
function wordsOf(error: Error, before: string[]): string {
  const { code, path, message } = error as SystemError;
  const ofPort = /^listen [A-Z]+: (.+?)(?: \S+)?$/.exec(message)?.[1];
  if (ofPort !== undefined) return `${ofPort} (${code})`;
  const words = path === undefined ? undefined : /^[A-Z]+: ([^,]+), [a-z]+ '(?!.*' -> ')/.exec(message)?.[1];
  if (path === undefined || words === undefined) return message;
  return before.some((part) => part.includes(path)) ? `${words} (${code})` : `${path}: ${words} (${code})`;
}

/**
 * `text` as one line that drives no terminal: texts of a source, a file, a hook or a library may hold any
 * character.
 */
export function onOneLine(text: string): string {
  const lines = text.split(/[\r\n]/).map((line) => line.trim());
  return lines
    .filter((line) => line !== "")
    .join(" ")
    .replaceAll(CONTROLS, escapeCharacter);
}

/** Characters that drive a terminal, or that change how the text around them is shown. */
export const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** `\u001b` for an escape character; beyond U+FFFF a pair of them, as in JSON (RFC 8259 §7). */
export function escapeCharacter(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** `error` itself when it is one of ours, else an `UNEXPECTED` with it as the cause. */
export function toNearsourceError(error: unknown): NearsourceError {
  if (error instanceof NearsourceError) return error;
  if ((error as SystemError | undefined)?.syscall === "uv_cwd") {
    return new NearsourceError("USAGE", "the folder that this was started in is gone", {
      hint: "start it in one that is there",
    });
  }
  return new NearsourceError("UNEXPECTED", "unexpected failure", {
    cause: error,
    hint: "this is a bug: please report it with the log of this run",
  });
}
