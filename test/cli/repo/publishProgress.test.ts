import { describe, expect, onTestFinished, test } from "vitest";
import { openPublishProgress } from "../../../src/cli/repo/publishProgress.ts";
import type { Progress } from "../../../src/publisher/repository/releaseFiles.ts";

const copy: Progress = {
  component: { kind: "components", name: "vp" },
  path: "lpt.dat",
  step: "copy",
  length: 63_000_000,
  done: 0,
};

function open(isTTY: boolean, columns = 80) {
  let now = 0;
  let written = "";
  const stream = {
    isTTY,
    columns,
    write: (text: string | Uint8Array) => {
      written += String(text);
      return true;
    },
  };
  const progress = openPublishProgress(stream, () => now);
  onTestFinished(() => progress.close());
  const at = (milliseconds: number, update: Partial<Progress>) => {
    now = milliseconds;
    written = "";
    progress.update({ ...copy, ...update });
    return written;
  };
  const close = () => {
    written = "";
    progress.close();
    return written;
  };
  return { at, close };
}

describe("the progress of a publication", () => {
  test("says nothing of what is soon done", () => {
    for (const isTTY of [true, false]) {
      const { at, close } = open(isTTY);
      expect(at(0, {}) + at(100, { done: 63_000_000 }) + close()).toBe("");
    }
  });

  test("is a plain line now and then where there is no terminal", () => {
    const { at, close } = open(false);
    expect(at(2_000, { done: 1_000_000 })).toBe("");
    expect(at(4_000, { done: 21_000_000 })).toBe(
      "components/vp: copying lpt.dat (21.0 MB of 63.0 MB, 2.0 s)\n",
    );
    expect(at(5_000, { done: 30_000_000 })).toBe("");
    expect(at(20_000, { step: "delta", done: 63_000_000 })).toBe(
      "components/vp: making a delta for lpt.dat (63.0 MB)\n",
    );
    expect(close()).toBe("");
  });

  test("is one line on a terminal, which redraws itself, fits, and goes", () => {
    const { at, close } = open(true, 40);
    const line = at(1_000, { done: 21_000_000 });
    expect(line.startsWith("\r\x1b[2Kcomponents/vp: copying lpt.dat")).toBe(true);
    expect(line.slice("\r\x1b[2K".length)).toHaveLength(39);
    expect(line).not.toContain("\n");
    expect(close()).toBe("\r\x1b[2K");
  });
});
