import { setTimeout as sleep } from "node:timers/promises";
import { nextAttemptAt, nextState, placesDue } from "../../core/fleet/notification/spread.ts";
import { createResolver, toLookup } from "../../dns/resolver.ts";
import { explainError } from "../../errors.ts";
import { createExchange } from "../../http/smallClient.ts";
import type { Context } from "../context.ts";
import {
  activeNotification,
  agentsLeft,
  type Notification,
  openNotifications,
  updateNotification,
} from "../store/notifications/notificationStore.ts";
import {
  type DueAgent,
  failSilent,
  giveBack,
  notePolls,
  noteTold,
  type Told,
  takeDue,
} from "../store/notifications/toldStore.ts";
import { transact } from "../store/transaction.ts";
import { say } from "../store/wakeUps.ts";
import { holdOffered } from "./answerPoll.ts";
import { goneNow } from "./awaited.ts";
import { pushNotice } from "./pushNotice.ts";
import { sayFailed } from "./sayFailed.ts";
import { running, statesOfKnowing, toldByBroker } from "./settle.ts";

/** Time (ms) between two looks whose turn it is: while agents are told, and else. */
const STEP = { telling: 250, idle: 1_000 };
/** Agents that are being reached at once: one that is off holds its place for seconds. */
const MOST_AT_ONCE = 256;
/** For so long (ms) an agent that is being told is nobody else's: longer than all attempts take. */
const LEASE = 30_000;
/** Time (ms) between two looks who has been silent for too long. */
const SWEEP = 10_000;

/**
 * Tells the agents of notifications. All that it goes by is in the database, so that another server, or this
 * one after it was killed, goes on where it was.
 */
export class Notifier {
  readonly #context: Context;
  readonly #exchange = createExchange(toLookup(createResolver({})), { anyone: true });
  readonly #stopping = new AbortController();
  /** Attempts that go on, by agent. */
  readonly #pushing = new Map<DueAgent, Promise<void>>();
  /** Outcomes of attempts, not yet written. */
  #outcomes: Told[] = [];
  #sweptAt = -Infinity;
  #loop: Promise<void> | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const isTelling = await this.step().catch((error) => {
        this.#context.log.error(`notifications do not go on: ${explainError(error)}`);
        return false;
      });
      await sleep(isTelling ? STEP.telling : STEP.idle, undefined, { signal }).catch(() => {});
    }
  }

  /**
   * Does what is due now.
   *
   * @returns whether there is a notification that tells agents
   */
  async step(): Promise<boolean> {
    const { database, now } = this.#context;
    await this.#write();
    const isSweep = Math.abs(now() - this.#sweptAt) >= SWEEP;
    if (isSweep) this.#sweptAt = now();
    for (const each of await openNotifications(database.db)) {
      if (isSweep) await failSilent(database.db, each.id, now());
      await this.#advance(each);
    }
    const active = await activeNotification(database.db);
    if (active !== undefined) await this.#tell(active);
    return active !== undefined;
  }

  /** Resolves once no attempt goes on, and what became of them is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#pushing.values());
    await this.#write();
  }

  /** Ends, and leaves what was not done to the next server. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.settled();
    this.#exchange.close();
  }

  async #advance(notification: Notification): Promise<void> {
    const { database, now, log, changes } = this.#context;
    const { id, createdAt: startedAt, state } = notification;
    const left = await agentsLeft(database.db, id, await goneNow(this.#context));
    if (state === "absorbed") {
      if (!left.awaited) await updateNotification(database.db, id, { endedAt: now() });
      return;
    }
    const next = nextState({ state, startedAt, ...left }, now());
    if (next === state) return;
    const times = {
      ...(next === "spreading" ? { spreadAt: now() } : {}),
      ...(next === "ended" ? { endedAt: now() } : {}),
    };
    if (next === "ended") log.info(`the notification ${id} has ended`);
    await transact(database.db, async (tx) => {
      await updateNotification(tx, id, { state: next, ...times });
      if (next === "ended") await sayFailed(tx, this.#context, id);
    });
    changes.note("notifications");
  }

  /** Takes those whose turn it is, as many as there are places for. */
  async #tell({ id, state, others, spreadAt, window }: Notification): Promise<void> {
    const { database, now, trees } = this.#context;
    const startedAt = spreadAt ?? now();
    const place = state === "update-agents" ? 0 : placesDue({ agents: others, startedAt, window }, now());
    const body = JSON.stringify(trees.newest() ?? {});
    for (;;) {
      const limit = MOST_AT_ONCE - this.#pushing.size;
      if (limit <= 0 || this.#stopping.signal.aborted) return;
      const due = { notificationId: id, place, now: now(), limit, leaseUntil: now() + LEASE };
      const taken = await transact(database.db, (tx) => takeDue(tx, database.dialect, due));
      if (taken.length === 0) return;
      const { asking, listening, others } = this.#apart(taken, await holdOffered(this.#context));
      for (const agent of others) this.#pushing.set(agent, this.#push(agent, body));
      await this.#sayAtBroker(listening);
      await this.#answerHeld(asking);
    }
  }

  /** Those who ask, those who listen to a broker that has the news, and those who have to be reached. */
  #apart(taken: DueAgent[], hold: number): Record<"asking" | "listening" | "others", DueAgent[]> {
    const { polls, now, broker } = this.#context;
    const topic = broker?.isTold === true ? broker.topic : undefined;
    const wayTo = (agent: DueAgent) => {
      const { agentId, place, polledAt } = agent;
      // Others wait for an Update Agent: one that is gone is found out at once.
      const isAsking =
        place === 0
          ? polls.isThere(agentId, polledAt, hold, now())
          : polls.isAsking(agentId, polledAt, now());
      if (isAsking) return "asking";
      return agent.topic !== null && agent.topic === topic ? "listening" : "others";
    };
    return { asking: [], listening: [], others: [], ...Object.groupBy(taken, wayTo) };
  }

  /** Those who listen to the broker are told there, all at once. */
  async #sayAtBroker(agents: DueAgent[]): Promise<void> {
    const { broker, trees, now } = this.#context;
    if (agents.length === 0) return;
    await broker?.sayAgain();
    const published = { publishedAt: trees.publishedAt(), now: now() };
    for (const agent of agents) {
      const { notificationId, agentId, attempts } = agent;
      this.#outcomes.push({ notificationId, agentId, attempts, ...toldByBroker(agent, published) });
    }
    await this.#write();
  }

  /**
   * Those who ask get their answer: at once where a server holds their request, else when they ask. It is the answer
   * that counts as telling them: one that has died since it asked is taken again after the lease, and reached for as
   * others are once it would have asked.
   */
  async #answerHeld(agents: DueAgent[]): Promise<void> {
    const { polls, database, changes } = this.#context;
    if (agents.length === 0) return;
    changes.note("notifications");
    for (const { agentId } of agents) polls.wake(agentId);
    // Requests that other servers hold.
    await say(
      database.db,
      "agents",
      agents.map(({ agentId }) => agentId),
    );
  }

  async #push(agent: DueAgent, body: string): Promise<void> {
    const { database, log } = this.#context;
    try {
      const told = await this.#attempt(agent, body);
      this.#outcomes.push(told);
    } catch (error) {
      if (!this.#stopping.signal.aborted) log.error(`an agent could not be told: ${explainError(error)}`);
      const { notificationId, agentId } = agent;
      await giveBack(database.db, notificationId, [agentId], this.#context.now()).catch(() => {});
    } finally {
      this.#pushing.delete(agent);
    }
  }

  async #attempt(agent: DueAgent, body: string): Promise<Told> {
    const { database, trees, now, random } = this.#context;
    const { notificationId, agentId, toldAt } = agent;
    const { answer, code } = await pushNotice(this.#exchange, agent, body, this.#stopping.signal);
    const attempts = agent.attempts + 1;
    const told = { notificationId, agentId, attempts };
    if (answer === "new") return { ...told, ...running(now()) };
    if (answer === "known") {
      const published = { publishedAt: trees.publishedAt(), now: now() };
      const known = await statesOfKnowing(database.db, [agentId], published);
      return { ...told, ...known(agentId) };
    }
    if (answer === "refused") return { ...told, state: "failed", nextAt: null, code };
    const nextAt = nextAttemptAt({ attempts, firstAt: toldAt }, now(), random(4).readUInt32LE() / 2 ** 32);
    return { ...told, state: "unreachable", nextAt, code };
  }

  /** Writes what came together, in one transaction. */
  async #write(): Promise<void> {
    const { database, polls, now, changes } = this.#context;
    const [outcomes, asked] = [this.#outcomes, polls.takeUnwritten(now())];
    this.#outcomes = [];
    if (outcomes.length === 0 && asked.length === 0) return;
    await transact(database.db, async (tx) => {
      await notePolls(tx, database.dialect, asked, now());
      await noteTold(tx, outcomes, ["waiting", "unreachable"]);
    });
    if (outcomes.length > 0) changes.note("notifications");
  }
}
