import { expect, test } from "vitest";
import { createFillProgress } from "../../../src/relay/fill/fillProgress.ts";

test("the rate of a fill is that of the time in which something came", () => {
  let time = 0;
  const progress = createFillProgress(() => time);
  expect([progress.rate(), progress.idle()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  progress.received(1_000_000);
  for (let index = 0; index < 50; index++) {
    time += 100;
    progress.received(25_000);
  }
  expect(progress.rate()).toBe(250_000);
  // A pause says nothing of the link.
  time += 600_000;
  expect([progress.rate(), progress.idle()]).toEqual([250_000, 600_000]);
  progress.received(1_000_000);
  expect(progress.rate()).toBe(250_000);
});
