import { promises as fs } from "node:fs";
import path from "node:path";
import pMap from "p-map";
import { update } from "../../src/update/update.ts";

/**
 * A site of clients, each updated once from cold: `node site.ts CONFIG COUNT FOLDER`. Says how many were.
 */
const [, , file = "", count = "", folder = ""] = process.argv;
const template = JSON.parse(await fs.readFile(file, "utf8"));
const from = path.dirname(file);

async function updateOne(index: number): Promise<number> {
  const home = path.join(folder, `client-${index}`);
  const config = path.join(from, `client-${index}.json`);
  await fs.writeFile(config, JSON.stringify({ ...template, dataDir: home }));
  try {
    const { outcome } = await update({ config });
    return outcome === "updated" ? 1 : 0;
  } finally {
    await fs.rm(home, { recursive: true, force: true });
    await fs.rm(config);
  }
}

const all = Array.from({ length: Number(count) }, (_, index) => index);
const updated = await pMap(all, updateOne, { concurrency: 20 });
process.stdout.write(String(updated.reduce((sum, each) => sum + each, 0)));
