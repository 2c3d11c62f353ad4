import type { Log } from "../config/log.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Cookies } from "./access/cookies.ts";
import type { SecretLookup } from "./access/secretLookup.ts";
import type { EventStreams } from "./api/eventStreams.ts";
import type { AskElsewhere } from "./effect/fleetQuestion.ts";
import type { ChangeFeed } from "./events/changeFeed.ts";
import type { ReportIntake } from "./fleet/reportIntake.ts";
import type { ServerMetrics } from "./metrics/serverMetrics.ts";
import type { ContentMirror } from "./mirror/contentMirror.ts";
import type { BrokerNews } from "./notify/brokerNews.ts";
import type { HeldPolls } from "./notify/heldPolls.ts";
import type { ServerConfig } from "./serverConfig.ts";
import type { PublishedTrees } from "./settings/publishedTrees.ts";
import type { Database } from "./store/database.ts";
import type { WakeUps } from "./store/wakeUps.ts";

/** State of the signatures that this server looks after, as of its last look. */
export interface Upkeep {
  /** Reason for which something that was saved could not be published, and the remedy; it is tried again. */
  publishing: { reason: string; remedy: string } | undefined;
  /** Areas in which something has ended, or will since it is not renewed. */
  failing: ReadonlySet<string>;
  /** Reason for which what is published cannot be copied to where agents fetch it. */
  copying?: () => string | undefined;
  /** Areas in which something ends soon, weeks before anybody else would notice. */
  ending: ReadonlySet<string>;
}

/** Means that every part of a running server works with. */
export interface Context {
  config: ServerConfig;
  database: Database;
  log: Log;
  /** Trees that agents are served from. */
  trees: PublishedTrees;
  /** Names of this server's cookies. */
  cookies: Cookies;
  /** Answers questions of large fleets in another process; without it, on the event loop. */
  askElsewhere?: AskElsewhere | undefined;
  /** Finds agents by their secrets. */
  secrets: SecretLookup;
  upkeep: Upkeep;
  /** Agents that wait for a notification. */
  polls: HeldPolls;
  /** Takes the reports of agents, many at a time. */
  reports: ReportIntake;
  /** The broker that agents hear of news from, where there is one. */
  broker?: BrokerNews | undefined;
  /** Counts what this process does. */
  metrics: ServerMetrics;
  /** Pages that watch something change. */
  streams: EventStreams;
  /** Ears for what servers of one database say to each other. */
  wakeUps: WakeUps;
  /** Pages that wait for any resource to change. */
  changes: ChangeFeed;
  /** The vendor's content, kept new in the trees. */
  mirror: ContentMirror;
  /** Looks the host names of sources up. */
  resolver: Resolver;
  /** Milliseconds since the epoch. */
  now(): number;
  random(bytes: number): Buffer;
}
