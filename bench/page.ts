/** The results, kept as JSON in bench/results and written into docs/performance.md. */
import { promises as fs } from "node:fs";
import path from "node:path";
import { type Machine, machineLines } from "./machine.ts";
import { type Goal, type Outcome, tableMarkdown, verdict } from "./outcome.ts";
import { goalsPlot } from "./plot.ts";

const RESULTS = path.join(import.meta.dirname, "results");
const DOCS = path.join(import.meta.dirname, "../docs");

/** A benchmark's outcome with where and how it was measured. */
export interface Result extends Outcome {
  name: string;
  runs: number;
  machine: Machine;
}

export async function keepResult(result: Result): Promise<void> {
  await fs.mkdir(RESULTS, { recursive: true });
  await fs.writeFile(path.join(RESULTS, `${result.name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** The last result of each benchmark that has one. */
async function readResults(names: string[]): Promise<Result[]> {
  const texts = await Promise.all(
    names.map((name) => fs.readFile(path.join(RESULTS, `${name}.json`), "utf8").catch(() => undefined)),
  );
  return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text));
}

/**
 * Writes the last results between their markers in docs/performance.md, and the plot beside it. The
 * section of a benchmark without results stays as it is.
 */
export async function writePage(names: string[]): Promise<void> {
  const results = await readResults(names);
  const file = path.join(DOCS, "performance.md");
  let page = await fs.readFile(file, "utf8");
  for (const result of results) page = between(page, result.name, resultMarkdown(result));
  const goals = await keepGoals(results, names);
  const verdicts = ["```", ...goals.map(verdict), "```"].join("\n");
  page = between(
    page,
    "goals",
    `${verdicts}\n\n![How much of what each goal allows was needed](performance.svg)`,
  );
  await fs.writeFile(file, page);
  await fs.writeFile(path.join(DOCS, "performance.svg"), goalsPlot(goals));
}

/** Goals by benchmark, of whenever each was measured last: so the page keeps those that are not measured anew. */
const GOALS = path.join(DOCS, "performance.json");

/** Writes down the goals of these results; returns those of all benchmarks, in their order. */
async function keepGoals(results: Result[], names: string[]): Promise<Goal[]> {
  const before: Record<string, Goal[]> = JSON.parse(await fs.readFile(GOALS, "utf8"));
  const measured = Object.fromEntries(results.map(({ name, goals }) => [name, goals]));
  const all = { ...before, ...measured };
  const known = Object.fromEntries(
    names.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])),
  );
  await fs.writeFile(GOALS, `${JSON.stringify(known, undefined, 2)}\n`);
  return Object.values(known).flat();
}

/** `page` with `text` between `<!-- bench:name -->` and `<!-- /bench:name -->`. */
function between(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start === -1 || stop < start) throw new Error(`docs/performance.md has no ${begin} … ${end}`);
  return `${page.slice(0, start + begin.length)}\n${text}\n${page.slice(stop)}`;
}

function resultMarkdown({ tables, notes, runs, machine }: Result): string {
  const [where = "", versions = ""] = machineLines(machine);
  const list = notes.map((note) => `- ${note}`).join("\n");
  const measured = `Median of ${runs}. ${where} ${versions}`;
  return [...tables.map(tableMarkdown), ...(list === "" ? [] : [list]), measured].join("\n\n");
}
