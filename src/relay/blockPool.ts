/**
 * A verified piece of an object. Its memory is used for another once all its holders have released it; a
 * piece that is never released is only lost to the pool, and left to the garbage collector.
 */
export interface Piece {
  readonly bytes: Buffer;
  /** Called after the last look at the bytes. */
  release(): void;
}

interface Block {
  memory: Buffer;
  bytes: Buffer;
  /** The pool while it keeps it, and each reader that has it. */
  holders: number;
}

/** A block that is being loaded. */
interface Loading {
  block: Block;
  done: Promise<void>;
}

/**
 * Pieces of objects in memory, the least recently used of which make room for others. Memory is used
 * again instead of being left to the garbage collector, which lets some 64 MB gather before it looks.
 */
export class BlockPool {
  readonly #limit: number;
  readonly #size: number;
  readonly #kept = new Map<string, Block>();
  readonly #loading = new Map<string, Loading>();
  readonly #spare: Buffer[] = [];
  /** Bytes of memory of those that are kept. */
  #bytes = 0;

  /**
   * @param limit bytes that are kept; half as many may lie ready to be used again
   * @param size of the longest piece, in bytes
   */
  constructor(limit: number, size: number) {
    this.#limit = limit;
    this.#size = size;
  }

  /**
   * The piece under `key`; `load` is called once for all that ask for it at the same time.
   *
   * @param length bytes of it
   */
  get(key: string, length: number, load: (into: Buffer) => Promise<void>): Promise<Piece> | Piece {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return this.#give(kept);
    }
    const { block, done } = this.#loading.get(key) ?? this.#load(key, length, load);
    const piece = this.#give(block);
    return done.then(
      () => piece,
      (error) => {
        piece.release();
        throw error;
      },
    );
  }

  /** Forgets all pieces whose key begins with this. */
  drop(prefix: string): void {
    for (const key of this.#loading.keys()) if (key.startsWith(prefix)) this.#loading.delete(key);
    for (const [key, block] of this.#kept) if (key.startsWith(prefix)) this.#remove(key, block);
  }

  #load(key: string, length: number, load: (into: Buffer) => Promise<void>): Loading {
    const block = this.#take(length);
    const settle = (isLoaded: boolean) => {
      // A piece that was forgotten while it was loading is not kept.
      const isWanted = this.#loading.get(key) === loading;
      if (isWanted) this.#loading.delete(key);
      if (isWanted && isLoaded) this.#keep(key, block);
      else this.#letGo(block);
    };
    const done = load(block.bytes).then(
      () => settle(true),
      (error) => {
        settle(false);
        throw error;
      },
    );
    const loading = { block, done };
    this.#loading.set(key, loading);
    return loading;
  }

  /** Memory for a piece; a short one has its own length, of which there is no other use. */
  #take(length: number): Block {
    const isLong = length > this.#size / 2;
    const memory =
      (isLong ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(isLong ? this.#size : length);
    return { memory, bytes: memory.subarray(0, length), holders: 1 };
  }

  #keep(key: string, block: Block): void {
    this.#kept.set(key, block);
    this.#bytes += block.memory.length;
    for (const [oldest, each] of this.#kept) {
      if (this.#bytes <= this.#limit) break;
      this.#remove(oldest, each);
    }
  }

  #remove(key: string, block: Block): void {
    this.#kept.delete(key);
    this.#bytes -= block.memory.length;
    this.#letGo(block);
  }

  #give(block: Block): Piece {
    block.holders++;
    let isReleased = false;
    const release = () => {
      if (!isReleased) this.#letGo(block);
      isReleased = true;
    };
    return { bytes: block.bytes, release };
  }

  #letGo(block: Block): void {
    block.holders--;
    const isOfUse = block.memory.length === this.#size && this.#spare.length * this.#size < this.#limit / 2;
    if (block.holders === 0 && isOfUse) this.#spare.push(block.memory);
  }
}
