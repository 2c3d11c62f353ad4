/** A first install of 100 MB and of 1 GB, verified, from nginx. */
import { promises as fs } from "node:fs";
import path from "node:path";
import { type Agent, EMPTY, emptyScript, objectUrl, publishOne, writeAgent, writeNoise } from "./agent.ts";
import { type Case, type Cost, measure } from "./measure.ts";
import { startNginx } from "./nginx.ts";
import { type Bench, costTable, type Goal, type Outcome } from "./outcome.ts";
import { lacking, run } from "./peers.ts";

const SIZES = { "100 MB": 100_000_000, "1 GB": 1_000_000_000 } as const;

const NEARSOURCE = "nearsource";
const CURL = "curl, then sha256sum";
const CURL_SYNCED = "curl, then sha256sum and sync";
const ARIA2 = "aria2c with its checksum";

type Costs = Record<string, Cost>;

export async function fetch(bench: Bench): Promise<Outcome> {
  const missing = lacking("nginx");
  if (missing !== undefined) return { tables: [], goals: [], notes: [`left out: ${missing}`] };
  const outcome: Outcome = { tables: [], goals: [], notes: peerNotes() };
  const bySize: Partial<Record<keyof typeof SIZES, Costs>> = {};
  for (const [size, length] of Object.entries(SIZES) as [keyof typeof SIZES, number][]) {
    // The file, its object, and a copy by each tool, of which one is there at a time.
    const free = await freeBytes(bench.work);
    if (free < 4 * length) {
      outcome.notes.push(`left out: ${size} (${Math.round(free / 1e9)} GB are free in ${bench.work})`);
      continue;
    }
    const costs = await fetchOf(bench, length);
    bySize[size] = costs;
    outcome.tables.push(costTable(`First install of ${size}`, costs, CURL in costs ? CURL : NEARSOURCE));
  }
  outcome.goals = goalsOf(bySize);
  return outcome;
}

function peerNotes(): string[] {
  const reasons = [lacking("curl"), lacking("aria2c")].filter((reason) => reason !== undefined);
  return [
    ...reasons.map((reason) => `left out: ${reason}`),
    "nearsource has its file on disk (fsync) when it ends; the others leave it to the kernel, but for the row with sync",
    "aria2c runs with --file-allocation=none, since by default it writes the file twice",
  ];
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await fs.statfs(folder);
  return bavail * bsize;
}

async function fetchOf(bench: Bench, length: number): Promise<Costs> {
  const site = path.join(bench.work, "www");
  const file = path.join(bench.work, "big.dat");
  const sha256 = await writeNoise(file, length);
  await publishOne(site, "big", file);
  const nginx = await startNginx(bench.work, site);
  try {
    const agent = await writeAgent(bench, "agent", { sources: [nginx.url], root: site });
    const cases = await fetchCases(bench, agent, objectUrl(nginx.url, sha256), sha256);
    return await measure(cases, bench.runs, bench.work);
  } finally {
    await nginx.close();
    const left = ["www", "www.keys", "big.dat", "copy", "agent"];
    for (const name of left) await fs.rm(path.join(bench.work, name), { recursive: true, force: true });
  }
}

async function fetchCases(bench: Bench, agent: Agent, url: string, sha256: string): Promise<Case[]> {
  const copy = path.join(bench.work, "copy");
  const before = async () => {
    for (const old of [copy, agent.dataDir]) await fs.rm(old, { recursive: true, force: true });
    // Writes that a run before left are not this one's work.
    run("sync", []);
  };
  const download = `curl -s -f -o copy '${url}' && echo '${sha256}  copy' | sha256sum -c --quiet`;
  const aria2 = ["--no-conf", "-q", "--file-allocation=none", `--checksum=sha-256=${sha256}`, "-o", "copy"];
  const curl = lacking("curl") === undefined;
  return [
    { name: EMPTY, command: await emptyScript(bench) },
    ...(curl ? [{ name: CURL, command: ["sh", "-c", download], before }] : []),
    ...(curl ? [{ name: CURL_SYNCED, command: ["sh", "-c", `${download} && sync copy`], before }] : []),
    ...(lacking("aria2c") === undefined ? [{ name: ARIA2, command: ["aria2c", ...aria2, url], before }] : []),
    { name: NEARSOURCE, command: agent.nearsource("update", "--quiet"), before },
  ];
}

function goalsOf(bySize: { "100 MB"?: Costs; "1 GB"?: Costs }): Goal[] {
  const large = bySize["1 GB"] ?? {};
  const [own, empty] = [large[NEARSOURCE], large[EMPTY]];
  if (own === undefined || empty === undefined) return [];
  const goals: Goal[] = [];
  const ratio = (what: "wall" | "cpu", peer: string, limit: number) => {
    const other = large[peer];
    if (other === undefined) return;
    const name = `${what === "wall" ? "wall" : "CPU"} at 1 GB, against ${peer}`;
    goals.push({ name, value: own[what] / other[what], limit, unit: "×" });
  };
  ratio("wall", CURL, 0.7);
  ratio("wall", ARIA2, 1);
  ratio("cpu", ARIA2, 1.2);
  const above = (own.rss - empty.rss) / 1e6;
  goals.push({ name: "peak RSS at 1 GB above an idle process", value: above, limit: 90, unit: "MB" });
  const small = bySize["100 MB"]?.[NEARSOURCE];
  if (small !== undefined) {
    goals.push({
      name: "peak RSS at 1 GB against 100 MB",
      value: own.rss / small.rss,
      limit: 1.1,
      unit: "×",
    });
  }
  return goals;
}
