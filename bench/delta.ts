/** From one release to the next, on real histories: the bytes that travel, and the cost of applying them. */
import { promises as fs } from "node:fs";
import path from "node:path";
import { EMPTY, emptyScript } from "./agent.ts";
import { BSDIFF, madeBy, makeAndProve, PATCH_FROM, TOOLS } from "./deltaPeers.ts";
import { fetchHistories, type Releases } from "./histories.ts";
import { type Case, type Cost, measure } from "./measure.ts";
import { makeOurs, type Ours } from "./ourDelta.ts";
import { type Bench, figure, type Goal, type Outcome, type Table } from "./outcome.ts";
import { lacking, run } from "./peers.ts";

const NEARSOURCE = "nearsource";

/** Bytes, and the costs of applying them, by tool. */
interface Measured {
  releases: Releases;
  full: number;
  format: string;
  bytes: Record<string, number>;
  costs: Record<string, Cost>;
}

export async function delta(bench: Bench): Promise<Outcome> {
  const { histories, missing } = await fetchHistories(bench.work);
  const tools = TOOLS.filter((tool) => lacking(tool.needs) === undefined);
  const lacked = [...new Set(TOOLS.map((tool) => lacking(tool.needs)))].filter((each) => each !== undefined);
  const apply = bundleApply(bench);
  const measured: Measured[] = [];
  for (const releases of histories) {
    bench.say(releases.description);
    const ours = await makeOurs(releases, bench.work);
    const bytes: Record<string, number> = { [NEARSOURCE]: ours.alternative.length };
    for (const tool of tools) bytes[tool.name] = await makeAndProve(tool, releases, bench.work);
    const cases: Case[] = [
      { name: EMPTY, command: await emptyScript(bench) },
      { name: NEARSOURCE, command: [process.execPath, apply, ours.dataDir, ours.instructions, ours.object] },
      ...tools.map((tool) => {
        const made = madeBy(tool, releases, bench.work);
        return { name: tool.name, command: tool.apply(releases, made, `${made}.result`) };
      }),
    ];
    const full = (await fs.stat(releases.to)).size;
    const costs = await measure(cases, bench.runs, bench.work);
    measured.push({ releases, full, format: formatOf(ours), bytes, costs });
  }
  const names = [NEARSOURCE, ...tools.map((tool) => tool.name)];
  return {
    tables: [
      bytesTable(measured, names),
      costsTable(measured, names, "cpu"),
      costsTable(measured, names, "rss"),
    ],
    goals: goalsOf(measured),
    notes: [
      ...missing,
      ...lacked.map((reason) => `left out: ${reason}`),
      ...measured.map(({ releases }) => releases.description),
      "nearsource hashes the old file before and the new one after, and has it on disk (fsync); the others do none of this",
    ],
  };
}

/** Bundles the program, as it is run: without types to strip. */
function bundleApply(bench: Bench): string {
  const source = path.join(import.meta.dirname, "children/apply.ts");
  const file = path.join(bench.work, "apply.js");
  // The folder from which packages are found.
  const project = path.resolve(import.meta.dirname, "..");
  run("npx", ["rolldown", source, "-o", file, "--format", "esm", "--platform", "node"], project);
  return file;
}

function formatOf({ alternative }: Ours): string {
  return alternative.format === "zstd" ? "zstd, no delta pays" : alternative.format;
}

function bytesTable(measured: Measured[], names: string[]): Table {
  const rows = measured.map(({ releases, full, format, bytes }) => {
    const best = smallerPeer(bytes);
    const ratio = (bytes[NEARSOURCE] ?? Number.NaN) / best;
    return [releases.name, String(full), ...names.map((name) => String(bytes[name])), format, figure(ratio)];
  });
  const sum = (of: (each: Measured) => number | undefined) =>
    String(measured.reduce((total, each) => total + (of(each) ?? 0), 0));
  const total = [
    "together",
    sum(({ full }) => full),
    ...names.map((name) => sum(({ bytes }) => bytes[name])),
  ];
  return {
    title: "Bytes that travel",
    headings: ["", "full", ...names, "format", "× the smaller of bsdiff and --patch-from"],
    rows: [...rows, [...total, "", ""]],
  };
}

function costsTable(measured: Measured[], names: string[], what: "cpu" | "rss"): Table {
  const all = [EMPTY, ...names];
  const rows = measured.map(({ releases, costs }) => [
    releases.name,
    ...all.map((name) => figure((costs[name]?.[what] ?? Number.NaN) / (what === "rss" ? 1e6 : 1))),
  ]);
  const title = what === "cpu" ? "CPU to apply, in seconds" : "Peak RSS to apply, in MB";
  return { title, headings: ["", ...all], rows };
}

function smallerPeer(bytes: Record<string, number>): number {
  return Math.min(...[bytes[BSDIFF], bytes[PATCH_FROM]].filter((each) => each !== undefined));
}

function goalsOf(measured: Measured[]): Goal[] {
  const comparable = measured.filter(({ bytes }) => BSDIFF in bytes && PATCH_FROM in bytes);
  if (comparable.length === 0) return [];
  const each = comparable.map(({ releases, bytes }) => ({
    name: `bytes of ${releases.name}, against bsdiff or zstd --patch-from`,
    value: (bytes[NEARSOURCE] ?? Number.NaN) / smallerPeer(bytes),
    limit: 1.03,
    unit: "×" as const,
  }));
  const sum = (name: string) => comparable.reduce((total, { bytes }) => total + (bytes[name] ?? 0), 0);
  const value = sum(NEARSOURCE) / sum(BSDIFF);
  return [...each, { name: "bytes of all histories, against bsdiff", value, limit: 1, unit: "×" }];
}
