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

test.each([
  ["createEnrolmentToken", { domain: "berlin" }, "Made an enrolment token for the domain berlin"],
  ["createNotification", { target: { all: true } }, "Notified agents: all of them"],
  ["createNotification", { target: { domain: "lyon" } }, "Notified agents: those of lyon"],
  ["createNotification", { target: { agents: ["a", "b"] } }, "Notified agents: 2 by name"],
])("%s of %j is said without an id", (operation, detail, said) => {
  expect(sentenceOf({ operation, subject: "Zy", detail })).toBe(said);
});

test("a subject is said by the name that was noted, else as it is", () => {
  const deleted = { operation: "deleteAgent", subject: "Zy", detail: { name: "pc-1" } };
  expect(sentenceOf(deleted)).toBe("Deleted the agent pc-1");
  expect(sentenceOf({ ...deleted, detail: null })).toBe("Deleted the agent Zy");
});
