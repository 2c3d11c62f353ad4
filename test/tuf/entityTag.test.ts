import { expect, test } from "vitest";
import { lastingTag } from "../../src/tuf/entityTag.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toUTCString();
const etag = '"5f-200"';

test.each([
  ["nothing says when it was changed", {}, true],
  ["it was changed two seconds before", { date: at(7), "last-modified": at(5) }, true],
  ["it was changed the second before", { date: at(6), "last-modified": at(5) }, false],
  ["it was changed in the same second", { date: at(5), "last-modified": at(5) }, false],
  ["it is from the future", { date: at(5), "last-modified": at(9) }, false],
  ["nothing says when it was sent", { "last-modified": at(5) }, false],
  ["what it says is no date", { date: "now", "last-modified": "a while ago" }, false],
])("an entity tag, where %s, is asked with again: %s", (_, headers, lasts) => {
  expect(lastingTag({ etag, ...headers })).toBe(lasts ? etag : undefined);
});

test("where there is no entity tag, nothing is asked with", () => {
  expect(lastingTag({ date: at(7), "last-modified": at(5) })).toBeUndefined();
});
