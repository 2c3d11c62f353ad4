import fc from "fast-check";
import { expect, test } from "vitest";
import { BLOCK_SIZE } from "../../../src/core/content/layout.ts";
import { newObjectHasher } from "../../../src/publisher/repository/storeObject.ts";
import { sha256 } from "../fixture.ts";

function hashInPieces(bytes: Buffer, sizes: Iterable<number>) {
  const hasher = newObjectHasher();
  let at = 0;
  for (const size of sizes) {
    hasher.update(bytes.subarray(at, at + size));
    at += size;
  }
  hasher.update(bytes.subarray(at));
  return hasher.describe();
}

const bytes = Buffer.alloc(2 * BLOCK_SIZE + 1_000, "an object of two blocks and a bit. ");

test("the description of an object does not depend on how its bytes arrived", () => {
  const whole = hashInPieces(bytes, []);
  const sizes = fc.array(fc.integer({ min: 0, max: BLOCK_SIZE + 7 }), { maxLength: 6 });
  fc.assert(
    fc.property(sizes, (pieces) => {
      expect(hashInPieces(bytes, pieces)).toEqual(whole);
    }),
    { numRuns: 25 },
  );
});

test.each([0, 1, BLOCK_SIZE - 1, BLOCK_SIZE])("an object of %i bytes has no blocks", (length) => {
  const part = bytes.subarray(0, length);
  expect(hashInPieces(part, [])).toEqual({ length, sha256: sha256(part) });
});

test.each([BLOCK_SIZE + 1, 2 * BLOCK_SIZE - 1, 2 * BLOCK_SIZE, 2 * BLOCK_SIZE + 1])(
  "the blocks of an object of %i bytes add up to it",
  (length) => {
    const part = bytes.subarray(0, length);
    const { blocks } = hashInPieces(part, []);
    const expected: string[] = [];
    for (let at = 0; at < length; at += BLOCK_SIZE) expected.push(sha256(part.subarray(at, at + BLOCK_SIZE)));
    expect(blocks).toEqual({ size: BLOCK_SIZE, sha256: expected });
  },
);
