import * as v from "valibot";
import { type Kind, kindList } from "../content/kind.ts";
import { byteLength, positiveInteger, readDocument } from "../document.ts";
import { type RateLimit, rateLimitSchema } from "./rateLimit.ts";
import { type Schedule, scheduleSchema, type Trigger } from "./schedule.ts";

/** `settings/policies/<domain>.json`: the rights and duties of the agents of a domain (docs/design.md §4). */
export interface Policy {
  version: number;
  /** The privilege to update from ActiveUpdate. */
  activeUpdate: boolean;
  /** `documented`: clauses 3(a) or 3(b) of docs/design.md §2; `privilege`: 3(a) alone. */
  activeUpdateRule: "documented" | "privilege";
  /** Adds ActiveUpdate after a failed server, where the privilege is on. */
  activeUpdateAfterServer: boolean;
  /** The kinds that ActiveUpdate is asked for. */
  activeUpdateKinds: Kind[];
  /** The kinds that a run needs, unless the agent's own configuration says otherwise. */
  kinds?: Kind[] | undefined;
  /** Download speed of an agent, unless its own configuration says otherwise. */
  rateLimit?: RateLimit | undefined;
  /** Schedule of a resident agent; undefined for once an hour. */
  schedule?: Schedule | undefined;
  /** `window`: within how many milliseconds after a notification its run begins. */
  notify: { window: number };
  /**
   * Longest time (ms) that a run waits in all at Update Agents that are filling or full, before it goes on.
   */
  patience: Record<Trigger, number>;
  /** Days after which a run hashes all that is installed again; undefined for never. */
  verifyEvery?: number | undefined;
  /** Releases held, by `kind/name`: that release and no other is installed. */
  holds: Record<string, number>;
}

const notifyWindow = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(86_400_000));

const wait = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(86_400_000));
const PATIENCE: Policy["patience"] = { schedule: 600_000, notify: 600_000, manual: 10_000 };
const patience = v.pipe(
  v.union(
    [wait, v.partial(v.object({ schedule: wait, notify: wait, manual: wait }))],
    '!must be milliseconds, such as 600000, or { "schedule": 600000, "manual": 10000 }',
  ),
  v.transform((given): Policy["patience"] =>
    typeof given === "number" ? { schedule: given, notify: given, manual: given } : { ...PATIENCE, ...given },
  ),
);

/** The schema of a policy; `parsePolicy` reads by it. */
export const policySchema = v.object({
  version: v.optional(byteLength, 0),
  activeUpdate: v.optional(v.boolean(), false),
  activeUpdateRule: v.optional(v.picklist(["documented", "privilege"]), "documented"),
  activeUpdateAfterServer: v.optional(v.boolean(), false),
  activeUpdateKinds: v.optional(kindList, ["components"]),
  kinds: v.optional(kindList),
  rateLimit: v.optional(rateLimitSchema),
  schedule: v.optional(scheduleSchema),
  notify: v.optional(v.object({ window: v.optional(notifyWindow, 60_000) }), { window: 60_000 }),
  patience: v.optional(patience, {}),
  verifyEvery: v.optional(v.pipe(positiveInteger, v.maxValue(3_650))),
  holds: v.optional(v.record(v.string(), positiveInteger), {}),
});

/** The policy of an agent whose site published none. */
export const DEFAULT_POLICY: Policy = v.parse(policySchema, {});

/**
 * Reads a policy of unknown shape.
 *
 * @throws DocumentError naming the field and the reason
 */
export function parsePolicy(value: unknown): Policy {
  return readDocument(policySchema, value);
}

/** The schema of the grants; `parseUpdateAgents` reads by it. */
export const updateAgentsSchema = v.object({
  version: v.optional(byteLength, 0),
  agents: v.array(v.object({ id: v.pipe(v.string(), v.minLength(1, "!is empty")), kinds: kindList })),
});

/** `settings/update-agents.json`: which agents, by id, hold which kinds of the Update Agent role. */
export type UpdateAgents = v.InferOutput<typeof updateAgentsSchema>;

/**
 * Reads the grants of the Update Agent role.
 *
 * @throws DocumentError naming the field and the reason
 */
export function parseUpdateAgents(value: unknown): UpdateAgents {
  return readDocument(updateAgentsSchema, value);
}
