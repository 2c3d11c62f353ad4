import { promises as fs } from "node:fs";
import path from "node:path";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import { listFolder } from "../../store/durable.ts";
import { sha256 } from "../../store/sha256.ts";

/** The version of a root, and the SHA-256 of its file. */
export interface Pin {
  version: number;
  sha256: string;
}

/**
 * The first root of each repository that is served here: what an agent's trust starts from, since every
 * later one is signed by the one before it.
 */
export async function firstRoots(www: string): Promise<Partial<Record<Repository, Pin>>> {
  const pins: Partial<Record<Repository, Pin>> = {};
  for (const repository of REPOSITORIES) {
    const folder = path.join(www, repository, "metadata");
    const versions = (await listFolder(folder)).flatMap((name) => {
      const [, version] = /^([1-9]\d{0,9})\.root\.json$/.exec(name) ?? [];
      return version === undefined ? [] : [Number(version)];
    });
    const version = Math.min(...versions);
    if (!Number.isFinite(version)) continue;
    pins[repository] = {
      version,
      sha256: sha256(await fs.readFile(path.join(folder, `${version}.root.json`))),
    };
  }
  return pins;
}
