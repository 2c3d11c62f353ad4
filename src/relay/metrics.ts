import type { MirrorState } from "./mirror/repositoryCopy.ts";
import type { RelayHealth } from "./relayHealth.ts";
import type { RelayStats } from "./stats.ts";

/** A page of metrics, and its media type. */
export interface MetricsPage {
  contentType: string;
  body: string;
}

/** Values by the value of one label, or a single number. */
type Values = number | Record<string, number>;

/** A metric: its name after `nearsource_relay_`, its help, its values, and the name of their label. */
type Metric = [name: string, help: string, values: Values, label?: string];

function countersOf(stats: RelayStats): Metric[] {
  const { upstream } = stats;
  return [
    ["transfers", "Transfers of objects, by how they ended.", stats.transfers, "outcome"],
    ["sent_bytes", "Bytes of objects sent.", stats.bytes],
    ["documents", "Answers with metadata and manifests.", stats.documents],
    ["refusals", "Requests sent elsewhere, by reason.", stats.refusals, "reason"],
    ["misses", "Requests for objects that were not held yet.", stats.misses],
    ["upstream_fetches", "Requests for objects made upstream.", upstream.objects],
    ["upstream_refreshes", "Refreshes of metadata made upstream.", upstream.refreshes],
    ["upstream_failures", "Requests upstream that failed.", upstream.failures],
    ["upstream_bytes", "Bytes of objects received from upstream.", upstream.bytes],
    ["linked", "Objects taken over from the agent's own store.", stats.linked],
    ["made", "Objects made of their compressed form or a delta that is held.", stats.made],
    ["quarantined", "Stored objects that were found damaged.", stats.quarantined],
  ];
}

function gaugesOf(stats: RelayStats, health: RelayHealth): Metric[] {
  const states = Object.entries(health.repositories);
  const ofEach = (read: (state: MirrorState) => number | undefined) =>
    Object.fromEntries(
      states.flatMap(([repository, state]) => {
        const value = read(state);
        return value === undefined ? [] : [[repository, value]];
      }),
    );
  const lag = ofEach(({ confirmed }) => confirmed && confirmed / 1_000);
  const versions = ofEach(({ version }) => version);
  const next = ofEach((state) => state.next);
  return [
    ["active_transfers", "Transfers under way.", stats.active],
    ["serving", "1 while this agent serves, 0 while it does not.", health.serving ? 1 : 0],
    ["free_bytes", "Free disk.", health.free],
    ["held_objects", "Objects of the newest releases that are held.", health.held],
    ["missing_objects", "Objects of the newest releases that are not held yet.", health.missing],
    ["missing_bytes", "Bytes of them that are not here yet.", health.missingBytes],
    ["fill_bytes_per_second", "Rate at which they come; 0 while none is missing.", health.fillRate ?? 0],
    ["fill_seconds_left", "How long that takes at this rate.", health.secondsLeft ?? 0],
    ["lag_seconds", "Time since upstream was known to have nothing newer.", lag, "repository"],
    ["timestamp_version", "Version of the timestamp that is served.", versions, "repository"],
    ["next_timestamp_version", "Version that is announced once its objects are here.", next, "repository"],
  ];
}

/**
 * The work and the state of an Update Agent, as OpenMetrics. The library is loaded when somebody first asks:
 * most agents are never asked.
 */
export async function renderMetrics(stats: RelayStats, health: RelayHealth): Promise<MetricsPage> {
  const { Counter, Gauge, Registry } = await import("prom-client");
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const settingsOf = ([name, help, , label]: Metric) => ({
    ...{ name: `nearsource_relay_${name}`, help, registers: [registry] },
    labelNames: label === undefined ? [] : [label],
  });
  for (const metric of countersOf(stats)) {
    const counter = new Counter(settingsOf(metric));
    for (const [labels, value] of valuesOf(metric)) counter.inc(labels, value);
  }
  for (const metric of gaugesOf(stats, health)) {
    const gauge = new Gauge(settingsOf(metric));
    for (const [labels, value] of valuesOf(metric)) gauge.set(labels, value);
  }
  return { contentType: registry.contentType, body: await registry.metrics() };
}

function valuesOf([, , values, label = ""]: Metric): [labels: Record<string, string>, value: number][] {
  if (typeof values === "number") return [[{}, values]];
  return Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);
}
