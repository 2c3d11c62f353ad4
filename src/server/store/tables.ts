import type { ColumnType, Generated } from "kysely";

/** Milliseconds since the epoch. */
type Time = number;
/** JSON as text. */
type Json = string;

/** The rows of the database (`migrations/`): text ids, whole milliseconds, 0 and 1, JSON as text. */
export interface Tables {
  /** One row, `state`: whether there is an administrator. */
  setup: { token_hash: string; created_at: Time; used_at: Time | null };
  users: {
    id: string;
    name: string;
    role: string;
    password_hash: string;
    created_at: Time;
    disabled_at: Time | null;
    /** Secret of the second factor, encrypted; when it was confirmed, and the step of the last code that was taken. */
    factor_secret: string | null;
    factor_at: Time | null;
    factor_step: number | null;
    /** Issuer and subject, of one who comes by OpenID Connect. */
    open_id: string | null;
  };
  recovery_codes: { user_id: string; code_hash: string };
  /** Failures to sign in, by hashed name and address. */
  sign_in_failures: { key: string; count: number; last_at: Time; said: number };
  /** Browsers on their way to the provider of OpenID Connect and back. */
  open_id_attempts: {
    state_hash: string;
    verifier: string;
    nonce: string;
    browser_hash: string;
    expires_at: Time;
    /** Network that it began from, hashed. */
    place: string | null;
  };
  sessions: {
    id_hash: string;
    user_id: string;
    created_at: Time;
    seen_at: Time;
    expires_at: Time;
    address: string;
    agent: string;
  };
  api_tokens: {
    id: string;
    name: string;
    token_hash: string;
    role: string;
    created_by: string;
    created_at: Time;
    expires_at: Time | null;
    used_at: Time | null;
    /** Operations and areas that it is for, as a list; null for all that its role may. */
    scope: Json | null;
    /** The user who made it, or made the token that made it; null where nobody knows, and it opens nothing. */
    maker_id: string | null;
  };
  enrolment_tokens: {
    id: string;
    token_hash: string;
    uses: number | null;
    used: number;
    domain: string;
    created_by: string;
    created_at: Time;
    expires_at: Time | null;
  };
  domains: { name: string; created_at: Time; comment: Generated<string>; version: Generated<number> };
  policies: {
    id: string;
    name: string;
    version: number;
    /** The fields of a policy document (`core/settings/policy`), as they were written. */
    settings: Json;
    /** Of the Update Agent role, for the agents that it names. */
    kinds: Json;
    author: string;
    changed_at: Time;
  };
  policy_domains: { domain: string; policy_id: string };
  policy_agents: { agent_id: string; policy_id: string };
  /** Kinds of the Update Agent role that an agent was granted by hand. */
  grants: { agent_id: string; kinds: Json; author: string; granted_at: Time };
  agents: {
    id: string;
    name: string;
    /** Lower case, for searches. */
    search: string;
    fingerprint: string;
    domain: string;
    secret_hash: string;
    addresses: Json;
    program: string;
    created_at: Time;
    /** When its last report came, by the server's clock, and what of that lists are sorted and filtered by. */
    reported_at: Time | null;
    outcome: string | null;
    code: string | null;
    source: string | null;
    retired_at: Time | null;
    clone_of: string | null;
    /** The port it listens at: 0 for none, null while it has not said. */
    port: number | null;
    /** The address that its last enrolment or report came from. */
    seen_at: string | null;
    /** When it last asked for notifications, to about a minute. */
    polled_at: Time | null;
    /** When two machines last reported as this agent. */
    doubled_at: Time | null;
    /** Reports that were ever taken of it. */
    reports: Generated<number>;
    /** Start and end, by its own clock, of the run that was reported last. */
    run_started_at: Time | null;
    run_ended_at: Time | null;
    /** The domains of its DNS search list; null while it has not said. */
    dns_suffixes: Json | null;
    /** The topic that it listens to at a broker; null for none. */
    topic: string | null;
    /** Names of its machine, as a list; null while it has not said. */
    host_names: Json | null;
    /** URLs under which others reach it (`core/fleet/reports/ownUrls`); null for none. */
    own_urls: Json | null;
    /** Of a secret that was given, and not used yet. */
    next_secret_hash: string | null;
    /** Of the secret before, which nobody should have any more. */
    last_secret_hash: string | null;
    /** When the secret in force was first used; null for as long as the agent. */
    secret_at: Time | null;
    /** When a person asked for another secret. */
    rotate_at: Time | null;
    /** When its secret was taken back. */
    revoked_at: Time | null;
    /** 1 where its last run did not get what it could have. */
    failing: Generated<0 | 1>;
    /** The source that delivered first in its last run, as the order names it: null for none asked, empty where all failed. */
    used: string | null;
    /** The source that its order begins with: null before it was computed, empty for none. */
    planned: string | null;
    /** The URL of that, where it is an entry of the list. */
    planned_url: string | null;
    /** 1 while `planned` has to be computed again. */
    plan_due: Generated<0 | 1>;
    /** Version of the source list that its last run went by; null where it did not say, or went by a file. */
    list_version: number | null;
    /** Since when `used` is another than `planned`, for one whose last run went by the list in force. */
    deviates_since: Time | null;
    /** Space on its disk, in bytes, and how long its machine has run, in ms. */
    free_bytes: number | null;
    uptime: number | null;
    /** Versions of the timestamps that it held at its last report. */
    content_version: number | null;
    settings_version: number | null;
    /** Ways to sources, as its attempts found them (`core/fleet/reports/agentPaths`); null for none. */
    paths: Json | null;
  };
  runs: {
    sequence: Generated<number>;
    agent_id: string;
    /** Among the agent's own, from 1. */
    number: number;
    started_at: Time;
    ended_at: Time;
    received_at: Time;
    trigger: string;
    outcome: string;
    code: string | null;
    bytes: number;
    document: Json;
    /** Characters of the document. */
    size: number;
  };
  /** Characters of all reports that are kept: the sum of all parts. */
  kept_reports: { part: number; bytes: number };
  /**
   * Attempts at sources, summed up by hour: the time (ms) at which it began. A source is `@` and an id for an Update Agent, else
   * what people call it, where a first `@` is doubled.
   */
  traffic: {
    hour: Time;
    source: string;
    part: number;
    attempts: number;
    failed: number;
    bytes: number;
    /** Of these, the bytes that were thrown away. */
    wasted: Generated<number>;
  };
  /**
   * Bytes that came to the agents of a network (/24, /64) on a day: the time (ms) at which it began. `far` is what came
   * over the link, `whole` what it would have been without Update Agents and deltas.
   */
  network_traffic: {
    day: Time;
    network: string;
    part: number;
    runs: number;
    bytes: number;
    far_bytes: number;
    far_ms: number;
    whole_bytes: number;
    /** Of `bytes` and of `far_bytes`, those that were thrown away. */
    wasted_bytes: Generated<number>;
    far_wasted_bytes: Generated<number>;
  };
  /** Rejections by an agent of what a source sent: the URL of an entry, `server` or `ActiveUpdate`. */
  rejections: { source: string; agent_id: string; code: string; since_at: Time; last_at: Time };
  /** When this site's servers first saw each version of a timestamp. */
  publications: { repository: string; version: number; seen_at: Time };
  /** Facts of the site as a whole: the settings by which `planned` was computed of all agents. */
  marks: { name: string; value: string };
  /** Suggestions that somebody accepted or dismissed. */
  suggestions: { id: string; answer: string; author: string; answered_at: Time };
  /** Every version of every settings document that was ever saved. */
  documents: {
    name: string;
    version: number;
    content: Json;
    author: string;
    created_at: Time;
    note: string;
    effect: Json | null;
    published_at: Time | null;
  };
  /** The settings repository as it is published: paths below the web root, and the text of each file. */
  published_files: { path: string; content: string };
  notifications: {
    id: string;
    created_at: Time;
    created_by: string;
    target: Json;
    state: string;
    active: 1 | null;
    /** Numbers of its Update Agents, and of the others, who are told after them. */
    update_agents: number;
    others: number;
    spread_window: number;
    /** When the others began to be told. */
    spread_at: Time | null;
    ended_at: Time | null;
    absorbed_by: string | null;
    /** 1 where agents are to run even if they have it already. */
    run: Generated<number>;
  };
  /** Agents of notifications. */
  told: {
    notification_id: string;
    agent_id: string;
    /** 0 for Update Agents, else its place in the spread, from 1. */
    place: number;
    state: string;
    /** Not to be taken up before; in the states that are awaited, when the wait is over. */
    next_at: Time | null;
    attempts: number;
    /** When it was first told, or could first not be reached. */
    told_at: Time | null;
    code: string | null;
  };
  /** Events, each as the text that webhooks are sent. */
  events: { id: string; at: Time; type: string; subject: string; body: Json };
  webhooks: {
    id: string;
    name: string;
    url: string;
    /** Types of the events that it is told of; none for all. */
    events: Json;
    /** Sealed (`access/sealedSecrets`). */
    secret: string;
    created_by: string;
    created_at: Time;
    /** Since when nothing could be delivered. */
    failing_since: Time | null;
    disabled_at: Time | null;
    disabled_reason: string | null;
    /** Events that were not kept for it, and of these those that it was told of; since when, and when the last one was. */
    dropped: Generated<number>;
    dropped_told: Generated<number>;
    dropped_since: Time | null;
    dropped_last: Time | null;
  };
  /** Events that webhooks are to be told of, or were. */
  deliveries: {
    event_id: string;
    webhook_id: string;
    raised_at: Time;
    state: string;
    attempts: number;
    /** When it is tried next; nobody else takes it before. */
    next_at: Time | null;
    ended_at: Time | null;
    code: string | null;
  };
  /** Conditions that hold, by the last look. */
  conditions: {
    kind: string;
    subject: string;
    since: Time;
    raised_at: Time;
    message: string;
    detail: Json;
  };
  /** States of a server's work that every server shows. */
  notes: { subject: string; at: Time; content: Json };
  /** Components that were ever offered, and how their releases reach the fleet. */
  rollouts: {
    component: string;
    /** Stages as `core/settings/rollout` has them. */
    stages: Json;
    /** When a stage is halted. */
    limits: Json;
    pin: number | null;
    version: number;
    author: string;
    changed_at: Time;
  };
  releases: {
    component: string;
    release: number;
    version: string;
    /** When it was first offered here; 0 for one that was there before this server first looked. */
    seen_at: Time;
    offered: 0 | 1;
    halted_at: Time | null;
    halted_by: string | null;
    halt_reason: string | null;
    evidence: Json | null;
  };
  /** Components of each agent, as of its last report. */
  agent_components: {
    agent_id: string;
    component: string;
    release: number;
    version: string;
    /** Its place in the percent of stages, in millionths of the whole. */
    place: number;
    /** When it was first reported with this release, by the server's clock. */
    since_at: Time;
    /** The release that failed or was rolled back there. */
    failed_release: number | null;
    /** The failure with which it did. */
    failed_code: string | null;
    /** The failure of its last run. */
    code: string | null;
    /** The release that is held back, and why. */
    held: Json | null;
  };
  /** Changes that wait for a second person, and those that were decided. */
  proposals: {
    id: string;
    component: string;
    change: Json;
    from_version: number;
    reach: Json;
    state: string;
    author: string;
    /** The user who made it, or made the token that did; null where nobody knows. */
    author_id: string | null;
    created_at: Time;
    decided_by: string | null;
    decided_at: Time | null;
  };
  /** Shares of the fleet that each person changed alone, of late. */
  reaches: { id: string; person_id: string; at: Time; millionths: number };
  audit: {
    sequence: Generated<number>;
    at: ColumnType<Time, Time, never>;
    actor: ColumnType<string, string, never>;
    /** Null in entries from before these columns, and the id of what has none. */
    actor_kind: ColumnType<string | null, string, never>;
    actor_id: ColumnType<string | null, string | null, never>;
    address: ColumnType<string, string, never>;
    operation: ColumnType<string, string, never>;
    subject: ColumnType<string, string, never>;
    detail: ColumnType<Json, Json, never>;
  };
}
