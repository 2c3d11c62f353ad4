import type { Log } from "../config/log.ts";
import type { SignInLimit } from "./access/signInLimit.ts";
import type { ServerConfig } from "./serverConfig.ts";
import type { PublishedTrees } from "./settings/publishedTrees.ts";
import type { Database } from "./store/database.ts";

/** Means that every part of a running server works with. */
export interface Context {
  config: ServerConfig;
  database: Database;
  log: Log;
  /** Trees that agents are served from. */
  trees: PublishedTrees;
  signIns: SignInLimit;
  /** Milliseconds since the epoch. */
  now(): number;
  random(bytes: number): Buffer;
}
