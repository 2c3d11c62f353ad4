/** Seconds lost at each kind of dead first source, where a good one is second. */
import { promises as fs } from "node:fs";
import path from "node:path";
import { publishOne, writeNoise } from "./agent.ts";
import { DEAD, type Dead } from "./deadSources.ts";
import {
  aptTool,
  aria2Tool,
  BLOCK,
  type Fetching,
  nearsourceTool,
  publishPackage,
  type Shared,
  type Tool,
} from "./failoverTools.ts";
import { median, tryCost } from "./measure.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { type Bench, figure, type Goal, type Outcome, type Table } from "./outcome.ts";
import { lacking } from "./peers.ts";

/** Bytes of the file; each dead source that sends anything sends half of it. */
const LENGTH = 8 * BLOCK;
/** Longest time (s) that a tool is waited for. */
const PATIENCE = 60;

/** Seconds lost; infinite where it took longer than `PATIENCE`, NaN where the file did not come. */
type Lost = Record<string, number>;

const LIMITS: Record<string, number> = {
  refused: 0.2,
  "never answers": 10,
  "stalls half way": 15,
  "trickles after half": 15,
};

export async function failover(bench: Bench): Promise<Outcome> {
  const missing = lacking("nginx");
  if (missing !== undefined) return { tables: [], goals: [], notes: [`left out: ${missing}`] };
  const shared = await publish(bench);
  const good = await startNginx(bench.work, shared.www);
  try {
    const tools = makeTools(bench, good.url, shared);
    const lost: Record<string, Lost> = {};
    for (const dead of DEAD) {
      bench.say(`first source: ${dead.name}`);
      lost[dead.name] = await lostAt(bench, dead, tools, good, shared);
    }
    const again = await fetchedAgain(bench, tools, good, shared);
    return {
      tables: [lostTable(lost, tools), againTable(again)],
      goals: goalsOf(lost, again),
      notes: [
        ...[lacking("aria2c"), lacking("apt-get")].flatMap((reason) =>
          reason ? [`left out: ${reason}`] : [],
        ),
        `all tools have their default time-outs; whoever takes more than ${PATIENCE} s is not waited for, and not run again`,
        "lost is the wall time less that from the good source alone a moment before, the median of the runs; tools that wait for a time-out wait side by side",
      ],
    };
  } finally {
    await good.close();
  }
}

async function publish(bench: Bench): Promise<Shared> {
  const www = path.join(bench.work, "www");
  await fs.mkdir(path.join(www, "debian"), { recursive: true });
  const file = path.join(www, "big.dat");
  const sha256 = await writeNoise(file, LENGTH);
  await fs.link(file, path.join(www, "debian/big_1_all.deb"));
  await publishOne(path.join(www, "site"), "big", file);
  const shared = { www, payload: await fs.readFile(file), sha256 };
  await publishPackage(shared);
  return shared;
}

function makeTools(bench: Bench, good: string, shared: Shared): Tool[] {
  return [
    nearsourceTool(bench, shared),
    ...(lacking("aria2c") === undefined ? [aria2Tool(bench, shared)] : []),
    ...(lacking("apt-get") === undefined ? [aptTool(bench, good, shared)] : []),
  ];
}

/** Each tool in turns: from the good source alone, and then with a dead one before it. */
async function lostAt(
  bench: Bench,
  { name: kind, slow }: Dead,
  tools: Tool[],
  good: Nginx,
  shared: Shared,
): Promise<Lost> {
  const lost = new Map<Tool, number[]>(tools.map((tool) => [tool, []]));
  const once = async (tool: Tool, alone: number) => {
    const time = await withDead(kind, shared, async (bad) =>
      fetchOnce(bench, await tool.prepare(nameOfRun(), [bad, good.url])),
    );
    lost.get(tool)?.push(time - alone);
  };
  for (let run = 0; run < bench.runs; run++) {
    const waits: Promise<void>[] = [];
    for (const [tool, all] of lost) {
      if (!all.every(Number.isFinite)) continue;
      const alone = await fetchOnce(bench, await tool.prepare(nameOfRun(), [good.url]));
      if (slow) waits.push(once(tool, alone));
      else await once(tool, alone);
    }
    await Promise.all(waits);
  }
  // One run that did not come to its end speaks for all.
  return Object.fromEntries(
    [...lost].map(([{ name }, all]) => [name, all.find((time) => !Number.isFinite(time)) ?? median(all)]),
  );
}

/** A dead source of its own for one run, so that none meets the state that another left. */
async function withDead<Result>(
  kind: string,
  { www, payload }: Shared,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const dead = await DEAD.find(({ name }) => name === kind)?.start({ www, payload });
  if (dead === undefined) throw new Error(`there is no dead source "${kind}"`);
  try {
    return await work(dead.url);
  } finally {
    await dead.close();
  }
}

let runs = 0;

function nameOfRun(): string {
  runs += 1;
  return `run-${runs}`;
}

/** Seconds until the file is there; infinite where that takes too long, NaN where it does not come. */
async function fetchOnce({ say }: Bench, { command, folder, result }: Fetching): Promise<number> {
  const { wall, code, stderr } = await tryCost(["timeout", String(PATIENCE), ...command], folder);
  const found = await fs.stat(result).catch(() => undefined);
  await fs.rm(folder, { recursive: true });
  if (code === 124) return Number.POSITIVE_INFINITY;
  if (code === 0 && found?.size === LENGTH) return wall;
  say(`  ${command[0]} ended with ${code}, without the file: ${stderr.trim().split("\n")[0]}`);
  return Number.NaN;
}

/** Bytes from the good source, after a first one whose first half was right, against the half that was missing. */
async function fetchedAgain(
  bench: Bench,
  tools: Tool[],
  good: Nginx,
  shared: Shared,
): Promise<Record<string, number>> {
  const ratios: Record<string, number> = {};
  for (const tool of tools) {
    bench.say(`bytes of ${tool.name} after half`);
    ratios[tool.name] = await withDead("corrupt after half", shared, async (bad) => {
      const fetching = await tool.prepare(nameOfRun(), [bad, good.url]);
      await good.served();
      const time = await fetchOnce(bench, fetching);
      const { payload } = await good.served();
      return Number.isFinite(time) ? payload / (LENGTH / 2) : Number.NaN;
    });
  }
  return ratios;
}

function lostTable(lost: Record<string, Lost>, tools: Tool[]): Table {
  const names = tools.map(({ name }) => name);
  const cell = (seconds = Number.NaN) =>
    seconds === Number.POSITIVE_INFINITY
      ? `>${PATIENCE}`
      : Number.isNaN(seconds)
        ? "no file"
        : figure(seconds);
  const rows = Object.entries(lost).map(([kind, own]) => [kind, ...names.map((name) => cell(own[name]))]);
  return { title: "Seconds lost at a dead first source", headings: ["", ...names], rows };
}

function againTable(again: Record<string, number>): Table {
  const rows = Object.entries(again).map(([name, ratio]) => [
    name,
    Number.isNaN(ratio) ? "no file" : figure(ratio),
  ]);
  const title =
    "Corrupt after half: bytes of the file from the good source, against the half that was missing";
  return { title, headings: ["", "×"], rows };
}

function goalsOf(lost: Record<string, Lost>, again: Record<string, number>): Goal[] {
  const goals: Goal[] = Object.entries(LIMITS).map(([kind, limit]) => ({
    name: `lost at a first source that ${kind === "refused" ? "refuses" : kind}`,
    value: lost[kind]?.nearsource ?? Number.NaN,
    limit,
    unit: "s",
  }));
  const value = again.nearsource ?? Number.NaN;
  return [
    ...goals,
    { name: "bytes fetched after half was right, against the missing half", value, limit: 1, unit: "×" },
  ];
}
