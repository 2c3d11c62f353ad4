import { expect, test } from "vitest";
import { fetchAlone } from "../../src/source/sharedObjects.ts";
import { newDataDir } from "../support/world.ts";

test("who waits for the other of this machine to fetch an object tells so, and then has its turn", async () => {
  const { root } = await newDataDir();
  const object = { sha256: "ab".repeat(32) };
  const [fetched, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const began = Promise.withResolvers<void>();
  const first = fetchAlone(root, object, undefined, async () => {
    began.resolve();
    await fetched.promise;
    return "fetched";
  });
  await began.promise;
  const second = fetchAlone(root, object, undefined, async () => "taken over", told.resolve);
  await told.promise;
  fetched.resolve();
  expect(await Promise.all([first, second])).toEqual(["fetched", "taken over"]);
});
