import { promises as fs } from "node:fs";
import { expect, test } from "vitest";
import { explainError, NearsourceError } from "../src/errors.ts";

test("an error says what was wrong and why, each once", () => {
  const cause = new Error("outer", { cause: new Error("inner", { cause: new Error("outer") }) });
  const error = new NearsourceError("CONFIG_INVALID", "no good", { cause });
  expect(explainError(error)).toBe("no good: outer: inner");
});

test("causes that come back to where they began are told once", () => {
  const [one, other] = [new Error("one"), new Error("other")];
  one.cause = other;
  other.cause = one;
  expect(explainError(one)).toBe("one: other");
});

test("the system's own error is told in words, and does not repeat the file that is named already", async () => {
  const cause = await fs.readFile("/nowhere/list.json").catch((error) => error);
  const error = new NearsourceError("SOURCE_LIST_INVALID", "cannot read /nowhere/list.json", { cause });
  expect(explainError(error)).toBe("cannot read /nowhere/list.json: no such file or directory (ENOENT)");
  const elsewhere = new NearsourceError("SOURCE_LIST_INVALID", "cannot read the list", { cause });
  expect(explainError(elsewhere)).toBe(
    "cannot read the list: /nowhere/list.json: no such file or directory (ENOENT)",
  );
  const moved = await fs.rename("/nowhere/a", "/nowhere/b").catch((error) => error);
  expect(explainError(moved)).toContain("-> '/nowhere/b'");
});

test("what a source or a file said cannot drive the terminal it is shown on", () => {
  const cause = new Error("got \u001b]0;owned\u0007\nand\r\nmore\u202e");
  const error = new NearsourceError("METADATA_MALFORMED", "\u001b[31mred", { cause });
  expect(error.message).toBe("\\u001b[31mred");
  expect(explainError(error)).toBe("\\u001b[31mred: got \\u001b]0;owned\\u0007 and more\\u202e");
});
