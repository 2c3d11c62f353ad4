import { spawnSync } from "node:child_process";

/** One sample of a page of metrics. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Reads a page of OpenMetrics, strictly as far as it goes: each sample of a family that was declared before it. */
export function readSamples(page: string): Sample[] {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of page.trimEnd().split("\n")) {
    const [, name = "", type = ""] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== "") types.set(name, type);
    if (line.startsWith("#")) continue;
    const [, full = "", , inner = "", value = ""] = /^([a-z_][a-z0-9_]*)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (full === "") throw new Error(`no sample: ${line}`);
    const family = full.replace(/_(total|bucket|sum|count|info)$/, "");
    if (!types.has(full) && !types.has(family)) throw new Error(`${full} was not declared`);
    const pairs = [...inner.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
    samples.push({
      name: full,
      labels: Object.fromEntries(pairs.map(([, key = "", text = ""]) => [key, text])),
      value: Number(value.replace("+Inf", "Infinity")),
    });
  }
  if (!page.endsWith("# EOF\n")) throw new Error("the page has no end");
  return samples;
}

/** The reference parser of OpenMetrics, of Prometheus' client for Python. */
const PARSE = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(len(list(parse(sys.stdin.read()))))`;

const PYTHON = "/usr/bin/python3";

/** Whether the reference parser is to be had here (apt-get install python3-prometheus-client). */
export const hasReferenceParser =
  spawnSync(PYTHON, ["-c", "import prometheus_client.openmetrics.parser"]).status === 0;
if (!hasReferenceParser) console.warn("skipped: there is no python3-prometheus-client here");

/** The faults that the reference parser finds in a page; empty where there is none. */
export function faultsOfPage(page: string): string {
  const { status, stderr, stdout } = spawnSync(PYTHON, ["-c", PARSE], { input: page, encoding: "utf8" });
  return status === 0 && Number(stdout) > 0 ? "" : stderr || "no families";
}
