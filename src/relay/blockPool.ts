/** Verified pieces of objects in memory, the least recently used of which make room for others. */
export interface BlockPool {
  /** The piece under `key`; `load` is called once, however many ask for it at the same time. */
  get(key: string, load: () => Promise<Buffer>): Promise<Buffer> | Buffer;
  /** Forgets all pieces whose key begins with this. */
  drop(prefix: string): void;
}

/** @param limit bytes that are kept */
export function createBlockPool(limit: number): BlockPool {
  const kept = new Map<string, Buffer>();
  const loading = new Map<string, Promise<Buffer>>();
  let bytes = 0;
  const keep = (key: string, block: Buffer) => {
    kept.set(key, block);
    bytes += block.length;
    for (const [oldest, { length }] of kept) {
      if (bytes <= limit) break;
      kept.delete(oldest);
      bytes -= length;
    }
  };
  const start = (key: string, load: () => Promise<Buffer>) => {
    const loaded = load()
      .then((block) => {
        // What was forgotten while it was on its way is not kept.
        if (loading.get(key) === loaded) keep(key, block);
        return block;
      })
      .finally(() => {
        if (loading.get(key) === loaded) loading.delete(key);
      });
    loading.set(key, loaded);
    return loaded;
  };
  return {
    get(key, load) {
      const found = kept.get(key);
      if (found === undefined) return loading.get(key) ?? start(key, load);
      kept.delete(key);
      kept.set(key, found);
      return found;
    },
    drop(prefix) {
      for (const key of loading.keys()) if (key.startsWith(prefix)) loading.delete(key);
      for (const [key, { length }] of kept) {
        if (!key.startsWith(prefix)) continue;
        kept.delete(key);
        bytes -= length;
      }
    },
  };
}
