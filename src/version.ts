/** This program's version; test/package.test.ts holds it to package.json. */
export const VERSION = "0.1.0";

/** Time of its release: no clock can rightly be before it. ISO 8601. */
export const RELEASED = "2026-11-23T00:00:00Z";
