import { AGENT_PORT } from "../../config/configPath.ts";
import { pushAddresses } from "../../core/fleet/notification/pushAddresses.ts";
import { type PushAnswer, readPushAnswer } from "../../core/fleet/notification/told.ts";
import { toNearsourceError } from "../../errors.ts";
import { toStatusError } from "../../http/httpErrors.ts";
import type { Exchange } from "../../http/smallClient.ts";

/** Longest time (ms) of one attempt at one address, and most bytes of an answer, which has no body. */
const LIMITS = { timeout: 5_000, limit: 4_096 };
/** Codes of a port at which something else than plain HTTP is spoken. */
const NOT_PLAIN = ["CONNECTION_RESET", "HTTP_PROTOCOL", "CONNECTION_FAILED"];

/** An agent that is to be told, and where it may be. */
export interface Receiver {
  addresses: string[];
  /** 0 for one that listens nowhere, null for one that has not said where. */
  port: number | null;
  seenAt: string | null;
}

export interface Pushed {
  answer: PushAnswer;
  /** The error's code, where it could not be reached or refused it. */
  code: string | null;
}

/**
 * Tells an agent, at the first of its addresses that answers as an agent does; over TLS where it listens so. A
 * notification is public, and signed by whom it is from: it does not matter whose certificate answers.
 *
 * @param exchange speaks to anyone over TLS
 * @param body a notification (docs/notification.md), as JSON text
 * @throws NearsourceError INTERRUPTED once `signal` aborts
 */
export async function pushNotice(
  exchange: Exchange,
  { addresses, port, seenAt }: Receiver,
  body: string,
  signal: AbortSignal,
): Promise<Pushed> {
  if (port === 0) return { answer: "unreachable", code: "NOT_LISTENING" };
  let code = "NO_ADDRESS";
  for (const address of pushAddresses(addresses, seenAt)) {
    const host = address.includes(":") ? `[${address}]` : address;
    const place = `//${host}:${port ?? AGENT_PORT}/v1/notify`;
    const request = { method: "POST", url: `http:${place}`, body, ...LIMITS, signal } as const;
    try {
      const { status } = await exchange.send(request).catch((error) => {
        // An agent that listens with TLS hangs up on anything else.
        if (!NOT_PLAIN.includes(toNearsourceError(error).code) || signal.aborted) throw error;
        return exchange.send({ ...request, url: `https:${place}` });
      });
      const answer = readPushAnswer(status);
      if (answer === "refused") return { answer, code: "REFUSED" };
      if (answer !== "unreachable") return { answer, code: null };
      code = toStatusError(status, new URL(request.url)).code;
    } catch (error) {
      if (signal.aborted) throw error;
      code = toNearsourceError(error).code;
    }
  }
  return { answer: "unreachable", code };
}
