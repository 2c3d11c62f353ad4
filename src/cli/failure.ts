import { NearsourceError, toNearsourceError } from "../errors.ts";
import { exitCodeOf } from "./exitCode.ts";
import { printError } from "./output.ts";

/** Says what failed a command, and returns the exit code for it. */
export function fail(error: unknown): number {
  const failure = toNearsourceError(error);
  printError(failure);
  return exitCodeOf(failure);
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
