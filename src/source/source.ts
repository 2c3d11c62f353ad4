import { parseAddress, privacyOf } from "../core/order/address.ts";
import type { Step } from "../core/order/plan.ts";
import { hostOf } from "../http/httpErrors.ts";

/** A source as the transport needs it. */
export interface Source {
  url: string;
  viaProxy: boolean;
}

/**
 * The source of a step. Update Agents and the server are near; a source on the internet may need the proxy.
 */
export function sourceOf(step: Pick<Step, "rule" | "name" | "url">): Source {
  const internet = step.rule === "active-update" || (step.rule === "custom" && step.name === undefined);
  return { url: step.url, viaProxy: internet && !isNearby(new URL(step.url)) };
}

function isNearby(url: URL): boolean {
  const { host, isAddress } = hostOf(url);
  return isAddress ? privacyOf(parseAddress(host)) > 0 : !host.includes(".") || host.endsWith(".localhost");
}
