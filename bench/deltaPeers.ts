import { promises as fs } from "node:fs";
import path from "node:path";
import type { Releases } from "./histories.ts";
import { type Peer, run } from "./peers.ts";

/** A way to make and to apply a delta, or a compressed whole. `made` is the file that travels. */
export interface Tool {
  name: string;
  needs: Peer;
  make: (releases: Releases, made: string) => string[];
  apply: (releases: Releases, made: string, result: string) => string[];
}

export const ZSTD = "zstd -19";
export const PATCH_FROM = "zstd -19 --patch-from";
export const BSDIFF = "bsdiff";

export const TOOLS: Tool[] = [
  {
    name: ZSTD,
    needs: "zstd",
    make: ({ to }, made) => ["zstd", "-q", "-f", "-19", to, "-o", made],
    apply: (_, made, result) => ["zstd", "-q", "-f", "-d", made, "-o", result],
  },
  {
    name: PATCH_FROM,
    needs: "zstd",
    make: ({ from, to }, made) => ["zstd", "-q", "-f", "-19", `--patch-from=${from}`, to, "-o", made],
    apply: ({ from }, made, result) => [
      "zstd",
      "-q",
      "-f",
      "-d",
      "--memory=2048MB",
      `--patch-from=${from}`,
      made,
      "-o",
      result,
    ],
  },
  {
    name: BSDIFF,
    needs: "bsdiff",
    make: ({ from, to }, made) => ["bsdiff", from, to, made],
    apply: ({ from }, made, result) => ["bspatch", from, result, made],
  },
  {
    name: "xdelta3 -9",
    needs: "xdelta3",
    make: ({ from, to }, made) => ["xdelta3", "-e", "-9", "-f", "-s", from, to, made],
    apply: ({ from }, made, result) => ["xdelta3", "-d", "-f", "-s", from, made, result],
  },
];

/**
 * Makes the file that travels, and proves that it leads to the new file.
 *
 * @returns its length in bytes
 */
export async function makeAndProve(tool: Tool, releases: Releases, work: string): Promise<number> {
  const made = madeBy(tool, releases, work);
  const result = `${made}.result`;
  for (const [command = "", ...words] of [tool.make(releases, made), tool.apply(releases, made, result)]) {
    run(command, words);
  }
  if (!(await fs.readFile(result)).equals(await fs.readFile(releases.to))) {
    throw new Error(`${tool.name} does not lead to ${releases.description}`);
  }
  return (await fs.stat(made)).size;
}

export function madeBy(tool: Tool, releases: Releases, work: string): string {
  return path.join(work, `${releases.name}.${TOOLS.indexOf(tool)}`);
}
