import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { admitLine, noLines } from "../../src/core/lineLimit.ts";

describe("lines that are alike", () => {
  test("are said ten times a minute, and then counted", () => {
    const limit = noLines();
    const said = Array.from({ length: 300 }, (_, at) => admitLine(limit, `object ${at}: not found`, at));
    expect(said.filter(({ isAdmitted }) => isAdmitted)).toHaveLength(10);
    const { isAdmitted, before } = admitLine(limit, "object 300: not found", 60_000);
    expect(isAdmitted).toBe(true);
    expect(before).toEqual(["290 more lines were left out that are like: object 0: not found"]);
    expect(admitLine(limit, "object 301: not found", 60_001).before).toEqual([]);
  });

  test("do not take the place of others", () => {
    const limit = noLines();
    for (let at = 0; at < 100; at++) admitLine(limit, "the same", 0);
    expect(admitLine(limit, "another", 0).isAdmitted).toBe(true);
    expect(admitLine(limit, "the same", 0).isAdmitted).toBe(false);
  });

  test("are those with other numbers and hashes", () => {
    const limit = noLines();
    for (let at = 0; at < 100; at++) {
      const hash = createHash("sha256").update(String(at)).digest("hex");
      const line = `filling ${hash.slice(0, 12)}…: http://ua:21112/objects/${hash} was not found`;
      expect(admitLine(limit, line, 0).isAdmitted).toBe(at < 10);
    }
  });

  test("are all those that come beyond two hundred kinds a minute: no stranger fills the memory, or the disk", () => {
    const limit = noLines();
    const word = (at: number) =>
      at.toString(26).replaceAll(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "");
    const said = Array.from(
      { length: 5_000 },
      (_, at) => admitLine(limit, `unlike ${word(at)}`, 0).isAdmitted,
    );
    expect(said.filter(Boolean).length).toBeLessThanOrEqual(210);
    expect(limit.alike.size).toBeLessThanOrEqual(201);
  });
});
