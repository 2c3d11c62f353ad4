import { promises as fs } from "node:fs";
import type { Config } from "../config/configSchema.ts";
import type { Repository } from "../core/content/layout.ts";
import { parseJson } from "../core/document.ts";
import { NearsourceError } from "../errors.ts";
import type { DataDir } from "../store/dataDir.ts";
import { openTrustedSet, readTrustedSet, startFrom, type TrustedSet } from "./trustedSet.ts";

/** The trusted set of each repository whose root is configured. */
export type TrustedSets = Partial<Record<Repository, TrustedSet>>;

/** The trusted sets to start from, for the repositories whose root is configured. */
export async function openTrusted(dirs: DataDir, roots: Config["roots"]): Promise<TrustedSets> {
  return await ofEachRoot(roots, (repository, root) => openTrustedSet(dirs, repository, root));
}

/** The same as they are on disk, with nothing written. */
export async function readTrusted(dirs: DataDir, roots: Config["roots"]): Promise<TrustedSets> {
  return await ofEachRoot(roots, async (repository, root) =>
    startFrom(await readTrustedSet(dirs, repository), repository, root),
  );
}

async function ofEachRoot(
  roots: Config["roots"],
  open: (repository: Repository, root: Buffer) => Promise<TrustedSet>,
): Promise<TrustedSets> {
  const trusted: TrustedSets = {};
  for (const repository of ["settings", "content"] as const) {
    const file = roots[repository];
    if (file !== undefined) trusted[repository] = await open(repository, await readRoot(repository, file));
  }
  return trusted;
}

async function readRoot(repository: Repository, file: string): Promise<Buffer> {
  const hint = `put the publisher's root.json there, or correct roots.${repository} in the configuration`;
  try {
    const bytes = await fs.readFile(file);
    const written = parseJson(bytes.toString()) as { signed?: { _type?: unknown } } | null;
    if (written?.signed?._type !== "root") throw new Error("it is not a TUF root");
    return bytes;
  } catch (error) {
    throw new NearsourceError("TRUST_ROOT_INVALID", `cannot use ${file} as the root of ${repository}`, {
      cause: error,
      hint,
    });
  }
}
