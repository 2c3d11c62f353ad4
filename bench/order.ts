/** The update order over the longest list there may be, and reading that list, each time in a new process. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import type { Took } from "./children/order.ts";
import { median } from "./measure.ts";
import { type Bench, figure, type Outcome } from "./outcome.ts";

const CHILD = path.join(import.meta.dirname, "children/order.ts");

/** The figures that the child measures. */
const FIGURES = {
  parse: "parse and validate the list, first time in a process",
  parseWarm: "parse and validate the list, after warm-up",
  order: "updateOrder, one entry in eight matches, after warm-up",
  orderAll: "updateOrder, every entry matches, after warm-up",
  orderFirst: "updateOrder, every entry matches, first time in a process",
} as const;

type Figure = keyof typeof FIGURES;

/** Milliseconds that each may take. */
const LIMITS: Partial<Record<Figure, number>> = { parse: 20, order: 1, orderAll: 1 };

export async function order(bench: Bench): Promise<Outcome> {
  const runs = Array.from({ length: bench.runs }, measureOnce);
  const results = Object.entries(FIGURES).map(([key, name]) => ({
    name,
    wall: median(runs.map((run) => run[key as Figure].wall)),
    cpu: median(runs.map((run) => run[key as Figure].cpu)),
    limit: LIMITS[key as Figure],
  }));
  const rows = results.map(({ name, wall, cpu }) => [name, figure(wall), figure(cpu)]);
  const goals = results.flatMap(({ name, wall, limit }) =>
    limit === undefined ? [] : [{ name, value: wall, limit, unit: "ms" as const }],
  );
  const table = { title: "1,024 entries, 10 addresses", headings: ["", "wall ms", "CPU ms"], rows };
  return { tables: [table], goals, notes: [] };
}

function measureOnce(): Record<Figure, Took> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CHILD], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${CHILD} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
