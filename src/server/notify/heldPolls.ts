import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  ASKS_FOR,
  COARSE,
  goneBy,
  HOLD_HEADER,
  heldFor,
  isGone,
  RUN_HEADER,
} from "../../core/fleet/notification/hold.ts";
import { NO_PAGE } from "../api/securityHeaders.ts";
import type { PublishedTrees, Versions } from "../settings/publishedTrees.ts";

/** Time (ms) by which requests may be held too long: one timer is for all of them. */
const TICK = 1_000;
/** Requests for which the database is asked at once. */
const TOGETHER = 500;

/** Requests that are let go at once. */
const FEW = 100;
/** Requests of one agent that are held at once: two machines with one identity, each with a connection that broke. */
const OF_ONE = 4;

/** One request that is held until there is something to say. It is held by the thousand: it has nothing to spare. */
export class HeldPoll {
  readonly agentId: string;
  readonly versions: Versions;
  /** Seconds for which the agent's next request will be held. */
  readonly offered: number;
  /** The second in which its time is over. */
  readonly due: number;
  /** The next of the same agent: several where an identity was copied, or a connection has just broken. */
  next: HeldPoll | undefined;
  /** The place of the answer; undefined while it is being found out whether there is one at once. */
  response: ServerResponse | undefined;
  /** Something has changed since it was looked at. */
  isWoken = false;

  constructor(asked: Pick<HeldPoll, "agentId" | "versions" | "offered" | "due">) {
    this.agentId = asked.agentId;
    this.versions = asked.versions;
    this.offered = asked.offered;
    this.due = asked.due;
  }
}

/** The answer to one that has all there is, and is to run nevertheless. */
export const RUN = Symbol("run");
/** News as JSON text, or that the agent is to run. */
export type PollAnswer = string | typeof RUN;

/** Finds the answers to requests; undefined for those that are to go on waiting. */
type Look = (polls: readonly HeldPoll[]) => Promise<(PollAnswer | undefined)[]>;

/** The requests for notifications that this server holds, by agent, and who has asked lately. */
export class HeldPolls {
  readonly #look: Look;
  readonly #failed: (error: unknown) => void;
  readonly #random: () => number;
  /** Since when (ms) this server holds requests. */
  readonly openSince: number;
  readonly #held = new Map<string, HeldPoll>();
  /** The same by the second in which their time is over. */
  readonly #due = new Map<number, Set<HeldPoll>>();
  readonly #woken = new Set<HeldPoll>();
  readonly #askedAt = new Map<string, number>();
  #purgedAt = 0;
  #unwritten = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> | undefined;
  #closed = false;
  /** The fleet's size when it was last counted. */
  fleet: { agents: number; at: number } | undefined;

  constructor(
    trees: Pick<PublishedTrees, "watch">,
    look: Look,
    failed: (error: unknown) => void,
    random: () => number,
    openSince: number,
  ) {
    this.openSince = openSince;
    this.#look = look;
    this.#failed = failed;
    this.#random = random;
    trees.watch(() => {
      for (const first of this.#held.values()) this.#wakeAll(first);
    });
  }

  /** Requests that are held. */
  get size(): number {
    let held = 0;
    for (const polls of this.#due.values()) held += polls.size;
    return held;
  }

  /** Listens for a request from now on. What was so before has to be read, and then it is held or let go. */
  enter(agentId: string, versions: Versions, { hold, offered }: { hold: number; offered: number }): HeldPoll {
    const due = Math.ceil((performance.now() + heldFor(hold, this.#random()) * 1_000) / TICK);
    const poll = new HeldPoll({ agentId, versions, offered, due });
    poll.next = this.#held.get(agentId);
    this.#held.set(agentId, poll);
    this.#letOldestGo(poll);
    const together = this.#due.get(due) ?? new Set();
    this.#due.set(due, together.add(poll));
    this.#timer ??= setInterval(() => void this.#endDue(), TICK).unref();
    return poll;
  }

  /** Lets the oldest of an agent's requests go, where it has more than it may. */
  #letOldestGo(newest: HeldPoll): void {
    let oldest: HeldPoll | undefined;
    let count = 0;
    for (let each: HeldPoll | undefined = newest; each !== undefined; each = each.next) {
      count++;
      // One that is being looked at for the first time is let go by whoever looks.
      if (each.response !== undefined) oldest = each;
    }
    if (count > OF_ONE && oldest !== undefined) this.#answer(oldest, undefined);
  }

  /** Holds a request: it is answered by and by, unless whoever asked has gone. */
  hold(poll: HeldPoll, response: ServerResponse, headers: Record<string, string>): void {
    poll.response = response;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.once("close", () => this.leave(poll));
    // Nobody reads them any more, and they are most of what a request takes.
    response.req.rawHeaders = [];
    if (response.destroyed) this.leave(poll);
    else if (this.#closed) this.#answer(poll, undefined);
    else if (poll.isWoken) this.#wake(poll);
  }

  /** Holds it no longer. */
  leave(poll: HeldPoll): void {
    poll.response = undefined;
    this.#woken.delete(poll);
    const together = this.#due.get(poll.due);
    if (together?.delete(poll) === true && together.size === 0) this.#due.delete(poll.due);
    this.#unchain(poll);
    if (this.#due.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #unchain(poll: HeldPoll): void {
    const first = this.#held.get(poll.agentId);
    if (first === poll) {
      if (poll.next === undefined) this.#held.delete(poll.agentId);
      else this.#held.set(poll.agentId, poll.next);
      return;
    }
    for (let each = first; each !== undefined; each = each.next) {
      if (each.next === poll) each.next = poll.next;
    }
  }

  /** Has those of some agents looked at again, which any server has told; all, where it is not known which. */
  wakeSome(agentIds: readonly string[] | undefined): void {
    for (const agentId of agentIds ?? this.#held.keys()) this.wake(agentId);
  }

  /** Has those of an agent looked at again. */
  wake(agentId: string): void {
    this.#wakeAll(this.#held.get(agentId));
  }

  #wakeAll(first: HeldPoll | undefined): void {
    for (let each = first; each !== undefined; each = each.next) this.#wake(each);
  }

  #wake(poll: HeldPoll): void {
    poll.isWoken = true;
    if (poll.response === undefined) return;
    this.#woken.add(poll);
    this.#work ??= this.#lookAgain()
      .catch(this.#failed)
      .finally(() => {
        this.#work = undefined;
      });
  }

  async #lookAgain(): Promise<void> {
    // Those who are woken together are looked at together.
    await nextTurn();
    while (this.#woken.size > 0) {
      const some = [...this.#woken.values().take(TOGETHER)];
      for (const poll of some) {
        this.#woken.delete(poll);
        poll.isWoken = false;
      }
      const answers = await this.#look(some);
      some.forEach((poll, index) => {
        if (answers[index] !== undefined) this.#answer(poll, answers[index]);
      });
    }
  }

  /** Thousands that asked in the same second are let go a few at a time, and others between them. */
  async #endDue(): Promise<void> {
    const now = performance.now() / TICK;
    let few = 0;
    for (const [due, polls] of this.#due) {
      if (due > now) continue;
      for (const poll of polls) {
        // One that is being looked at for the first time is let go by whoever looks.
        if (poll.response === undefined) continue;
        this.#answer(poll, undefined);
        if (++few % FEW === 0) await nextTurn();
      }
    }
  }

  /** Answers with news, or that there are none. */
  #answer(poll: HeldPoll, news: PollAnswer | undefined): void {
    const { response } = poll;
    this.leave(poll);
    if (response === undefined) return;
    const headers = { ...NO_PAGE, "cache-control": "no-store", [HOLD_HEADER]: String(poll.offered) };
    if (typeof news !== "string") {
      response.writeHead(204, news === RUN ? { ...headers, [RUN_HEADER]: "now" } : headers).end();
      return;
    }
    const length = String(Buffer.byteLength(news));
    const described = { "content-type": "application/json; charset=utf-8", "content-length": length };
    response.writeHead(200, { ...headers, ...described }).end(news);
  }

  /** An agent has asked. */
  note(agentId: string, now: number): void {
    if (Math.abs(now - (this.#askedAt.get(agentId) ?? -Infinity)) < COARSE) return;
    this.#askedAt.set(agentId, now);
    this.#unwritten.add(agentId);
  }

  /** Agents that have asked since the last call, for the database. */
  takeUnwritten(now: number): string[] {
    // The database knows of those; the others may be agents that are gone.
    if (Math.abs(now - this.#purgedAt) >= ASKS_FOR) {
      this.#purgedAt = now;
      for (const [id, at] of this.#askedAt) if (Math.abs(now - at) >= ASKS_FOR) this.#askedAt.delete(id);
    }
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
    return this.#held.has(agentId) || now - this.#lastAsked(agentId, polledAt) < ASKS_FOR;
  }

  /**
   * The same of one that others wait for: it need not be reached only while some server holds its request, or will shortly.
   *
   * @param hold seconds for which requests are held
   */
  isThere(agentId: string, polledAt: number | null, hold: number, now: number): boolean {
    const gone = goneBy({ hold, openSince: this.openSince }, now);
    return this.#held.has(agentId) || !isGone(this.#lastAsked(agentId, polledAt), gone);
  }

  #lastAsked(agentId: string, polledAt: number | null): number {
    return Math.max(polledAt ?? -Infinity, this.#askedAt.get(agentId) ?? -Infinity);
  }

  /** Lets everybody go who waits. */
  close(): void {
    this.#closed = true;
    for (const polls of this.#due.values()) {
      for (const poll of polls) if (poll.response !== undefined) this.#answer(poll, undefined);
    }
  }
}
