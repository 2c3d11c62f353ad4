import { expect, test } from "vitest";
import { sentenceOf } from "../../src/console/records/auditSentence.ts";
import { allRoutes } from "../../src/server/allRoutes.ts";

test("every operation of the audit log is said in words, never by its code", () => {
  const operations = new Set(allRoutes.map(({ audit }) => audit).filter((audit) => audit !== "none"));
  expect(operations.size).toBeGreaterThan(30);
  for (const operation of operations) {
    expect(sentenceOf({ operation, subject: "x" })).not.toMatch(new RegExp(`^${operation}\\b`));
  }
});

test("a subject is said by the name that was noted, else as it is", () => {
  const deleted = { operation: "deleteAgent", subject: "Zy", detail: { name: "pc-1" } };
  expect(sentenceOf(deleted)).toBe("Deleted the agent pc-1");
  expect(sentenceOf({ ...deleted, detail: null })).toBe("Deleted the agent Zy");
});
