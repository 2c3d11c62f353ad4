import path from "node:path";

/** What lies below `dataDir` (docs/ARCHITECTURE.md has a page on it). */
export interface DataDir {
  root: string;
  store: string;
  generations: string;
  metadata: string;
  partial: string;
  tmp: string;
}

/** Where an Update Agent keeps its copy, below the data directory of its agent. */
export function relayDirOf(dataDir: string): string {
  return path.join(dataDir, "relay");
}

/** Where they are, without looking at the disk: all that commands which only read need. */
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
