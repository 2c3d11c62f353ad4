/** The accuracy of a rate limit, over ten seconds of a transfer. */
import { promises as fs } from "node:fs";
import path from "node:path";
import { addRelease } from "../src/publisher/addRelease.ts";
import { objectUrl, publishOne, writeAgent, writeNoise } from "./agent.ts";
import { type Case, measure } from "./measure.ts";
import { startNginx } from "./nginx.ts";
import { type Bench, figure, type Goal, type Outcome } from "./outcome.ts";
import { lacking } from "./peers.ts";

/** Bytes a second. */
const RATE = 8_000_000;
/**
 * A file that takes ten seconds longer than the other, so that the cost of a start and the content of buffers
 * is in both.
 */
const SHORT = 2 * RATE;
const LONG = 12 * RATE;

export async function rate(bench: Bench): Promise<Outcome> {
  const missing = lacking("nginx");
  if (missing !== undefined) return { tables: [], goals: [], notes: [`left out: ${missing}`] };
  const site = path.join(bench.work, "www");
  const files = { short: path.join(bench.work, "short.dat"), long: path.join(bench.work, "long.dat") };
  const objects = { short: await writeNoise(files.short, SHORT), long: await writeNoise(files.long, LONG) };
  await publishOne(site, "short", files.short);
  await addRelease({ dir: site, kind: "components", name: "long", version: "1", path: files.long });
  const nginx = await startNginx(bench.work, site);
  try {
    const cases: Case[] = [];
    for (const [name, sha256] of Object.entries(objects)) {
      cases.push(await ownCase(bench, name, nginx.url, site));
      cases.push(...peerCases(bench, name, objectUrl(nginx.url, sha256)));
    }
    return outcome(await measure(cases, bench.runs, bench.work), cases);
  } finally {
    await nginx.close();
  }
}

async function ownCase(bench: Bench, name: string, url: string, root: string): Promise<Case> {
  const config = { components: [name], http: { proxy: "none", rateLimit: RATE } };
  const agent = await writeAgent(bench, `agent-${name}`, { sources: [url], root, config });
  return {
    name: `nearsource ${name}`,
    command: agent.nearsource("update", "--quiet"),
    before: () => fs.rm(agent.dataDir, { recursive: true, force: true }),
  };
}

function peerCases(bench: Bench, name: string, url: string): Case[] {
  const before = () => fs.rm(path.join(bench.work, "copy"), { force: true });
  const curl = ["curl", "-s", "-f", "-o", "copy", "--limit-rate", String(RATE), url];
  const aria2 = ["aria2c", "--no-conf", "-q", "--file-allocation=none", "-o", "copy"];
  const limited = [...aria2, `--max-overall-download-limit=${RATE}`, url];
  return [
    ...(lacking("curl") === undefined ? [{ name: `curl ${name}`, command: curl, before }] : []),
    ...(lacking("aria2c") === undefined ? [{ name: `aria2c ${name}`, command: limited, before }] : []),
  ];
}

function outcome(costs: Awaited<ReturnType<typeof measure>>, cases: Case[]): Outcome {
  const names = new Set(cases.map(({ name }) => name.split(" ")[0] ?? ""));
  const rates = [...names].map((name) => {
    const [short, long] = [costs[`${name} short`]?.wall, costs[`${name} long`]?.wall];
    return { name, rate: (LONG - SHORT) / ((long ?? Number.NaN) - (short ?? Number.NaN)) };
  });
  const rows = rates.map(({ name, rate }) => [name, figure(rate / 1e6), figure(rate / RATE)]);
  const own = rates.find(({ name }) => name === "nearsource")?.rate ?? Number.NaN;
  const off: Goal = {
    name: "rate over ten seconds, off the limit either way",
    value: Math.abs(own / RATE - 1),
    limit: 0.05,
    unit: "×",
  };
  return {
    tables: [{ title: `A limit of ${RATE / 1e6} MB/s`, headings: ["", "MB/s", "× the limit"], rows }],
    goals: [off],
    notes: [],
  };
}
