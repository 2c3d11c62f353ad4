import path from "node:path";

/** Paths below `dataDir` (docs/ARCHITECTURE.md has a page on them). */
export interface DataDir {
  root: string;
  store: string;
  generations: string;
  metadata: string;
  partial: string;
  tmp: string;
}

/** Path of an Update Agent's copy, below the data directory of its agent. */
export function relayDirOf(dataDir: string): string {
  return path.join(dataDir, "relay");
}

/** The paths, without a look at the disk: enough for commands that only read. */
export function dataDirAt(root: string): DataDir {
  return {
    root,
    store: path.join(root, "store"),
    generations: path.join(root, "generations"),
    metadata: path.join(root, "metadata"),
    partial: path.join(root, "partial"),
    tmp: path.join(root, "tmp"),
  };
}
