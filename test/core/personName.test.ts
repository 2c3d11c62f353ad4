import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faultOfName, likenessOf, plainName } from "../../src/core/personName.ts";

describe("a name", () => {
  test.for([
    ["Ada Lovelace"],
    ["Иванова Анна"],
    ["Ελένη"],
    ["山田 太郎"],
    ["Ada Иванова"],
    ["o'brien-2 (night)"],
    ["José"],
  ])("like %s stays as it is", ([name = ""]) => {
    expect([plainName(name), faultOfName(name)]).toEqual([name, undefined]);
  });

  test.for([
    ["zero width", "a\u200bda"],
    ["right to left", "ada\u202egnp"],
    ["control", "ada\u0007"],
    ["soft hyphen", "a\u00adda"],
    ["Hangul filler", "ada\u3164"],
    ["variation selector", "ada\ufe0f"],
    ["blank of Braille", "ada\u2800"],
    ["tag", "ada\u{e0041}"],
    ["of nothing", "   "],
    ["accent on nothing", "\u0301ada"],
    ["of two alphabets", "аda"],
    ["too long once it is plain", "\ufdfa".repeat(20)],
  ])("with %s is refused", ([, name = ""]) => {
    expect(faultOfName(plainName(name))).toBeTypeOf("string");
  });

  test.for([
    ["ADA", "ada"],
    ["ａｄａ", "ada"],
    [" ada ", "ada"],
    ["сосо", "coco"],
    ["adm1n", "admin"],
    ["ALICE", "aIice"],
    ["r00t", "root"],
    ["straße", "STRASSE"],
  ])("%s looks like %s", ([one = "", other = ""]) => {
    expect(likenessOf(one)).toBe(likenessOf(other));
  });

  test("of other letters looks like no other", () => {
    const names = ["ada", "adam", "eve", "José", "Jose", "山田", "山本", "ci", "cd"];
    expect(new Set(names.map(likenessOf)).size).toBe(names.length);
  });

  test("is plain once it was made plain, and looks then as it did", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (typed) => {
        const name = plainName(typed);
        expect(plainName(name)).toBe(name);
        expect(likenessOf(name)).toBe(likenessOf(typed));
        if (faultOfName(name) === undefined) expect(name).not.toMatch(/[\p{C}\u200b-\u200f]/u);
      }),
    );
  });
});
