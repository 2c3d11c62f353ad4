import { expect, test } from "vitest";
import { createTurns } from "../../../src/relay/serve/writeTurns.ts";

/** Resolves a turn of the event loop later, when every waiting writer has had its turn. */
async function oneLoop(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("those who wait are served in the order in which they came", async () => {
  const turns = createTurns(1_000);
  const served: string[] = [];
  const ask = (name: string) => turns.take(1).then(() => served.push(name));
  await Promise.all(["a", "b", "c"].map(ask));
  expect(served).toEqual(["a", "b", "c"]);
});

test("no more than the limit is written before the loop has seen to everybody else", async () => {
  const turns = createTurns(10);
  let written = 0;
  for (let index = 0; index < 5; index++) void turns.take(6).then(() => (written += 6));
  const loops: number[] = [];
  while (written < 30) {
    await oneLoop();
    loops.push(written);
  }
  expect(loops).toEqual([12, 24, 30]);
});

test("one that asks for more than a whole turn has it to itself", async () => {
  const turns = createTurns(10);
  const served: string[] = [];
  void turns.take(50).then(() => served.push("large"));
  void turns.take(1).then(() => served.push("small"));
  await oneLoop();
  expect(served).toEqual(["large"]);
  await oneLoop();
  expect(served).toEqual(["large", "small"]);
});

test("a reader that comes back at once stands behind those who waited meanwhile", async () => {
  const turns = createTurns(1);
  const served: string[] = [];
  const reader = async (name: string) => {
    for (let turn = 0; turn < 3; turn++) {
      await turns.take(1);
      served.push(name);
    }
  };
  await Promise.all([reader("a"), reader("b")]);
  expect(served).toEqual(["a", "b", "a", "b", "a", "b"]);
});
