import { expect, test, vi } from "vitest";
import { BlockPool } from "../../src/relay/blockPool.ts";

const SIZE = 10;

/** Loads a piece of this byte. */
const filled = (byte: number) => async (into: Buffer) => void into.fill(byte);
const loadsNothing = async () => expect.fail("it is loaded again");

/** Memory that a load was given, to see whether another is given the same. */
function remembering(byte = 0) {
  const given: ArrayBufferLike[] = [];
  const load = async (into: Buffer) => {
    given.push(into.buffer);
    into.fill(byte);
  };
  return { given, load };
}

test("however many ask for a piece at the same time, it is loaded once", async () => {
  const pool = new BlockPool(100, SIZE);
  const load = vi.fn(filled(1));
  const pieces = await Promise.all([pool.get("a 0", SIZE, load), pool.get("a 0", SIZE, load)]);
  pieces.push(await pool.get("a 0", SIZE, load));
  expect(pieces.map(({ bytes }) => bytes)).toEqual(Array(3).fill(Buffer.alloc(SIZE, 1)));
  expect(load).toHaveBeenCalledTimes(1);
});

test("the piece that was asked for longest ago makes room", async () => {
  const pool = new BlockPool(2 * SIZE, SIZE);
  await pool.get("a 0", SIZE, filled(1));
  await pool.get("b 0", SIZE, filled(2));
  await pool.get("a 0", SIZE, loadsNothing);
  await pool.get("c 0", SIZE, filled(3));
  await pool.get("a 0", SIZE, loadsNothing);
  const again = vi.fn(filled(2));
  await pool.get("b 0", SIZE, again);
  expect(again).toHaveBeenCalledTimes(1);
});

test("a piece that could not be loaded is loaded again for whoever asks next", async () => {
  const pool = new BlockPool(100, SIZE);
  await expect(pool.get("a 0", SIZE, () => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  await expect(pool.get("a 0", 3, filled(1))).resolves.toMatchObject({ bytes: Buffer.alloc(3, 1) });
});

test("what was dropped is not answered with, whether it was there or on its way", async () => {
  const pool = new BlockPool(100, SIZE);
  await pool.get("a 0", SIZE, filled(1));
  let arrive = () => {};
  const onItsWay = pool.get("a 1", SIZE, () => new Promise<void>((resolve) => (arrive = resolve)));
  pool.drop("a ");
  arrive();
  await onItsWay;
  expect((await pool.get("a 0", SIZE, filled(2))).bytes).toEqual(Buffer.alloc(SIZE, 2));
  expect((await pool.get("a 1", SIZE, filled(2))).bytes).toEqual(Buffer.alloc(SIZE, 2));
});

test("dropping one object leaves the others, and their room", async () => {
  const pool = new BlockPool(2 * SIZE, SIZE);
  await pool.get("a 0", SIZE, filled(1));
  await pool.get("b 0", SIZE, filled(2));
  pool.drop("a ");
  await pool.get("c 0", SIZE, filled(3));
  await pool.get("b 0", SIZE, loadsNothing);
  await pool.get("c 0", SIZE, loadsNothing);
});

test("memory is used again once all have released the piece who were given it, and not before", async () => {
  const pool = new BlockPool(SIZE, SIZE);
  const { given, load } = remembering(1);
  const [one, other] = await Promise.all([pool.get("a 0", SIZE, load), pool.get("a 0", SIZE, load)]);
  await pool.get("b 0", SIZE, load);
  one.release();
  // Twice is once: it must not stand for the other's.
  one.release();
  await pool.get("c 0", SIZE, filled(9));
  expect(other.bytes).toEqual(Buffer.alloc(SIZE, 1));
  other.release();
  const { given: next, load: loadNext } = remembering();
  await pool.get("d 0", SIZE, loadNext);
  expect(next[0]).toBe(given[0]);
});

test("memory of a piece that failed to come, or was dropped, is used again when nobody looks at it", async () => {
  const pool = new BlockPool(4 * SIZE, SIZE);
  const given: ArrayBufferLike[] = [];
  const failing = async (into: Buffer) => {
    given.push(into.buffer);
    throw new Error("gone");
  };
  await expect(pool.get("a 0", SIZE, failing)).rejects.toThrow("gone");
  const { given: first, load } = remembering();
  (await pool.get("b 0", SIZE, load)).release();
  pool.drop("b ");
  const { given: second, load: loadAgain } = remembering();
  await pool.get("c 0", SIZE, loadAgain);
  expect([first[0], second[0]]).toEqual([given[0], given[0]]);
});

test("no more memory is held ready than half of what may be kept", async () => {
  const pool = new BlockPool(2 * SIZE, SIZE);
  const { given, load } = remembering();
  const pieces = [];
  for (let index = 0; index < 6; index++) pieces.push(await pool.get(`a ${index}`, SIZE, load));
  for (const { release } of pieces) release();
  const { given: again, load: loadAgain } = remembering();
  pool.drop("a ");
  for (let index = 0; index < 4; index++) await pool.get(`b ${index}`, SIZE, loadAgain);
  expect(again.filter((memory) => given.includes(memory)).length).toBeLessThan(4);
});

test("a reader that was given a piece has it whole, whatever comes and goes meanwhile", async () => {
  const pool = new BlockPool(3 * SIZE, SIZE);
  const looking = async (turn: number) => {
    const byte = turn % 7;
    const piece = await pool.get(`a ${byte}`, SIZE, filled(byte));
    await new Promise(setImmediate);
    expect(piece.bytes).toEqual(Buffer.alloc(SIZE, byte));
    piece.release();
    if (turn % 5 === 0) pool.drop(`a ${(turn * 3) % 7}`);
  };
  await Promise.all(Array.from({ length: 500 }, (_, turn) => looking(turn)));
});
