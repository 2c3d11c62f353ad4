import pRetry from "p-retry";
import { DISPOSITIONS } from "../core/order/disposition.ts";
import { NearsourceError } from "../errors.ts";
import { RETRY } from "../http/retryAfter.ts";

/** One source's few, short retries: only for errors that a fresh connection often mends. */
export async function retrying<Result>(
  run: { signal: AbortSignal | undefined },
  work: () => Promise<Result>,
): Promise<Result> {
  return await pRetry(work, {
    ...RETRY,
    randomize: true,
    shouldRetry: ({ error }) =>
      error instanceof NearsourceError && DISPOSITIONS[error.code].action === "retry here",
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  });
}
