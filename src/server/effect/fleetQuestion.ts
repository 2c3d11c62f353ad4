import type { Finding } from "../../core/findings/findingCodes.ts";
import type { FleetEffect } from "../../core/fleet/effect.ts";
import type { EntryUse } from "../../core/fleet/fleetUse.ts";
import type { Suggestion } from "../../core/fleet/suggest/suggestions.ts";
import type { Uncovered } from "../../core/fleet/uncovered.ts";
import type { ServerConfig } from "../serverConfig.ts";

/** A change of what the fleet goes by, as it was written and checked. */
export interface FleetChange {
  list?: Record<string, unknown> | undefined;
  /** Settings of domains, in place of theirs. */
  policies?: Record<string, Record<string, unknown>> | undefined;
  /** Roles of agents, by id, in place of theirs. */
  roles?: Record<string, "agent" | "update-agent"> | undefined;
  /** Base URLs of sources that are taken for dead. */
  without?: string[] | undefined;
}

/** A question of a list, as it was written: what is odd about it, by itself and in this fleet, and its effect. */
export interface CheckQuestion {
  check: Record<string, unknown>;
  /** Bytes of the content that Update Agents keep; null where that is not known. */
  contentBytes: number | null;
  now: number;
}

/** A question of the Update Agents that there should be, with the same facts. */
export interface SuggestQuestion {
  suggest: true;
  contentBytes: number | null;
  now: number;
}

export interface CheckAnswer {
  /** Null for a list that agents would refuse. */
  effect: FleetEffect | null;
  findings: Finding[];
  /** Use that the fleet would make of each entry, in their order; null as the effect is. */
  uses: EntryUse[] | null;
}

/**
 * A question that takes a look at every agent: what a change would do, whom no entry matches; or the work of planning
 * them again (`planAgents`).
 */
export type FleetQuestion =
  | { effectOf: FleetChange }
  | CheckQuestion
  | SuggestQuestion
  | { uncovered: true }
  | { plan: "all" | "due"; now: number };
export type FleetAnswer<Question extends FleetQuestion> = Question extends { effectOf: FleetChange }
  ? FleetEffect
  : Question extends CheckQuestion
    ? CheckAnswer
    : Question extends SuggestQuestion
      ? Suggestion[]
      : Question extends { uncovered: true }
        ? Uncovered
        : number;

/** Answers questions of large fleets elsewhere than on the event loop. */
export type AskElsewhere = (config: ServerConfig, question: FleetQuestion) => Promise<unknown>;
