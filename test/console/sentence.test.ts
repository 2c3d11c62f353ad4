import * as fc from "fast-check";
import { expect, test } from "vitest";
import { byRows, partsOf, plain } from "../../src/console/ui/sentence.ts";

test("a sentence's marks become its parts", () => {
  expect(partsOf("**97 agents** do not; see `update` and [who](deviating).")).toEqual([
    { as: "strong", text: "97 agents" },
    { as: "text", text: " do not; see " },
    { as: "code", text: "update" },
    { as: "text", text: " and " },
    { as: "link", text: "who", to: "deviating" },
    { as: "text", text: "." },
  ]);
});

test("nothing of a sentence is lost, and nothing that an agent says is taken for a mark", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(partsOf(plain(text)).every(({ as }) => as === "text")).toBe(true);
      const shown = partsOf(plain(text))
        .map((part) => part.text)
        .join("");
      expect(shown.replaceAll("\u2060", "")).toBe(text.replaceAll("\u2060", ""));
    }),
  );
});

test("places of a list are said as its rows are numbered on the screen", () => {
  expect(byRows("entries[0].range")).toBe("range of entry 1");
  expect(byRows("repeats http://ua of entries[11] for addresses")).toBe(
    "repeats http://ua of entry 12 for addresses",
  );
  expect(byRows(plain("covered by entries[1], entries[2]"))).toBe("covered by entry 2, entry 3");
  expect(byRows("serverFallback.kinds")).toBe("serverFallback.kinds");
});
