import type { PublishedTrees } from "../settings/publishedTrees.ts";

/** An agent counts as one that asks for so long (ms) after it did: longer than it waits after an error. */
const ASKS_FOR = 900_000;
/** Greatest age (ms) of the time that the database has of an agent's last request. */
const COARSE = 60_000;

/** One request that is held until there is something to say. */
export class HeldPoll {
  /** Nothing is to be waited for any more: its time has passed, or whoever asked is gone. */
  over = false;
  #change = Promise.withResolvers<void>();

  /** Listens from now on; the promise resolves with the next change. What was so before has to be read. */
  next(): Promise<void> {
    this.#change = Promise.withResolvers();
    return this.over ? Promise.resolve() : this.#change.promise;
  }

  wake(): void {
    this.#change.resolve();
  }

  end(): void {
    this.over = true;
    this.wake();
  }
}

/** The requests for notifications that this server holds, by agent, and who has asked lately. */
export class HeldPolls {
  readonly #held = new Map<string, Set<HeldPoll>>();
  readonly #askedAt = new Map<string, number>();
  #unwritten = new Set<string>();
  /** The fleet's size when it was last counted. */
  fleet: { agents: number; at: number } | undefined;

  constructor(trees: Pick<PublishedTrees, "watch">) {
    trees.watch(() => {
      for (const polls of this.#held.values()) for (const poll of polls) poll.wake();
    });
  }

  /** Requests that are held. */
  get size(): number {
    let held = 0;
    for (const polls of this.#held.values()) held += polls.size;
    return held;
  }

  /** Holds a request for `time` ms at most; `leave` has to be called in any case. */
  enter(agentId: string, time: number, gone: AbortSignal): { poll: HeldPoll; leave(): void } {
    const poll = new HeldPoll();
    const polls = this.#held.get(agentId) ?? new Set();
    this.#held.set(agentId, polls.add(poll));
    const end = () => poll.end();
    const timer = setTimeout(end, time);
    gone.addEventListener("abort", end);
    if (gone.aborted) end();
    const leave = () => {
      clearTimeout(timer);
      gone.removeEventListener("abort", end);
      polls.delete(poll);
      if (polls.size === 0 && this.#held.get(agentId) === polls) this.#held.delete(agentId);
    };
    return { poll, leave };
  }

  /** Has those of some agents read again, which any server has told; all, where it is not known which. */
  wakeSome(agentIds: readonly string[] | undefined): void {
    for (const agentId of agentIds ?? this.#held.keys()) this.wake(agentId);
  }

  /** Has those of an agent read again. */
  wake(agentId: string): void {
    for (const poll of this.#held.get(agentId) ?? []) poll.wake();
  }

  /** An agent has asked. */
  note(agentId: string, now: number): void {
    if (Math.abs(now - (this.#askedAt.get(agentId) ?? -Infinity)) < COARSE) return;
    this.#askedAt.set(agentId, now);
    this.#unwritten.add(agentId);
  }

  /** Agents that have asked since the last call, for the database. */
  takeUnwritten(): string[] {
    const taken = [...this.#unwritten];
    this.#unwritten = new Set();
    return taken;
  }

  /**
   * Whether an agent asks for notifications, and so need not be reached.
   *
   * @param polledAt when it last asked any server, by the database
   */
  isAsking(agentId: string, polledAt: number | null, now: number): boolean {
    const askedAt = Math.max(polledAt ?? -Infinity, this.#askedAt.get(agentId) ?? -Infinity);
    return this.#held.has(agentId) || now - askedAt < ASKS_FOR;
  }

  /** Lets everybody go who waits. */
  close(): void {
    for (const polls of this.#held.values()) for (const poll of polls) poll.end();
  }
}
