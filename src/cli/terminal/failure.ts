import { type ErrorCode, explainError, NearsourceError, toNearsourceError } from "../../errors.ts";
import { exitCodeOf } from "./exitCode.ts";
import { printError, printJson } from "./output.ts";

/** The document on stdout in place of a command's own, when --json is given and the command failed. */
export interface FailureDocument {
  error: { code: ErrorCode; message: string; hint?: string };
}

/**
 * Reports the failure of a command, with --json on stdout as well, and returns the exit code for it. A person
 * who interrupted it knows, so stdout stays empty.
 */
export function fail(error: unknown, json = false): number {
  const failure = toNearsourceError(error);
  printError(failure);
  if (json && failure.code !== "INTERRUPTED") printJson(toDocument(failure));
  return exitCodeOf(failure);
}

/** An error as a document: its code, its message with those of its causes, and the hint. */
export function toDocument(failure: NearsourceError): FailureDocument {
  const { code, hint } = failure;
  return { error: { code, message: explainError(failure), ...(hint === undefined ? {} : { hint }) } };
}

/** Whether a command line asks for JSON. It is looked for in the words, as the line may be one that does not parse. */
export function asksForJson(argv: string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? argv.length : end).includes("--json");
}

/**
 * Without certificate checks a source over TLS proves nothing, so such an environment is refused.
 *
 * @throws NearsourceError TLS_CHECKS_DISABLED
 */
export function refuseUncheckedTls(env: NodeJS.ProcessEnv): void {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== "0") return;
  throw new NearsourceError(
    "TLS_CHECKS_DISABLED",
    "NODE_TLS_REJECT_UNAUTHORIZED=0 turns certificate checks off",
    {
      hint: "unset it; for a private certificate authority, set NODE_EXTRA_CA_CERTS to its certificate",
    },
  );
}
