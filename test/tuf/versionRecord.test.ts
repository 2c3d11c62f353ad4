import { describe, expect, test } from "vitest";
import { formatVersionRecord, parseVersionRecord, saysNothingNewer } from "../../src/tuf/versionRecord.ts";

const NOW = new Date("2026-03-02T12:00:00Z");
const held = (version: number, youngUntil = "2026-03-03T00:00:00Z") => ({ version, youngUntil });

describe("a version record", () => {
  test("comes back as it was written", () => {
    expect(formatVersionRecord({ settings: 7, content: 12 })).toBe("content=12;settings=7");
    expect(parseVersionRecord("content=12;settings=7")).toEqual({ content: 12, settings: 7 });
    expect(parseVersionRecord(" settings=7 ; content=12 ; other=1 ")).toEqual({ content: 12, settings: 7 });
  });

  test.for([
    "",
    "content",
    "content=",
    "content=-1",
    "content=1.5",
    "content=1e3",
    "v=spf1 -all",
    "content=9999999999999999",
  ])("%j says nothing", (text) => expect(parseVersionRecord(text)).toEqual({}));
});

describe("a run is spared", () => {
  test("only when every repository is said to have nothing newer", () => {
    const both = { content: held(12), settings: held(7) };
    expect(saysNothingNewer({ content: 12, settings: 7 }, both, ["content", "settings"], NOW)).toBe(true);
    expect(saysNothingNewer({ content: 11, settings: 7 }, both, ["content", "settings"], NOW)).toBe(true);
    expect(saysNothingNewer({ content: 13, settings: 7 }, both, ["content", "settings"], NOW)).toBe(false);
    expect(saysNothingNewer({ content: 12, settings: 8 }, both, ["content", "settings"], NOW)).toBe(false);
    expect(saysNothingNewer({ content: 12 }, both, ["content", "settings"], NOW)).toBe(false);
    expect(saysNothingNewer({ content: 12 }, both, ["content"], NOW)).toBe(true);
  });

  test("never when nothing is held yet, or what is held is older than half its life", () => {
    expect(saysNothingNewer({ content: 1 }, {}, ["content"], NOW)).toBe(false);
    const old = { content: held(12, "2026-03-02T12:00:00Z") };
    expect(saysNothingNewer({ content: 12 }, old, ["content"], NOW)).toBe(false);
  });
});
