import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, test, vi } from "vitest";
import { openVerified, PIECE } from "../../src/relay/verifiedFile.ts";
import { newFolder } from "../support/world.ts";

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("what is altered while two read is sent to neither, whichever of them notices", async () => {
  const file = path.join(await newFolder(), "object");
  const signed = Buffer.alloc(2 * PIECE, 1);
  const half = sha256(signed.subarray(0, PIECE));
  await fs.writeFile(file, signed);
  const blocks = { size: PIECE, sha256: [half, half] };
  const held = await openVerified(file, { sha256: sha256(signed), length: signed.length, blocks });
  const [slow, quick] = [Buffer.alloc(PIECE), Buffer.alloc(PIECE)];
  await held.read(0, slow);
  await held.read(1, quick);
  // The slow one has proven its block, and is held up before it reads what it sends.
  const handle = await fs.open(file);
  const { read } = handle;
  const reading = vi.spyOn(Object.getPrototypeOf(handle), "read");
  await handle.close();
  const { promise: altered, resolve: goOn } = Promise.withResolvers<void>();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  reading.mockImplementation(async function (this: unknown, ...args: unknown[]) {
    if (args[0] === slow) {
      stop();
      await altered;
    }
    return await Reflect.apply(read, this, args);
  });
  const slowly = held.read(0, slow);
  await stopped;
  await fs.writeFile(file, Buffer.alloc(2 * PIECE, 2));
  await expect(held.read(1, quick)).rejects.toThrow("is not what was signed");
  goOn();
  await expect(slowly).rejects.toThrow("is not what was signed");
  reading.mockRestore();
  await held.close();
});
