/** Something that ends on a day. */
export interface Expiry {
  /** Part of the site that suffers when it has ended. */
  area: "settings" | "content" | "enrolment" | "access" | "certificate";
  /** Name of it for people, such as `settings timestamp`. */
  what: string;
  /** Milliseconds since the epoch; null where that cannot be said. */
  expires: number | null;
  state: "fine" | "soon" | "ended";
  /** Cause of what is wrong now; null where nothing is. */
  reason: string | null;
  remedy: string;
}

const DAY = 86_400_000;

/** Days before its end from which something is said to end soon: what takes people together takes longer. */
const NOTICE = { root: 90, targets: 60, snapshot: 30, timestamp: 7, token: 14, certificate: 21 };

/** State of something that ends at `expires`. */
export function expiryState(
  expires: number | null,
  now: number,
  notice: keyof typeof NOTICE,
): Expiry["state"] {
  if (expires === null) return "fine";
  if (expires <= now) return "ended";
  return expires - now < NOTICE[notice] * DAY ? "soon" : "fine";
}

/** The kind of notice for a role: those that are delegated live as long as `targets`. */
export function noticeOf(role: string): keyof typeof NOTICE {
  return role === "root" || role === "snapshot" || role === "timestamp" ? role : "targets";
}

/**
 * Whether a timestamp is to be signed again: each day, or four times within a shorter lifetime, so that a
 * failure is known long before agents notice.
 *
 * @param signedAt when it was signed (ms); undefined where it does not say so
 */
export function isResignDue(signedAt: number | undefined, expires: number, now: number): boolean {
  if (signedAt === undefined || signedAt > now) return true;
  return now - signedAt >= Math.min(DAY, (expires - signedAt) / 4);
}
