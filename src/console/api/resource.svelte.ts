import { ApiProblem } from "./call.ts";

/** Something that a screen shows, in one of its states. `stale`: it could not be read again, and is as it was. */
export type Shown<Value> =
  | { state: "loading" }
  | { state: "failed"; problem: ApiProblem }
  | { state: "ready"; value: Value; at: number }
  | { state: "stale"; value: Value; at: number; problem: ApiProblem };

/**
 * A value that is read from the server, again where that is asked for. An answer that was overtaken by a
 * later question is dropped.
 */
export class Resource<Value> {
  shown = $state.raw<Shown<Value>>({ state: "loading" });
  /** A question is under way, with or without a value on the screen. */
  busy = $state(false);
  readonly #read: () => Promise<Value>;
  readonly #now: () => number;
  #asked = 0;

  constructor(read: () => Promise<Value>, now: () => number = Date.now) {
    this.#read = read;
    this.#now = now;
  }

  /** The value, however old; undefined while there is none. */
  get value(): Value | undefined {
    return "value" in this.shown ? this.shown.value : undefined;
  }

  /** Reads it. Never throws: the reason for a failure is in `shown`. */
  async load(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.busy = true;
    let next: Shown<Value>;
    try {
      next = { state: "ready", value: await this.#read(), at: this.#now() };
    } catch (error) {
      const problem = toProblem(error);
      const { shown } = this;
      next = "value" in shown ? { ...shown, state: "stale", problem } : { state: "failed", problem };
    }
    if (asked !== this.#asked) return;
    this.busy = false;
    this.shown = next;
  }

  /** Shows a value that came from elsewhere, such as the answer to a change. */
  put(value: Value): void {
    this.#asked += 1;
    this.busy = false;
    this.shown = { state: "ready", value, at: this.#now() };
  }
}

/** Anything thrown, as a problem: a fault of the page itself included. */
export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const problem = new ApiProblem({
    code: "UNEXPECTED",
    status: 0,
    title: "the page failed",
    detail: String(error),
  });
  problem.cause = error;
  return problem;
}
