/**
 * A verified piece of an object. Its memory is used for another once all have released it who were given
 * it; what is never released is only lost to that, and left to the garbage collector.
 */
export interface Piece {
  readonly bytes: Buffer;
  /** To be called after the last look at the bytes. */
  release(): void;
}

/**
 * Pieces of objects in memory, the least recently used of which make room for others. Memory is used
 * again instead of being left to the garbage collector, which lets some 64 MB gather before it looks.
 */
export interface BlockPool {
  /**
   * The piece under `key`; `load` is called once, however many ask for it at the same time.
   *
   * @param length bytes of it
   */
  get(key: string, length: number, load: (into: Buffer) => Promise<void>): Promise<Piece> | Piece;
  /** Forgets all pieces whose key begins with this. */
  drop(prefix: string): void;
}

interface Block {
  memory: Buffer;
  bytes: Buffer;
  /** The pool while it keeps it, and whoever was given it. */
  holders: number;
}

/**
 * @param limit bytes that are kept; half as many may lie ready to be used again
 * @param size of the longest piece, in bytes
 */
export function createBlockPool(limit: number, size: number): BlockPool {
  const kept = new Map<string, Block>();
  const loading = new Map<string, { block: Block; done: Promise<void> }>();
  const spare: Buffer[] = [];
  let bytes = 0;
  const letGo = (block: Block) => {
    block.holders--;
    const isWorthIt = block.memory.length === size && spare.length * size < limit / 2;
    if (block.holders === 0 && isWorthIt) spare.push(block.memory);
  };
  const remove = (key: string, block: Block) => {
    kept.delete(key);
    bytes -= block.memory.length;
    letGo(block);
  };
  const keep = (key: string, block: Block) => {
    kept.set(key, block);
    bytes += block.memory.length;
    for (const [oldest, each] of kept) {
      if (bytes <= limit) break;
      remove(oldest, each);
    }
  };
  const start = (key: string, length: number, load: (into: Buffer) => Promise<void>) => {
    // A short one has memory of its own length, of which there is no other use.
    const memory =
      length > size / 2 ? (spare.pop() ?? Buffer.allocUnsafeSlow(size)) : Buffer.allocUnsafeSlow(length);
    const block: Block = { memory, bytes: memory.subarray(0, length), holders: 1 };
    const settle = (isLoaded: boolean) => {
      // What was forgotten while it was on its way is not kept.
      const isWanted = loading.get(key) === entry;
      if (isWanted) loading.delete(key);
      if (isWanted && isLoaded) keep(key, block);
      else letGo(block);
    };
    const done = load(block.bytes).then(
      () => settle(true),
      (error) => {
        settle(false);
        throw error;
      },
    );
    const entry = { block, done };
    loading.set(key, entry);
    return entry;
  };
  const give = (block: Block): Piece => {
    let isReleased = false;
    const release = () => {
      if (!isReleased) letGo(block);
      isReleased = true;
    };
    return { bytes: block.bytes, release };
  };
  return {
    get(key, length, load) {
      const found = kept.get(key);
      if (found !== undefined) {
        kept.delete(key);
        kept.set(key, found);
        found.holders++;
        return give(found);
      }
      const { block, done } = loading.get(key) ?? start(key, length, load);
      block.holders++;
      const piece = give(block);
      return done.then(
        () => piece,
        (error) => {
          piece.release();
          throw error;
        },
      );
    },
    drop(prefix) {
      for (const key of loading.keys()) if (key.startsWith(prefix)) loading.delete(key);
      for (const [key, block] of kept) if (key.startsWith(prefix)) remove(key, block);
    },
  };
}
