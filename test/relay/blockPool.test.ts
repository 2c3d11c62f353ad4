import { expect, test, vi } from "vitest";
import { createBlockPool } from "../../src/relay/blockPool.ts";

const block = (length: number, fill = 0) => Buffer.alloc(length, fill);

test("however many ask for a piece at the same time, it is loaded once", async () => {
  const pool = createBlockPool(100);
  const load = vi.fn(async () => block(10));
  const [one, other] = await Promise.all([pool.get("a 0", load), pool.get("a 0", load)]);
  expect(one).toBe(other);
  expect(pool.get("a 0", load)).toBe(one);
  expect(load).toHaveBeenCalledTimes(1);
});

test("the piece that was asked for longest ago makes room", async () => {
  const pool = createBlockPool(20);
  const a = await pool.get("a 0", async () => block(10));
  await pool.get("b 0", async () => block(10));
  expect(pool.get("a 0", expect.fail)).toBe(a);
  await pool.get("c 0", async () => block(10));
  expect(pool.get("a 0", expect.fail)).toBe(a);
  const again = vi.fn(async () => block(10));
  await pool.get("b 0", again);
  expect(again).toHaveBeenCalledTimes(1);
});

test("a piece that could not be loaded is loaded again for whoever asks next", async () => {
  const pool = createBlockPool(100);
  await expect(pool.get("a 0", () => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  await expect(pool.get("a 0", async () => block(3))).resolves.toHaveLength(3);
});

test("what was dropped is not answered with, whether it was there or on its way", async () => {
  const pool = createBlockPool(100);
  await pool.get("a 0", async () => block(1, 1));
  let arrive = (_: Buffer) => {};
  const onItsWay = pool.get("a 1", () => new Promise((resolve) => (arrive = resolve)));
  pool.drop("a ");
  arrive(block(1, 1));
  await onItsWay;
  expect(await pool.get("a 0", async () => block(1, 2))).toEqual(block(1, 2));
  expect(await pool.get("a 1", async () => block(1, 2))).toEqual(block(1, 2));
});

test("dropping one object leaves the others, and their room", async () => {
  const pool = createBlockPool(20);
  await pool.get("a 0", async () => block(10));
  const b = await pool.get("b 0", async () => block(10));
  pool.drop("a ");
  const c = await pool.get("c 0", async () => block(10));
  expect([pool.get("b 0", expect.fail), pool.get("c 0", expect.fail)]).toEqual([b, c]);
});
