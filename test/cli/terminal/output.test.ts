import type { WriteStream } from "node:tty";
import { describe, expect, test } from "vitest";
import { openProgress } from "../../../src/cli/terminal/progressBar.ts";
import { formatBytes, formatDuration } from "../../../src/core/amounts.ts";

describe("amounts for people", () => {
  test.for([
    [0, "0 B"],
    [999, "999 B"],
    [999.7, "1 kB"],
    [1_499, "1 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [999_600, "1.0 MB"],
    [63_000_000, "63.0 MB"],
    [999_949_999, "999.9 MB"],
    [999_960_000, "1.0 GB"],
    [4_500_000_000_000_000, "4500.0 TB"],
  ] as const)("%d bytes are %s: rounded before the unit is chosen", ([bytes, text]) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test.for([
    [0, "0 ms"],
    [999.6, "1.0 s"],
    [59_949, "59.9 s"],
    [59_960, "1 min"],
    [3_569_000, "59 min"],
    [3_599_000, "1 h"],
    [47 * 3_600_000, "47 h"],
    [47.6 * 3_600_000, "2 days"],
    [40 * 86_400_000, "40 days"],
  ] as const)("%d ms are %s", ([milliseconds, text]) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

/** The last line of progress on a terminal so many columns wide. */
function lineOn(columns: number | undefined, component = "components/virus-pattern"): string {
  let written = "";
  const write = (text: string) => {
    written = text;
  };
  const progress = openProgress({ isTTY: true, columns, write } as unknown as WriteStream);
  progress.update({
    type: "progress",
    component,
    kind: "components",
    received: 12_600_000,
    length: 63_000_000,
  });
  return written.replace("\r\u001b[2K", "");
}

describe("the line of progress", () => {
  test.for([10, 20, 30, 40, 60, 80, 200])(
    "has its numbers, and one line of a terminal of %d columns",
    (columns) => {
      const line = lineOn(columns);
      expect(line.length).toBeLessThan(columns);
      expect(line).toContain("20 %");
      if (columns >= 40) expect(line).toContain("12.6 MB of 63.0 MB");
      expect(line.includes("█")).toBe(columns >= 100);
    },
  );

  test("has its bar on a terminal that does not say how wide it is", () => {
    expect(lineOn(undefined, "rules")).toContain("█");
    expect(lineOn(0, "rules")).toContain("█");
  });
});
