import type { Repository } from "./content/layout.ts";
import type { Trigger, Why } from "./settings/schedule.ts";

/** The health of a resident agent, as monitors see it (docs/agent.md). Times are in ISO 8601. */
export interface AgentHealth {
  version: string;
  role: "agent" | "update-agent";
  /** The port at which it listens; null for none. */
  port: number | null;
  /** The newest run, by any trigger; null before the first. */
  lastRun: { trigger: Trigger; ended: string; outcome: string; code?: string | undefined } | null;
  /** Time of the last run that got all it wanted. */
  lastSuccess: string | null;
  /** Number of the installed generation; 0 for none. */
  generation: number;
  next: { at: string; why: Why } | null;
  running: { trigger: Trigger; since: string } | null;
  metadata: HeldMetadata[];
  /** The reason why some of this is not known. */
  problem?: string;
}

/** The trusted timestamp of a repository. */
export interface HeldMetadata {
  repository: Repository;
  version: number;
  expires: string;
  /** Time when a source last confirmed it to be the newest; null when none has. */
  confirmed: string | null;
}

export const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/** The last line of a page of metrics. */
export const END_OF_METRICS = "# EOF\n";

type Labels = Record<string, string>;
type Sample = { labels?: Labels; value: number | undefined };

/**
 * The same as metrics, in the text format of OpenMetrics 1.0 without its end. These few lines are
 * written by hand: the library that writes an Update Agent's would hold 16 MB in every agent that is asked.
 *
 * @param now milliseconds since the epoch
 */
export function agentMetrics(health: AgentHealth, now: number): string {
  const { version, role, port, lastRun, lastSuccess, generation, next, running, metadata } = health;
  const of = (value: number | undefined, labels?: Labels): Sample[] => [
    { value, ...(labels === undefined ? {} : { labels }) },
  ];
  const perRepository = (value: (held: HeldMetadata) => number | undefined): Sample[] =>
    metadata.flatMap((held) => of(value(held), { repository: held.repository }));
  const families: [name: string, help: string, samples: Sample[], type?: "info"][] = [
    ["", "This program, and its role.", of(1, { version, role }), "info"],
    ["last_run_timestamp_seconds", "When the last run ended.", of(secondsOf(lastRun?.ended))],
    ["last_run_outcome", "1 for how the last run ended.", lastRun ? of(1, { outcome: lastRun.outcome }) : []],
    ["last_success_timestamp_seconds", "When a run last got all it wanted.", of(secondsOf(lastSuccess))],
    [
      "age_seconds",
      "Time since a source confirmed what is held to be the newest.",
      perRepository(({ confirmed }) => ageOf(confirmed, now)),
    ],
    [
      "expiry_timestamp_seconds",
      "When what is held expires.",
      perRepository(({ expires }) => secondsOf(expires)),
    ],
    ["timestamp_version", "Version of the timestamp held.", perRepository(({ version }) => version)],
    ["generation", "The installed set; 0 for none.", of(generation)],
    ["next_run_timestamp_seconds", "When the next run is planned.", of(secondsOf(next?.at))],
    ["running", "1 during a run.", of(running === null ? 0 : 1)],
    ["listening", "1 while the agent listens at a port.", of(port === null ? 0 : 1)],
  ];
  return families.map((family) => familyText(...family)).join("");
}

function secondsOf(time: string | null | undefined): number | undefined {
  const at = Date.parse(time ?? "");
  return Number.isNaN(at) ? undefined : at / 1_000;
}

function ageOf(time: string | null, now: number): number | undefined {
  const at = secondsOf(time);
  return at === undefined ? undefined : Math.max(now / 1_000 - at, 0);
}

function familyText(name: string, help: string, samples: Sample[], type: "gauge" | "info" = "gauge"): string {
  const full = name === "" ? "nearsource_agent" : `nearsource_agent_${name}`;
  const known = samples.filter(({ value }) => value !== undefined);
  const lines = known.map(
    ({ labels = {}, value }) => `${full}${type === "info" ? "_info" : ""}${labelText(labels)} ${value}\n`,
  );
  return lines.length === 0 ? "" : `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const escaped = (value: string) => value.replaceAll(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
