/** A part of a list, as the server gives it. */
export interface Part<Each> {
  items: Each[];
  /** Cursor of the part that follows; null at the end. */
  next: string | null;
  total?: number;
}

/** Number of items in one part. */
export const PART = 50;

/**
 * The way through a list in parts: the cursors of the parts up to the one that is shown stand in the address, so
 * that it can be sent to somebody, and so that the way back is known.
 */
export function waysOf<Each>(
  pages: readonly string[],
  part: Part<Each> | undefined,
  go: (pages: string[]) => unknown,
): { before: number; next: (() => unknown) | undefined; back: (() => unknown) | undefined } {
  const next = part?.next;
  return {
    before: pages.length * PART,
    next: next === null || next === undefined ? undefined : () => go([...pages, next]),
    back: pages.length === 0 ? undefined : () => go(pages.slice(0, -1)),
  };
}
