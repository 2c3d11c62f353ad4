import type { Cost } from "./measure.ts";

/** The means of a benchmark. */
export interface Bench {
  /** A folder of this benchmark's own, on disk; goes when it ends. */
  work: string;
  /** Number of runs of each case. */
  runs: number;
  /** Whether long cases are to be short, which says less. */
  quick: boolean;
  /** The built program. */
  main: string;
  /** Prints progress. */
  say: (line: string) => void;
}

/** The result of a benchmark. */
export interface Outcome {
  tables: Table[];
  goals: Goal[];
  /** Parts left out, and why; how figures are to be read. */
  notes: string[];
}

export type Benchmark = (bench: Bench) => Promise<Outcome>;

export interface Table {
  title: string;
  headings: string[];
  rows: string[][];
}

/** A figure that is to be at most `limit`. */
export interface Goal {
  name: string;
  value: number;
  limit: number;
  unit: "×" | "s" | "ms" | "MB" | "kB";
}

/** Whether there is a figure, and it is within the limit; a missing one is null in JSON. */
function isMet(value: number | null, limit: number): boolean {
  return value !== null && value <= limit;
}

/** `met` or `missed by …`, with the figures. */
export function verdict({ name, value, limit, unit }: Goal): string {
  const figures = `${name}: ${figure(value)} ${unit}, at most ${figure(limit)} ${unit}`;
  if (isMet(value, limit)) return `met     ${figures}`;
  const by = Number.isFinite(value)
    ? `, missed by ${figure(value - limit)} ${unit} (${Math.round((value / limit - 1) * 100)}%)`
    : "";
  return `missed  ${figures}${by}`;
}

/** Three significant digits, and never an exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3);
}

/** Costs side by side, and as ratios to those of `against`. */
export function costTable(title: string, costs: Record<string, Cost>, against: string): Table {
  const base = costs[against];
  const rows = Object.entries(costs).map(([name, { wall, cpu, rss }]) => [
    name,
    figure(wall),
    figure(cpu),
    figure(rss / 1e6),
    figure(wall / (base?.wall ?? Number.NaN)),
    figure(cpu / (base?.cpu ?? Number.NaN)),
  ]);
  return { title, headings: ["", "wall s", "CPU s", "peak RSS MB", "wall ×", "CPU ×"], rows };
}

/** A table for a terminal: columns aligned. */
export function tableText({ title, headings, rows }: Table): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width));
  return [title, "", line(headings), line(rule), ...rows.map(line)].join("\n");
}

/** A table for docs/performance.md. */
export function tableMarkdown({ title, headings, rows }: Table): string {
  const line = (row: string[]) => `| ${row.join(" | ")} |`;
  const rule = headings.map((_, column) => (column === 0 ? "---" : "---:"));
  return [`**${title}**`, "", line(headings), line(rule), ...rows.map(line)].join("\n");
}
