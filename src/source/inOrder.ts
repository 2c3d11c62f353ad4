import type { Kind } from "../core/content/kind.ts";
import { endsSource, stopOr } from "../core/order/disposition.ts";
import type { ErrorCode, NearsourceError } from "../errors.ts";

/** The result of asking one source. */
export interface Tried {
  /** The kinds that no other source need be asked for. */
  delivered: Iterable<Kind>;
  /** The errors met, in order. */
  errors: NearsourceError[];
}

/** The handling of sources that failed: reports, and the record of them. */
export interface Failing<Step> {
  /** Sources found useless as a whole, by base URL, with the reason: they are asked for nothing more. */
  dead?: Map<string, ErrorCode>;
  /** Called with each step that is passed over, since its source is dead. */
  onDead?: (step: Step, code: ErrorCode) => void;
  /** Called with the errors that an attempt met or threw. */
  onErrors?: (step: Step, errors: NearsourceError[]) => void;
}

/**
 * Source after source, in the order that was computed: each is asked for the kinds it can deliver that those
 * before it did not, until nothing is needed or the order ends. How a source fails never changes the order.
 * `needed` loses the kinds that were delivered.
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
    const { delivered, errors } = await attempt(step, kinds).catch(failedAttempt);
    if (errors.length > 0) onErrors(step, errors);
    for (const kind of delivered) needed.delete(kind);
    const fatal = errors.find(({ code }) => endsSource(code));
    if (fatal !== undefined) dead.set(step.url, fatal.code);
  }
}

/** The result of an attempt that threw. */
function failedAttempt(error: unknown): Tried {
  return { delivered: [], errors: [stopOr(error)] };
}
