import { promises as fs } from "node:fs";
import path from "node:path";
import { objectPath } from "../src/core/content/layout.ts";
import type { Alternative, ManifestFile, Release } from "../src/core/content/manifest.ts";
import { addRelease } from "../src/publisher/addRelease.ts";
import { initRepository } from "../src/publisher/init.ts";
import { openDataDir } from "../src/store/openDataDir.ts";
import { storePath } from "../src/store/store.ts";
import type { Releases } from "./histories.ts";

/** The cheapest way that `repo add` made, ready to be applied by children/apply.ts. */
export interface Ours {
  alternative: Alternative;
  /** The object that travels. */
  object: string;
  /** A data directory that holds the old file. */
  dataDir: string;
  /** A file with the alternative and the object it leads to, as JSON. */
  instructions: string;
}

/**
 * Publishes the two releases, and takes from the manifest the alternative that an agent with the old one
 * would fetch.
 *
 * @throws Error when no alternative pays
 */
export async function makeOurs(releases: Releases, work: string): Promise<Ours> {
  const dir = path.join(work, `${releases.name}.www`);
  const dataDir = path.join(work, `${releases.name}.data`);
  await initRepository({ dir, repository: "content" });
  for (const [version, file] of Object.entries({ old: releases.from, new: releases.to })) {
    // The same name in both releases, since a delta leads from a file to its successor.
    const payload = path.join(work, `${releases.name}.payload`);
    await fs.mkdir(payload, { recursive: true });
    await fs.copyFile(file, path.join(payload, "file"));
    await addRelease({ dir, kind: "components", name: "history", version, path: payload });
  }
  const [newFile, oldFile] = await readFiles(dir);
  const [alternative] = (newFile.alternatives ?? []).toSorted((a, b) => a.length - b.length);
  if (alternative === undefined) throw new Error(`nothing pays for ${releases.description}`);
  const base = storePath(await openDataDir(dataDir), oldFile.sha256);
  await fs.mkdir(path.dirname(base), { recursive: true });
  await fs.copyFile(releases.from, base);
  const { sha256, length } = newFile;
  const instructions = path.join(work, `${releases.name}.instructions.json`);
  await fs.writeFile(instructions, JSON.stringify({ alternative, result: { sha256, length } }));
  return { alternative, object: path.join(dir, objectPath(alternative.sha256)), dataDir, instructions };
}

/** The files of the two releases, the new one first. */
async function readFiles(dir: string): Promise<[ManifestFile, ManifestFile]> {
  const folder = path.join(dir, "content/targets/components");
  const manifests = await Promise.all(
    (await fs.readdir(folder)).map(async (name) =>
      JSON.parse(await fs.readFile(path.join(folder, name), "utf8")),
    ),
  );
  const releases: Release[] = manifests.find((manifest) => manifest.releases.length === 2).releases;
  const [newFile, oldFile] = releases.toSorted((a, b) => b.release - a.release).map(({ files }) => files[0]);
  if (newFile === undefined || oldFile === undefined) throw new Error(`no two releases in ${dir}`);
  return [newFile, oldFile];
}
