import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Looks } from "../../src/console/api/looks.ts";

test("what changes all the time is looked at one look after the other, each of which comes to its end, and the last change is seen", async () => {
  const looks = new Looks();
  let value = 0;
  let [under, most, seen, done] = [0, 0, -1, 0];
  const look = async () => {
    const found = value;
    under += 1;
    most = Math.max(most, under);
    await sleep(20);
    under -= 1;
    seen = found;
    done += 1;
  };
  const until = performance.now() + 400;
  while (performance.now() < until) {
    value += 1;
    looks.ask(look);
    await sleep(1);
  }
  await expect.poll(() => seen).toBe(value);
  expect(most).toBe(1);
  // Each takes 20 ms and is followed by four times as long without one.
  expect(done).toBeLessThanOrEqual(2 + 400 / 100 + 1);
});

test("looks at one thing do not wait for those at another", async () => {
  const looks = new Looks();
  const done: string[] = [];
  looks.ask(() => new Promise(() => {}));
  looks.ask(() => done.push("other"));
  await expect.poll(() => done).toEqual(["other"]);
});

test("what nobody shows any more is not looked at again, though it changed while it was", async () => {
  const looks = new Looks();
  const first = Promise.withResolvers<void>();
  let done = 0;
  const look = async () => {
    done += 1;
    await first.promise;
  };
  looks.ask(look);
  looks.ask(look);
  looks.forget(look);
  first.resolve();
  await sleep(50);
  expect(done).toBe(1);
});
