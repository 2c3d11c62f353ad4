import { describe, expect, test } from "vitest";
import {
  DISPOSITIONS,
  endsSource,
  isAbsent,
  isLie,
  leavesOtherKinds,
  leavesOtherWays,
} from "../../../src/core/order/disposition.ts";
import { type ErrorCode, PHASE_OF, type Phase } from "../../../src/errors.ts";

type Action = (typeof DISPOSITIONS)[ErrorCode]["action"];

const codes = Object.keys(PHASE_OF) as ErrorCode[];
const codesOf = (phase: Phase) => codes.filter((code) => PHASE_OF[code] === phase);
const dispositionsOf = (phase: Phase) => new Set(codesOf(phase).map((code) => DISPOSITIONS[code].action));

test("every code has a disposition, and nothing else has", () => {
  expect(Object.keys(DISPOSITIONS).sort()).toEqual([...codes].sort());
});

describe("what goes wrong with a source leads to the next one", () => {
  test.for(["resolve", "metadata", "content", "settings"] as const)("in the phase %s", (phase) => {
    expect(dispositionsOf(phase)).toEqual(new Set<Action>(["next source"]));
  });

  test.for(["connect", "request", "transfer"] as const)(
    "in the phase %s, some of it after a retry",
    (phase) => {
      expect(dispositionsOf(phase)).toEqual(new Set<Action>(["next source", "retry here"]));
    },
  );
});

test("only a break that a fresh connection often mends is retried", () => {
  const retried = codes.filter((code) => DISPOSITIONS[code].action === "retry here");
  expect(retried.sort()).toEqual(["CONNECTION_RESET", "HTTP_SERVER_ERROR", "TRUNCATED"]);
});

test("what stops the run ends the run, and nothing else does", () => {
  const ending = codes.filter((code) => DISPOSITIONS[code].ends === "run");
  expect(ending).toEqual(codes.filter((code) => DISPOSITIONS[code].action === "stop"));
});

test("a busy source is not retried", () => {
  expect(DISPOSITIONS.SOURCE_BUSY.action).toBe("next source");
});

test.for(["usage", "configuration", "lock", "storage", "install", "publish", "internal"] as const)(
  "what no other source can mend stops the run: the phase %s",
  (phase) => {
    expect(dispositionsOf(phase)).toEqual(new Set<Action>(["stop"]));
  },
);

test("a lie is what shows other bytes than were signed, and nothing that merely failed", () => {
  expect(codes.filter(isLie).sort()).toEqual(["HASH_MISMATCH", "METADATA_MISMATCH", "SIGNATURE_INVALID"]);
});

test("a source that refused one object is asked for another way to the file, and one that lied is not", () => {
  const refused = ["HTTP_NOT_FOUND", "HTTP_FORBIDDEN", "HTTP_STATUS", "DELTA_FAILED"] as const;
  expect(refused.every(leavesOtherWays)).toBe(true);
  const others = codes.filter((code) => endsSource(code) && !refused.some((each) => each === code));
  expect(others.filter(leavesOtherWays)).toEqual([]);
});

describe("for the rest of the run a source is done with", () => {
  const lacking: ErrorCode[] = [
    "HTTP_NOT_FOUND",
    "HTTP_FORBIDDEN",
    "HTTP_STATUS",
    "MANIFEST_INVALID",
    "RELEASE_UNAVAILABLE",
    "NOT_OFFERED",
    "DELTA_FAILED",
    "METADATA_EXPIRED",
    "METADATA_OLDER",
    "SOURCE_LIST_INVALID",
    "POLICY_INVALID",
    "SETTINGS_INVALID",
  ];

  test.for(codes.filter((code) => DISPOSITIONS[code].action !== "stop"))(
    "after %s, unless it lacked one thing",
    (code) => {
      expect(endsSource(code)).toBe(!lacking.includes(code));
    },
  );

  test("after any lie", () => {
    for (const code of codes.filter(isLie)) expect(endsSource(code), code).toBe(true);
  });
});

test("a source that is there and has not what was asked is told from one that failed", () => {
  expect(codes.filter(isAbsent).sort()).toEqual(["HTTP_FORBIDDEN", "HTTP_NOT_FOUND", "NOT_OFFERED"]);
});

describe("a source at which one kind failed is asked for the others", () => {
  test("after any answer, also one that is a lie", () => {
    const answers = [...codesOf("metadata"), ...codesOf("content"), ...codesOf("settings")];
    const requests = ["HTTP_NOT_FOUND", "HTTP_FORBIDDEN", "HTTP_STATUS", "HTTP_SERVER_ERROR"] as const;
    for (const code of [...answers, ...requests, ...codes.filter(isLie)])
      expect(leavesOtherKinds(code), code).toBe(true);
  });

  test("and not where it cannot be reached, is busy, or falls silent", () => {
    const silent = ["RESPONSE_TIMEOUT", "SOURCE_BUSY", "STALLED", "TOO_SLOW", "TRUNCATED"] as const;
    for (const code of [...codesOf("resolve"), ...codesOf("connect"), ...silent])
      expect(leavesOtherKinds(code), code).toBe(false);
  });
});
