import { describe, expect, test } from "vitest";
import {
  type Announced,
  countGenuine,
  countMistake,
  isBlocked,
  judge,
  noSenders,
  notifyDelay,
  parseNotification,
  wishDelay,
} from "../../src/tuf/notification.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const timestamp = (signed: object = {}, signatures: unknown = [{ keyid: "a", sig: "00" }]) => ({
  signed: { _type: "timestamp", version: 7, expires: "2026-02-01T00:00:00Z", ...signed },
  signatures,
});

describe("a notification", () => {
  test("is the timestamps of one repository or both", () => {
    const both = parseNotification(
      JSON.stringify({ content: timestamp(), settings: timestamp({ version: 3 }) }),
    );
    expect(both).toMatchObject([
      { repository: "settings", version: 3, keyIds: ["a"] },
      { repository: "content", version: 7, expires: Date.parse("2026-02-01T00:00:00Z") },
    ]);
    expect(parseNotification(JSON.stringify({ content: timestamp(), other: 1 }))).toHaveLength(1);
  });

  test.for([
    ["nothing", ""],
    ["no JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["no repository", "{}"],
    ["null for a timestamp", JSON.stringify({ content: null })],
    ["a root", JSON.stringify({ content: timestamp({ _type: "root" }) })],
    ["a version in quotes", JSON.stringify({ content: timestamp({ version: "8" }) })],
    ["an impossible version", JSON.stringify({ content: timestamp({ version: 1e300 }) })],
    ["an expiry that is none", JSON.stringify({ content: timestamp({ expires: "soon" }) })],
    ["signatures that are no list", JSON.stringify({ content: timestamp({}, {}) })],
    ["a signature that is none", JSON.stringify({ content: timestamp({}, [null]) })],
    ["one timestamp of two", JSON.stringify({ content: timestamp(), settings: {} })],
    ["JSON without end", "[".repeat(60_000)],
  ] as const)("is not %s", ([, text]) => {
    expect(parseNotification(text)).toBeUndefined();
  });
});

describe("a timestamp, before its signatures are looked at,", () => {
  const announced = (changed: Partial<Announced> = {}): Announced => ({
    ...{ repository: "content", version: 8, expires: NOW + 1, keyIds: ["a", "b"], document: {} },
    ...changed,
  });
  const known = { version: 7, keyIds: ["a", "b", "c"], threshold: 2 };

  test.for([
    ["is worth a look when it is newer and could count", {}, known, "check"],
    ["is older when it is what is held", { version: 7 }, known, "older"],
    [
      "is older though it has expired and nobody signed it",
      { version: 1, expires: 0, keyIds: [] },
      known,
      "older",
    ],
    ["is refused when it has expired", { expires: NOW }, known, "refused"],
    ["is refused with keys that nobody trusts", { keyIds: ["x", "y"] }, known, "refused"],
    ["is refused with too few keys", { keyIds: ["a"] }, known, "refused"],
    ["is refused with one key twice", { keyIds: ["a", "a"] }, known, "refused"],
    ["is refused where nothing is trusted", {}, undefined, "refused"],
  ] as const)("%s", ([, changed, trusted, verdict]) => {
    expect(judge(announced(changed as Partial<Announced>), trusted, NOW)).toBe(verdict);
  });
});

test("a notified fleet spreads over the window, and Update Agents begin it", () => {
  expect(notifyDelay(60_000, "agent", 0.5)).toBe(30_000);
  expect(notifyDelay(60_000, "update-agent", 0.5)).toBe(0);
});

test("runs that a server asks for though nothing is new stay five minutes apart, however often it asks", () => {
  expect(wishDelay(7_000, undefined, NOW)).toBe(7_000);
  expect(wishDelay(7_000, NOW - 1_000, NOW)).toBe(299_000);
  expect(wishDelay(7_000, NOW - 300_000, NOW)).toBe(7_000);
  // One is to come still, with which another is one.
  expect(wishDelay(7_000, NOW + 20_000, NOW)).toBe(7_000);
});

describe("mistakes", () => {
  test("of one sender shut it out after twenty at once, until they are forgiven, and nobody else", () => {
    const senders = noSenders();
    for (let count = 0; count < 20; count++) {
      expect(isBlocked(senders, "liar", NOW)).toBe(false);
      countMistake(senders, "liar", NOW);
    }
    expect(isBlocked(senders, "liar", NOW)).toBe(true);
    expect(isBlocked(senders, "other", NOW)).toBe(false);
    expect(isBlocked(senders, "liar", NOW + 1_000)).toBe(false);
  });

  test("of a hundred senders shut out whoever has proven nothing, and not who has", () => {
    const senders = noSenders();
    countGenuine(senders, "server");
    for (let count = 0; count < 100; count++) countMistake(senders, `${count}`, NOW);
    expect(isBlocked(senders, "other", NOW)).toBe(true);
    expect(isBlocked(senders, "server", NOW)).toBe(false);
    expect(isBlocked(senders, "other", NOW + 1_000)).toBe(false);
  });

  test("are remembered of so many senders and no more", () => {
    const senders = noSenders();
    for (let count = 0; count < 100_000; count++) countMistake(senders, `${count}`, NOW);
    for (let count = 0; count < 1_000; count++) countGenuine(senders, `${count}`);
    expect([senders.mistakes.size, senders.proven.size]).toEqual([1_024, 64]);
    expect(senders.mistakes.has("99999")).toBe(true);
  });
});
