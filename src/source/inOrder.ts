import type { Kind } from "../core/content/kind.ts";
import { endsSource, stopOr } from "../core/order/disposition.ts";
import type { ErrorCode, NearsourceError } from "../errors.ts";

/** What came of asking one source. */
export interface Tried {
  /** The kinds that no other source need be asked for. */
  had: Iterable<Kind>;
  /** The errors met, in order. */
  errors: NearsourceError[];
}

/** What is told, and remembered, of sources that failed. */
export interface Failing<Step> {
  /** Sources found useless as a whole, by base URL, with the reason: they are asked for nothing more. */
  dead?: Map<string, ErrorCode>;
  /** Told of each step that is passed over, since its source is dead. */
  onDead?: (step: Step, code: ErrorCode) => void;
  /** Told of what an attempt threw, and of the errors that it met. */
  onErrors?: (step: Step, errors: NearsourceError[]) => void;
}

/**
 * Source after source, in the order that was computed: each is asked for what those before it did not
 * deliver, of the kinds that it can, until nothing is needed or the order ends. How a source fails never
 * changes the order. `needed` loses the kinds that were had.
 *
 * @throws NearsourceError of an attempt that no other source could mend
 */
export async function inOrder<Step extends { url: string; kinds: Kind[] }>(
  steps: readonly Step[],
  needed: Set<Kind>,
  attempt: (step: Step, kinds: Kind[]) => Promise<Tried>,
  { dead = new Map(), onDead = () => {}, onErrors = () => {} }: Failing<Step> = {},
): Promise<void> {
  for (const step of steps) {
    const kinds = step.kinds.filter((kind) => needed.has(kind));
    if (kinds.length === 0) continue;
    const reason = dead.get(step.url);
    if (reason !== undefined) {
      onDead(step, reason);
      continue;
    }
    const { had, errors } = await attempt(step, kinds).catch(nothingHad);
    if (errors.length > 0) onErrors(step, errors);
    for (const kind of had) needed.delete(kind);
    const fatal = errors.find(({ code }) => endsSource(code));
    if (fatal !== undefined) dead.set(step.url, fatal.code);
  }
}

/** What an attempt that threw came to. */
function nothingHad(error: unknown): Tried {
  return { had: [], errors: [stopOr(error)] };
}
