/** Answers of an API are no pages: a browser that is led to one shows, runs and frames nothing of it. */
const NOTHING = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];

/** Header fields of an answer that is no page. */
export const NO_PAGE = {
  "content-security-policy": NOTHING.join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/** A year (s), as browsers ask for before they list a site (RFC 6797). */
const YEAR = 31_536_000;

/**
 * Options of helmet for an API.
 *
 * @param secure it is reached over TLS, and browsers are to come no other way
 */
export function helmetOptions(secure: boolean) {
  return {
    contentSecurityPolicy: false,
    strictTransportSecurity: secure && { maxAge: YEAR, includeSubDomains: false },
    referrerPolicy: { policy: "no-referrer" },
  } as const;
}
