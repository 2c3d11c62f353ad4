import { expect, test } from "vitest";
import { type AgentHealth, agentMetrics } from "../../src/core/agentHealth.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const NEW: AgentHealth = {
  ...{ version: "1.2.3", role: "agent", port: null, lastRun: null, lastSuccess: null, generation: 0 },
  ...{ next: null, running: null, metadata: [] },
};

/** The samples of a page by what stands before the value; every one has its help and type before it. */
function samplesOf(page: string): Record<string, number> {
  const samples: Record<string, number> = {};
  let family = "";
  for (const line of page.trimEnd().split("\n")) {
    const [, type] = line.match(/^# TYPE (\S+) (?:gauge|info)$/) ?? [];
    if (type !== undefined) family = type;
    if (line.startsWith("#")) continue;
    const [, name = "", labels = "", value] = line.match(/^([a-z_]+)(\{[^{}]*\})? (\S+)$/) ?? [];
    expect([family, `${family}_info`]).toContain(name);
    samples[name.replace("nearsource_agent_", "") + labels] = Number(value);
  }
  return samples;
}

test("the metrics of an agent are last success, age, outcome, generation, next run and expiry", () => {
  const health: AgentHealth = {
    ...NEW,
    port: 21_112,
    lastRun: { trigger: "notify", ended: "2026-01-01T11:00:00Z", outcome: "exhausted" },
    lastSuccess: "2026-01-01T10:00:00Z",
    generation: 7,
    next: { at: "2026-01-01T13:00:00Z", why: "schedule" },
    metadata: [
      {
        repository: "content",
        version: 12,
        expires: "2026-01-08T12:00:00Z",
        confirmed: "2026-01-01T10:00:00Z",
      },
      { repository: "settings", version: 3, expires: "2026-02-01T12:00:00Z", confirmed: null },
    ],
  };
  expect(samplesOf(agentMetrics(health, NOW))).toEqual({
    'info{version="1.2.3",role="agent"}': 1,
    last_run_timestamp_seconds: NOW / 1_000 - 3_600,
    'last_run_outcome{outcome="exhausted"}': 1,
    last_success_timestamp_seconds: NOW / 1_000 - 7_200,
    'age_seconds{repository="content"}': 7_200,
    'expiry_timestamp_seconds{repository="content"}': NOW / 1_000 + 7 * 86_400,
    'expiry_timestamp_seconds{repository="settings"}': NOW / 1_000 + 31 * 86_400,
    'timestamp_version{repository="content"}': 12,
    'timestamp_version{repository="settings"}': 3,
    generation: 7,
    next_run_timestamp_seconds: NOW / 1_000 + 3_600,
    running: 0,
    listening: 1,
  });
});

test("what is not known of a new agent is left out of its metrics", () => {
  const samples = samplesOf(agentMetrics({ ...NEW, running: { trigger: "schedule", since: "" } }, NOW));
  expect(samples).toEqual({
    'info{version="1.2.3",role="agent"}': 1,
    generation: 0,
    running: 1,
    listening: 0,
  });
});

test("what a state that was altered says cannot break out of its label, nor an age be negative", () => {
  const outcome = 'a"} 1\nevil_metric{x="\\';
  const metadata = [
    { repository: "content", version: 1, expires: "never", confirmed: "2027-01-01T00:00:00Z" },
  ];
  const lastRun = { trigger: "manual", ended: "", outcome };
  const page = agentMetrics({ ...NEW, lastRun, metadata } as AgentHealth, NOW);
  expect(page).toContain('nearsource_agent_last_run_outcome{outcome="a\\"} 1\\nevil_metric{x=\\"\\\\"} 1\n');
  expect(page).toContain('nearsource_agent_age_seconds{repository="content"} 0\n');
  expect(page).not.toContain("expiry");
});
