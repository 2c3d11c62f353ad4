import type { IncomingHttpHeaders } from "node:http";
import { parseAddress } from "../../core/order/address.ts";
import type { ProblemCode } from "./problem.ts";

const SAFE = ["GET", "HEAD", "OPTIONS"];

/**
 * Why a request is refused for where it comes from: a page of another site in the browser of somebody who
 * is signed in here, or a name that somebody else has made lead to this server (DNS rebinding).
 *
 * @param names hosts that this server is called by, lower case, without port; addresses always count
 * @param byCookie whether it is the browser that says who asks
 */
export function refusalOfOrigin(
  { method, headers }: { method: string; headers: IncomingHttpHeaders },
  names: ReadonlySet<string>,
  byCookie: boolean,
): ProblemCode | undefined {
  const host = hostOf(headers.host);
  if (host === undefined || !(names.has(host) || isAddress(host))) return "HOST_UNKNOWN";
  if (SAFE.includes(method) || !byCookie) return undefined;
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin" || site === "none" ? undefined : "OTHER_SITE";
  // A browser that does not say the site says the origin of whatever changes something.
  const { origin } = headers;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === headers.host
    ? undefined
    : "OTHER_SITE";
}

function hostOf(header: string | undefined): string | undefined {
  if (header === undefined || !URL.canParse(`http://${header}`)) return undefined;
  return new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function isAddress(host: string): boolean {
  try {
    parseAddress(host);
    return true;
  } catch {
    return false;
  }
}
