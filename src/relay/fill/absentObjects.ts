import { isAbsent } from "../../core/order/disposition.ts";
import { NearsourceError } from "../../errors.ts";

/**
 * Objects that no source upstream had a moment ago: no source is asked for them again before that is over,
 * however many clients ask here.
 */
export interface AbsentObjects {
  /** @throws NearsourceError as it was found, while that holds */
  check(object: { sha256: string }): void;
  note(object: { sha256: string }, error: NearsourceError): void;
}

/** Time (ms) for which an object is remembered, and the number of objects. */
const MEMORY = 15_000;
const MOST = 1_000;

/** @param now a clock that only goes forward, in ms */
export function createAbsentObjects(now: () => number = () => performance.now()): AbsentObjects {
  const known = new Map<string, { error: NearsourceError; until: number }>();
  return {
    check({ sha256 }) {
      const found = known.get(sha256);
      if (found === undefined) return;
      if (found.until > now()) throw new NearsourceError(found.error.code, found.error.message);
      known.delete(sha256);
    },
    note({ sha256 }, error) {
      if (!isAbsent(error.code)) return;
      known.delete(sha256);
      known.set(sha256, { error, until: now() + MEMORY });
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    },
  };
}
