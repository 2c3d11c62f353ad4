import type { RelayHealth } from "./relayHealth.ts";
import type { RelayStats } from "./stats.ts";

/** A page of metrics, and its media type. */
export interface MetricsPage {
  contentType: string;
  body: string;
}

/** A counter or gauge: its values by the value of its one label, or a single number. */
type Values = number | Record<string, number>;

/**
 * The work and the state of an Update Agent, as OpenMetrics. The library is loaded when somebody first asks:
 * most agents are never asked.
 */
export async function renderMetrics(stats: RelayStats, health: RelayHealth): Promise<MetricsPage> {
  const { Counter, Gauge, Registry } = await import("prom-client");
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const counter = (name: string, help: string, values: Values, label = "") => {
    const labelNames = label === "" ? [] : [label];
    const made = new Counter({ name: `nearsource_relay_${name}`, help, labelNames, registers: [registry] });
    if (typeof values === "number") made.inc(values);
    else for (const [key, value] of Object.entries(values)) made.inc({ [label]: key }, value);
  };
  const gauge = (name: string, help: string, values: Values, label = "") => {
    const labelNames = label === "" ? [] : [label];
    const made = new Gauge({ name: `nearsource_relay_${name}`, help, labelNames, registers: [registry] });
    if (typeof values === "number") made.set(values);
    else for (const [key, value] of Object.entries(values)) made.set({ [label]: key }, value);
  };
  counter("transfers", "Transfers of objects, by how they ended.", stats.transfers, "outcome");
  counter("sent_bytes", "Bytes of objects sent.", stats.bytes);
  counter("documents", "Answers with metadata and manifests.", stats.documents);
  counter("refusals", "Requests sent elsewhere, by reason.", stats.refusals, "reason");
  counter("misses", "Requests for objects that were not held yet.", stats.misses);
  counter("upstream_fetches", "Requests for objects made upstream.", stats.upstream.objects);
  counter("upstream_refreshes", "Refreshes of metadata made upstream.", stats.upstream.refreshes);
  counter("upstream_failures", "Requests upstream that failed.", stats.upstream.failures);
  counter("upstream_bytes", "Bytes of objects received from upstream.", stats.upstream.bytes);
  counter("linked", "Objects taken over from the agent's own store.", stats.linked);
  counter("made", "Objects made of their compressed form or a delta that is held.", stats.made);
  counter("quarantined", "Stored objects that were found damaged.", stats.quarantined);
  gauge("active_transfers", "Transfers under way.", stats.active);
  gauge("serving", "1 while this agent serves, 0 while it does not.", health.serving ? 1 : 0);
  gauge("free_bytes", "Free disk.", health.free);
  gauge("held_objects", "Objects of the newest releases that are held.", health.held);
  gauge("missing_objects", "Objects of the newest releases that are not held yet.", health.missing);
  gauge("missing_bytes", "Bytes of them that are not here yet.", health.missingBytes);
  gauge("fill_bytes_per_second", "Rate at which they come; 0 while none is missing.", health.fillRate ?? 0);
  gauge("fill_seconds_left", "How long that takes at this rate.", health.secondsLeft ?? 0);
  const confirmed: Record<string, number> = {};
  const versions: Record<string, number> = {};
  const next: Record<string, number> = {};
  for (const [repository, state] of Object.entries(health.repositories)) {
    if (state.confirmed !== undefined) confirmed[repository] = state.confirmed / 1_000;
    if (state.version !== undefined) versions[repository] = state.version;
    if (state.next !== undefined) next[repository] = state.next;
  }
  gauge("lag_seconds", "Time since upstream was known to have nothing newer.", confirmed, "repository");
  gauge("timestamp_version", "Version of the timestamp that is served.", versions, "repository");
  gauge("next_timestamp_version", "Version that is announced once its objects are here.", next, "repository");
  return { contentType: registry.contentType, body: await registry.metrics() };
}
