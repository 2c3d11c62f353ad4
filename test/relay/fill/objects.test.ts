import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../../src/config/log.ts";
import type { FillParts } from "../../../src/relay/fill/fill.ts";
import { Objects } from "../../../src/relay/fill/objects.ts";
import { newStats } from "../../../src/relay/stats.ts";
import { openDataDir } from "../../../src/store/openDataDir.ts";
import { storePath } from "../../../src/store/store.ts";
import type { CatalogObject } from "../../../src/tree/catalog.ts";
import { newFolder } from "../../support/world.ts";

test("more different objects than files may be open are read at once", async () => {
  const dirs = await openDataDir(path.join(await newFolder(), "data"));
  const held: CatalogObject[] = [];
  for (let index = 0; index < 700; index++) {
    const bytes = Buffer.from(`object ${index}`);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await fs.mkdir(path.dirname(storePath(dirs, sha256)), { recursive: true });
    await fs.writeFile(storePath(dirs, sha256), bytes);
    held.push({ sha256, length: bytes.length, current: true, need: 0, kinds: ["components"] });
  }
  // All of them are held, so what fetches is not asked for.
  const parts = { dirs, own: dirs, stats: newStats(), signal: new AbortController().signal } as FillParts;
  const objects = new Objects(parts, SILENT);
  onTestFinished(() => objects.close());
  await objects.look(held);
  const pieces = await Promise.all(held.map((object) => objects.read(object, 0, [])));
  expect(pieces.map(({ bytes }) => bytes.toString())).toEqual(held.map((_, index) => `object ${index}`));
});
