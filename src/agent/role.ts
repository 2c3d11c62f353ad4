import type { IncomingMessage, ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Kind } from "../core/kind.ts";
import { explainError } from "../errors.ts";
import type { Config } from "../io/config.ts";
import type { Log } from "../io/log.ts";
import type { Orders } from "./orders.ts";

/** What serves other agents, as far as this one has to do with it. */
export interface RelayPart {
  /** Answers a request that is no notification. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** The kinds that it may serve from now on. */
  grant(kinds: Kind[]): void | Promise<void>;
  /** What this agent holds may have become newer. */
  refresh(): void | Promise<void>;
  /** What monitors are told, and the same as a page of metrics. */
  health(): object;
  metrics(): Promise<{ contentType: string; body: string }>;
  close(): Promise<void>;
}

export type StartRelay = (options: {
  config: Config;
  agentId: string;
  kinds: Kind[];
  log: Log;
}) => Promise<RelayPart>;

/** The role of an Update Agent: taken when it is granted, given up when the grant goes. */
export interface Role {
  /** What answers requests; undefined while there is nothing to serve. */
  serve(): RelayPart["handle"] | undefined;
  /** What monitors may look at; undefined while there is nothing to serve. */
  watched(): Pick<RelayPart, "health" | "metrics"> | undefined;
  /** After each run: what is granted now, and that this agent may hold something newer. */
  grant(orders: Pick<Orders, "config" | "agentId" | "granted">): Promise<void>;
  close(): Promise<void>;
}

/**
 * Holds the role. Whatever becomes of it, the agent goes on as an agent: a relay that cannot be started
 * is logged, and tried again when the settings are read again.
 */
export function createRole(options: { log: Log; startRelay?: StartRelay | undefined }): Role {
  const { log, startRelay } = options;
  let relay: RelayPart | undefined;
  let held: Kind[] = [];

  const close = async () => {
    const closing = relay;
    relay = undefined;
    held = [];
    await closing?.close();
  };
  const take = async ({
    config,
    agentId,
    granted: kinds,
  }: Pick<Orders, "config" | "agentId" | "granted">) => {
    if (kinds.length === 0) {
      if (relay !== undefined) log.info("this agent is no Update Agent any more");
      return await close();
    }
    if (startRelay === undefined) return;
    if (relay === undefined) {
      relay = await startRelay({ config, agentId, kinds, log });
      log.info(`this agent is an Update Agent for ${kinds.join(", ")}`);
    } else if (!isDeepStrictEqual(held, kinds)) {
      log.info(`this Update Agent is now one for ${kinds.join(", ")}`);
      await relay.grant(kinds);
    }
    held = kinds;
    await relay.refresh();
  };
  return {
    serve: () => relay && ((request, response) => relay?.handle(request, response)),
    watched: () => relay,
    grant: async (orders) => {
      await take(orders).catch((error) =>
        log.error(`the Update Agent's part failed: ${explainError(error)}`),
      );
    },
    close,
  };
}
