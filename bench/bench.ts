/**
 * The cost of Nearsource, side by side with its peers: `npm run bench` runs all benchmarks, `npm run bench --
 * NAME…` some. Prints tables and goals, and keeps bench/results/NAME.json.
 *
 * `server` is all whose names begin with `server-`.
 *
 *   --runs N   how often each case is measured; 5 by default
 *   --quick    what takes ten minutes takes seconds, and says less
 *   --write    writes the last results into docs/performance.md and docs/performance.svg
 */
import { execFileSync } from "node:child_process";
import { promises as fs, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { branch } from "./branch.ts";
import { check } from "./check.ts";
import { components } from "./components.ts";
import { consolePage } from "./console.ts";
import { delta } from "./delta.ts";
import { failover } from "./failover.ts";
import { fetch } from "./fetch.ts";
import { describeMachine, machineLines } from "./machine.ts";
import { order } from "./order.ts";
import { type Benchmark, tableText, verdict } from "./outcome.ts";
import { keepResult, type Result, writePage } from "./page.ts";
import { installPeers, lacking } from "./peers.ts";
import { rate } from "./rate.ts";
import { relay } from "./relay.ts";
import { lists } from "./server/lists.ts";
import { notify } from "./server/notify.ts";
import { polls } from "./server/polls.ts";
import { reports } from "./server/reports.ts";
import { saves } from "./server/saves.ts";
import { startup } from "./startup.ts";

const BENCHMARKS: Record<string, Benchmark> = {
  check,
  fetch,
  rate,
  delta,
  failover,
  order,
  startup,
  relay,
  branch,
  components,
  "server-reports": reports,
  "server-lists": lists,
  "server-polls": polls,
  "server-notify": notify,
  "server-saves": saves,
  console: consolePage,
};
const PROJECT = path.resolve(import.meta.dirname, "..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const isMeant = (name: string, given: string) => name === given || name.startsWith(`${given}-`);
const unknown = positionals.find((given) => !Object.keys(BENCHMARKS).some((name) => isMeant(name, given)));
if (unknown !== undefined || !Number.isInteger(runs) || runs < 1) {
  say(
    `usage: npm run bench -- [--runs N] [--quick] [--write] [server|${Object.keys(BENCHMARKS).join("|")}…]`,
  );
  process.exit(2);
}

installPeers(say);
const missing = lacking("python3");
if (missing !== undefined) throw new Error(`nothing can be measured: ${missing}`);
execFileSync("npm", ["run", "-s", "build"], { cwd: PROJECT, stdio: ["ignore", "ignore", "inherit"] });
for (const [name, benchmark] of Object.entries(BENCHMARKS)) {
  if (positionals.length === 0 || positionals.some((given) => isMeant(name, given)))
    await runOne(name, benchmark);
}
if (values.write) await writePage(Object.keys(BENCHMARKS));

async function builtProgram(): Promise<string> {
  const { bin } = JSON.parse(await fs.readFile(path.join(PROJECT, "package.json"), "utf8"));
  return path.join(PROJECT, bin.nearsource);
}

async function runOne(name: string, benchmark: Benchmark): Promise<void> {
  // Not /tmp, which may be memory: the measured files are written to a disk.
  const work = await fs.mkdtemp(path.join(process.env.TMPDIR ?? "/var/tmp", "nearsource-bench-"));
  const interrupted = () => {
    rmSync(work, { recursive: true, force: true });
    process.exit(130);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    const machine = describeMachine(work);
    say(`\n# ${name}\n\n${machineLines(machine).join("\n")}\n`);
    const outcome = await benchmark({ work, runs, quick: values.quick, main: await builtProgram(), say });
    const result: Result = { name, runs, machine, ...outcome };
    print(result);
    await keepResult(result);
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    await fs.rm(work, { recursive: true, force: true });
  }
}

function print({ tables, goals, notes, runs }: Result): void {
  for (const table of tables) say(`\n${tableText(table)}`);
  say(`\nmedian of ${runs}`);
  for (const note of notes) say(note);
  if (goals.length > 0) say(`\n${goals.map(verdict).join("\n")}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
