import type { IncomingMessage, ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { Log } from "../config/log.ts";
import type { Kind } from "../core/content/kind.ts";
import { retryDelay } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import { readAuthority } from "../http/caFile.ts";
import { formatRelayState, type RelayState, STATE_HEADER } from "../http/relayState.ts";
import { relayDirOf } from "../store/files.ts";
import type { Orders } from "./instructions.ts";
import type { Serving } from "./residentState.ts";
import type { Clock } from "./scheduler.ts";

/** What serves other agents, as far as this one has to do with it. */
export interface RelayPart {
  /** Answers a request that is no notification. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** The kinds that it may serve from now on. */
  grant(kinds: Kind[]): void | Promise<void>;
  /** What this agent holds may have become newer. It ends when it has all; what fails is logged, and never thrown. */
  refresh(): Promise<void>;
  /** What monitors are told, and the same as a page of metrics. */
  health(): Serving;
  metrics(): Promise<{ contentType: string; body: string }>;
  close(): Promise<void>;
}

export type StartRelay = (options: {
  config: Config;
  agentId: string;
  kinds: Kind[];
  log: Log;
  /** Why nobody can reach this agent; undefined when they can. */
  whyUnreached(): string | undefined;
}) => Promise<RelayPart>;

/** The role of an Update Agent: taken when it is granted, given up when the grant goes. */
export interface Role {
  /** What answers requests; undefined while there is nothing to serve. */
  serve(): RelayPart["handle"] | undefined;
  /** What monitors may look at; undefined while the role is not granted. */
  watched(): (Pick<RelayPart, "health"> & Partial<Pick<RelayPart, "metrics">>) | undefined;
  /**
   * After each run, and each change of the configuration: what is granted now, and that this agent may
   * hold something newer. Resolves when the role is as granted, or could not be taken yet; what is new
   * is fetched after that.
   */
  grant(grant: Grant): Promise<void>;
  /** There is something newer upstream: it is fetched for others at once. */
  refresh(): void;
  close(): Promise<void>;
}

export type Grant = Pick<Orders, "config" | "agentId" | "granted">;

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
  /** What the relay was started with. */
  basis: object;
}

/** Between attempts to take the role; ms. */
const TAKE_AGAIN = { first: 10_000, longest: 300_000 };

/**
 * Holds the role. Grants are followed one after the other. Whatever becomes of it, the agent goes on as
 * an agent: a relay that cannot be started is logged, and tried again.
 */
export function createRole({ log, startRelay, whyUnreached, clock, random }: RoleOptions): Role {
  let held: Held | undefined;
  let wanted: Grant | undefined;
  let failure: string | undefined;
  let failures = 0;
  let closed = false;
  let cancel = () => {};
  let work = Promise.resolve();

  const giveUp = async () => {
    const closing = held?.relay;
    held = undefined;
    await closing?.close();
  };
  const take = async ({ config, agentId, granted: kinds }: Grant, start: StartRelay) => {
    const basis = await basisOf(config);
    if (held !== undefined && !isDeepStrictEqual(held.basis, basis)) {
      log.info("this Update Agent begins anew, with the configuration that was changed");
      await giveUp();
    }
    if (held === undefined) {
      held = { relay: await start({ config, agentId, kinds, log, whyUnreached }), kinds, basis };
      log.info(`this agent is an Update Agent for ${kinds.join(", ")}`);
    } else if (!isDeepStrictEqual(held.kinds, kinds)) {
      log.info(`this Update Agent is now one for ${kinds.join(", ")}`);
      await held.relay.grant(kinds);
      held.kinds = kinds;
    }
    // It may take as long as the link needs for all that is new.
    void held.relay.refresh().catch(say);
  };
  const follow = async () => {
    cancel();
    try {
      if (isGranted(wanted) && startRelay !== undefined) await take(wanted, startRelay);
      else if (held !== undefined) {
        // A grant that is missing by mistake must not cost the branch the whole of it again.
        const copy = wanted === undefined ? "its copy" : relayDirOf(wanted.config.dataDir);
        log.info(`this agent is no Update Agent any more; ${copy} stays, and may be deleted`);
        await giveUp();
      }
      failure = undefined;
      failures = 0;
    } catch (error) {
      failure = say(error);
      cancel = clock.after(retryDelay(++failures, random(), TAKE_AGAIN), () => void next());
    }
  };
  const next = () => {
    work = work.then(follow);
    return work;
  };
  const say = (error: unknown) => {
    const reason = explainError(error);
    log[reason === failure ? "debug" : "error"](`the Update Agent's part failed: ${reason}`);
    return reason;
  };
  return {
    serve: () => {
      const relay = held?.relay;
      if (relay !== undefined) return (request, response) => relay.handle(request, response);
      if (!isGranted(wanted) || startRelay === undefined) return undefined;
      return (_, response) => turnAway(response, failure === undefined ? "filling" : "unavailable");
    },
    watched: () => {
      if (held !== undefined) return held.relay;
      if (!isGranted(wanted)) return undefined;
      return { health: () => ({ serving: false, reason: failure ?? "it is being started" }) };
    },
    grant: (grant) => {
      if (!closed) wanted = grant;
      return next();
    },
    close: () => {
      closed = true;
      wanted = undefined;
      work = work.then(async () => {
        cancel();
        await giveUp();
      });
      return work;
    },
    refresh: () => void held?.relay.refresh(),
  };
}

const isGranted = (grant: Grant | undefined): grant is Grant =>
  grant !== undefined && grant.granted.length > 0;

/** All of a configuration that a relay may go by, with what stands in the files that it reads once. */
async function basisOf(config: Config): Promise<object> {
  const { checked: _, listen: __, metrics: ___, notify: ____, hooks: _____, log: ______, ...rest } = config;
  return { ...rest, authority: await readAuthority(config) };
}

/** There is no relay at this moment: one that is being started is waited for, another source is next after one that failed. */
function turnAway(response: ServerResponse, state: RelayState["state"]): void {
  const headers = { "retry-after": "2", "content-length": 0, [STATE_HEADER]: formatRelayState({ state }) };
  response.writeHead(503, headers).end();
}
