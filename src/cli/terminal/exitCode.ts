import type { ErrorCode, NearsourceError, Phase } from "../../errors.ts";

/** Exit codes by phase (docs/design.md §6); `BY_CODE` has the exceptions. */
const BY_PHASE: Record<Phase, number> = {
  usage: 2,
  configuration: 6,
  settings: 6,
  lock: 5,
  resolve: 4,
  connect: 4,
  request: 4,
  transfer: 4,
  metadata: 4,
  content: 4,
  storage: 7,
  install: 8,
  publish: 2,
  server: 6,
  internal: 1,
};

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  TRUST_ROOT_INVALID: 8,
  CLOCK_BEHIND: 8,
  STORE_DAMAGED: 8,
  REPOSITORY_INVALID: 8,
  GENERATION_NOT_FOUND: 2,
  INTERRUPTED: 130,
};

/** The exit code of a command that ended with `error`. */
export function exitCodeOf(error: NearsourceError): number {
  return BY_CODE[error.code] ?? BY_PHASE[error.phase];
}
