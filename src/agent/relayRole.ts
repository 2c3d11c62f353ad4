import type { IncomingMessage, ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/configSchema.ts";
import type { Log } from "../config/log.ts";
import type { Kind } from "../core/content/kind.ts";
import { retryDelay } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import { readAuthority } from "../http/connect/caFile.ts";
import { formatRelayState, type RelayState, STATE_HEADER } from "../http/relayState.ts";
import { relayDirOf } from "../store/dataDir.ts";
import type { Instructions } from "./instructions.ts";
import type { Serving } from "./residentState.ts";
import type { Clock } from "./scheduler.ts";

/** The server of other agents, as far as this agent uses it. */
export interface RelayPart {
  /** Answers a request that is no notification. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** The kinds that it may serve from now on. */
  grant(kinds: Kind[]): void | Promise<void>;
  /**
   * Called when this agent may hold something newer. It ends when all is fetched; failures are logged, and
   * never thrown.
   */
  refresh(): Promise<void>;
  /** The report for monitors, and the same as a page of metrics. */
  health(): Serving;
  metrics(): Promise<{ contentType: string; body: string }>;
  close(): Promise<void>;
}

export type StartRelay = (options: {
  config: Config;
  agentId: string;
  kinds: Kind[];
  log: Log;
  /** The reason why nobody can reach this agent; undefined when they can. */
  whyUnreached(): string | undefined;
}) => Promise<RelayPart>;

export type Grant = Pick<Instructions, "config" | "agentId" | "granted">;

export interface RoleOptions {
  log: Log;
  whyUnreached(): string | undefined;
  startRelay?: StartRelay | undefined;
  clock: Clock;
  random(): number;
}

/** The role while it is held. */
interface Held {
  relay: RelayPart;
  kinds: Kind[];
  /** The part of the configuration that the relay was started with. */
  basis: object;
}

/** Between attempts to take the role; ms. */
const ROLE_BACK_OFF = { first: 10_000, longest: 300_000 };

/**
 * The role of an Update Agent: taken when it is granted, given up when the grant goes. Grants are followed
 * one after the other. The agent goes on as an agent in any case: a relay that cannot be started is logged,
 * and tried again.
 */
export class Role {
  readonly #options: RoleOptions;
  #held: Held | undefined;
  #wanted: Grant | undefined;
  /** The reason why the role could not be taken, and the number of failures in a row. */
  #failure: string | undefined;
  #failures = 0;
  #closed = false;
  /** Undoes the attempt that is due. */
  #cancel = () => {};
  /** The work in progress, and all that waits for its turn. */
  #work = Promise.resolve();

  constructor(options: RoleOptions) {
    this.#options = options;
  }

  /** The handler of requests; undefined while there is nothing to serve. */
  serve(): RelayPart["handle"] | undefined {
    const relay = this.#held?.relay;
    if (relay !== undefined) return (request, response) => relay.handle(request, response);
    if (!isGranted(this.#wanted) || this.#options.startRelay === undefined) return undefined;
    return (_, response) =>
      refuseWithState(response, this.#failure === undefined ? "filling" : "unavailable");
  }

  /** The part that monitors may look at; undefined while the role is not granted. */
  watched(): (Pick<RelayPart, "health"> & Partial<Pick<RelayPart, "metrics">>) | undefined {
    if (this.#held !== undefined) return this.#held.relay;
    if (!isGranted(this.#wanted)) return undefined;
    return { health: () => ({ serving: false, reason: this.#failure ?? "it is being started" }) };
  }

  /**
   * Follows a grant: called after each run, and each change of the configuration, when this agent may also
   * hold something newer. Resolves when the role is as granted, or could not be taken yet; new content is
   * fetched after that.
   */
  async grant(grant: Grant): Promise<void> {
    if (!this.#closed) this.#wanted = grant;
    await this.#next();
  }

  /** There is something newer upstream: it is fetched for others at once. */
  refresh(): void {
    void this.#held?.relay.refresh();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = undefined;
    this.#work = this.#work.then(() => {
      this.#cancel();
      return this.#giveUp();
    });
    await this.#work;
  }

  #next(): Promise<void> {
    this.#work = this.#work.then(() => this.#follow());
    return this.#work;
  }

  async #follow(): Promise<void> {
    this.#cancel();
    const { startRelay, clock, random } = this.#options;
    try {
      if (isGranted(this.#wanted) && startRelay !== undefined) await this.#take(this.#wanted, startRelay);
      else if (this.#held !== undefined) await this.#endGrant();
      this.#failure = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#failure = this.#say(error);
      const delay = retryDelay(++this.#failures, random(), ROLE_BACK_OFF);
      this.#cancel = clock.after(delay, () => void this.#next());
    }
  }

  async #take({ config, agentId, granted: kinds }: Grant, start: StartRelay): Promise<void> {
    const { log, whyUnreached } = this.#options;
    const basis = await basisOf(config);
    if (this.#held !== undefined && !isDeepStrictEqual(this.#held.basis, basis)) {
      log.info("this Update Agent begins anew, with the configuration that was changed");
      await this.#giveUp();
    }
    if (this.#held === undefined) {
      this.#held = { relay: await start({ config, agentId, kinds, log, whyUnreached }), kinds, basis };
      log.info(`this agent is an Update Agent for ${kinds.join(", ")}`);
    } else if (!isDeepStrictEqual(this.#held.kinds, kinds)) {
      log.info(`this Update Agent is now one for ${kinds.join(", ")}`);
      await this.#held.relay.grant(kinds);
      this.#held.kinds = kinds;
    }
    // It may take as long as the link needs for all that is new.
    void this.#held.relay.refresh().catch((error) => this.#say(error));
  }

  async #endGrant(): Promise<void> {
    // A grant that is missing by mistake must not cost the branch the whole of it again.
    const copy = this.#wanted === undefined ? "its copy" : relayDirOf(this.#wanted.config.dataDir);
    this.#options.log.info(`this agent is no Update Agent any more; ${copy} stays, and may be deleted`);
    await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const closing = this.#held?.relay;
    this.#held = undefined;
    await closing?.close();
  }

  #say(error: unknown): string {
    const reason = explainError(error);
    const level = reason === this.#failure ? "debug" : "error";
    this.#options.log[level](`the Update Agent's part failed: ${reason}`);
    return reason;
  }
}

const isGranted = (grant: Grant | undefined): grant is Grant =>
  grant !== undefined && grant.granted.length > 0;

/** All parts of a configuration that a relay may use, with the content of the files that it reads once. */
async function basisOf(config: Config): Promise<object> {
  const { text: _, listen: __, metrics: ___, notify: ____, hooks: _____, log: ______, ...rest } = config;
  return { ...rest, authority: await readAuthority(config) };
}

/** There is no relay at this moment: one that is being started is waited for, another source is next after one that failed. */
function refuseWithState(response: ServerResponse, state: RelayState["state"]): void {
  const headers = { "retry-after": "2", "content-length": 0, [STATE_HEADER]: formatRelayState({ state }) };
  response.writeHead(503, headers).end();
}
