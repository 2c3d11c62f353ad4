/**
 * An Update Agent under load, beside nginx with the same files in the same run: small files, many readers
 * of a large one, slow readers, idle connections, and a site of clients. `QUICK=1` only tries that it works.
 */
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { addRelease } from "../src/publisher/addRelease.ts";
import { objectUrl, publishOne, writeAgent, writeNoise } from "./agent.ts";
import { median } from "./measure.ts";
import { startNginx } from "./nginx.ts";
import { type Bench, figure, type Goal, type Outcome, type Table } from "./outcome.ts";
import { lacking } from "./peers.ts";
import { type Server, startRelayServer, usedBy } from "./relayServer.ts";

const QUICK = process.env.QUICK !== undefined;
const SECONDS = QUICK ? 1 : 5;
const LARGE = QUICK ? 20_000_000 : 100_000_000;
const HUGE = QUICK ? 100_000_000 : 1_000_000_000;
const READERS = QUICK ? [50] : [50, 250, 1_000];
const SLOW_READERS = QUICK ? 100 : 1_000;
const SLOW_RATE = 200_000;
const IDLE = QUICK ? 1_000 : 10_000;
const CLIENTS = QUICK ? 20 : 1_000;
/** 10 Gbit/s, in bytes. */
const LINK = 1_250_000_000;

export async function relay(bench: Bench): Promise<Outcome> {
  const missing = lacking("nginx") ?? lacking("wrk");
  if (missing !== undefined) return { tables: [], goals: [], notes: [`left out: ${missing}`] };
  const site = path.join(bench.work, "www");
  const paths = await publish(bench, site);
  const nginx = await startNginx(bench.work, site, { counts: false });
  const ours = await startRelayServer(bench, "relay", nginx.url, site);
  const theirs: Server = {
    name: "nginx",
    port: Number(new URL(nginx.url).port),
    pid: await nginx.worker(),
  };
  const servers = [theirs, ours.server];
  try {
    const parts = [
      await smallFiles(bench, servers, paths.manifest),
      await largeFile(bench, servers, paths.large),
      await slowReaders(bench, servers, paths),
      await idleConnections(bench, servers),
      await clients(bench, ours.server, nginx.url, site),
    ];
    return {
      tables: parts.map(({ table }) => table),
      goals: parts.flatMap(({ goals }) => goals),
      notes: ["the load comes from other processes of the same machine, and takes its part of the CPUs"],
    };
  } finally {
    await ours.close();
    await nginx.close();
  }
}

interface Part {
  table: Table;
  goals: Goal[];
}

interface Paths {
  manifest: string;
  large: string;
  huge: string;
}

async function publish(bench: Bench, site: string): Promise<Paths> {
  const [large, huge, many] = ["large.dat", "huge.dat", "many"].map((name) =>
    path.join(bench.work, name),
  ) as [string, string, string];
  const objects = [await writeNoise(large, LARGE), await writeNoise(huge, HUGE)];
  await publishOne(site, "large", large);
  await addRelease({ dir: site, kind: "components", name: "huge", version: "1", path: huge });
  await fs.rm(huge);
  // Enough small files for a manifest of 16 kB.
  await fs.mkdir(many);
  for (let index = 100; index < 215; index++)
    await fs.writeFile(path.join(many, `file-${index}.dat`), `${index}`);
  await addRelease({ dir: site, kind: "components", name: "many", version: "1", path: many });
  const folder = "/content/targets/components/";
  const names = await fs.readdir(path.join(site, folder));
  const manifest = folder + names.find((name) => name.endsWith(".many.json"));
  const [largePath, hugePath] = objects.map((sha256) => objectUrl("", sha256)) as [string, string];
  return { manifest, large: largePath, huge: hugePath };
}

/** Requests a second for a small file. */
async function smallFiles(bench: Bench, servers: Server[], where: string): Promise<Part> {
  const cases: [string, string[]][] = [
    ["keep-alive, 50 connections", ["-c50"]],
    ["keep-alive, 1,000 connections", ["-c1000"]],
    ["new connections, 50 at a time", ["-c50", "-H", "Connection: close"]],
  ];
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const [name, words] of cases) {
    bench.say(`16 kB, ${name}`);
    const rates: number[] = [];
    for (const server of servers) {
      const runs: { rate: number; cpu: number }[] = [];
      for (let run = 0; run < bench.runs; run++) {
        const before = await usedBy(server.pid);
        const rate = await wrk(server, where, words);
        runs.push({ rate, cpu: (await usedBy(server.pid)).cpu - before.cpu });
      }
      const rate = median(runs.map((each) => each.rate));
      rates.push(rate);
      const cpu = median(runs.map((each) => each.cpu));
      rows.push([`${name}: ${server.name}`, figure(rate), figure(cpu), figure(rate / (rates[0] ?? 0))]);
    }
    goals.push(ratioGoal(`16 kB, ${name}: nginx's requests per second over ours`, rates, 1 / 0.7));
  }
  return { table: { title: "A file of 16 kB", headings: ["", "requests/s", "CPU s", "×"], rows }, goals };
}

async function wrk({ port }: Server, where: string, words: string[]): Promise<number> {
  const args = ["-t1", `-d${SECONDS}s`, ...words, `http://127.0.0.1:${port}${where}`];
  const { stdout } = await promisify(execFile)("wrk", args);
  return Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)?.[1]);
}

interface Reading {
  /** Bytes a second: of all, of the one in the middle, and of the one that 5% are slower than. */
  rate: number;
  middle: number;
  slowest: number;
  starved: number;
  cpu: number;
  rss: number;
}

async function read(server: Server, load: Record<string, unknown>): Promise<Reading> {
  const script = path.join(import.meta.dirname, "children/readers.ts");
  const before = await usedBy(server.pid);
  const words = [script, JSON.stringify({ port: server.port, seconds: SECONDS, ...load })];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 1e7 });
  const after = await usedBy(server.pid);
  const { seconds, received } = JSON.parse(stdout) as { seconds: number; received: number[] };
  const sorted = received.toSorted((a, b) => a - b).map((bytes) => bytes / seconds);
  return {
    rate: sorted.reduce((sum, each) => sum + each, 0),
    middle: sorted[sorted.length >> 1] ?? 0,
    slowest: sorted[Math.floor(sorted.length / 20)] ?? 0,
    starved: sorted.filter((each) => each === 0).length,
    cpu: after.cpu - before.cpu,
    rss: after.rss,
  };
}

const READING = ["", "MB/s", "×", "CPU s", "5% slowest ÷ median", "without a byte", "RSS MB"];

function readingRow(name: string, reading: Reading, against: Reading | undefined): string[] {
  const { rate, middle, slowest, starved, cpu, rss } = reading;
  const ratio = rate / (against?.rate ?? rate);
  return [
    name,
    figure(rate / 1e6),
    figure(ratio),
    figure(cpu),
    figure(slowest / middle),
    String(starved),
    figure(rss / 1e6),
  ];
}

/** A large file to many, within a link and flat out. */
async function largeFile(bench: Bench, servers: Server[], where: string): Promise<Part> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const [pace, total, least] of [
    ["10 Gbit/s", LINK, 0.99],
    ["flat out", undefined, 0.5],
  ] as const) {
    for (const readers of READERS) {
      const name = `${pace}, ${readers} readers`;
      bench.say(`${LARGE / 1e6} MB, ${name}`);
      const rate = total === undefined ? {} : { rate: total / readers };
      const readings: Reading[] = [];
      for (const server of servers) {
        readings.push(await read(server, { path: where, readers, ...rate }));
        rows.push(readingRow(`${name}: ${server.name}`, readings.at(-1) as Reading, readings[0]));
      }
      const [nginx, ours] = readings;
      goals.push(
        ratioGoal(`${name}: nginx's rate over ours`, [nginx?.rate ?? 0, ours?.rate ?? 0], 1 / least),
      );
      const fairness = [ours?.middle ?? 0, ours?.slowest ?? 0];
      goals.push(ratioGoal(`${name}: median reader over the 5% slowest`, fairness, 1 / 0.95));
    }
  }
  return { table: { title: `A file of ${LARGE / 1e6} MB`, headings: READING, rows }, goals };
}

/** Many slow readers, near each other in the file and far. */
async function slowReaders(bench: Bench, servers: Server[], { large, huge }: Paths): Promise<Part> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const [name, load, limit] of [
    ["near each other", { path: large }, 120],
    ["spread out", { path: huge, spread: HUGE * 0.9 }, 350],
  ] as const) {
    bench.say(`${SLOW_READERS} readers at ${SLOW_RATE / 1_000} kB/s, ${name}`);
    for (const server of servers) {
      const reading = await read(server, { ...load, readers: SLOW_READERS, rate: SLOW_RATE });
      rows.push(readingRow(`${name}: ${server.name}`, reading, undefined));
      if (server.name === "nginx") continue;
      goals.push({ name: `slow readers ${name}: RSS`, value: reading.rss / 1e6, limit, unit: "MB" });
      const rates = [SLOW_RATE, reading.slowest];
      goals.push(ratioGoal(`slow readers ${name}: their rate over the 5% slowest`, rates, 1 / 0.95));
    }
  }
  const title = `${SLOW_READERS} readers at ${SLOW_RATE / 1_000} kB/s each`;
  return { table: { title, headings: READING, rows }, goals };
}

/** The cost of an idle connection. */
async function idleConnections(bench: Bench, servers: Server[]): Promise<Part> {
  bench.say(`${IDLE} idle connections`);
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const server of servers) {
    const before = await usedBy(server.pid);
    const script = path.resolve(import.meta.dirname, "../test/support/attack.ts");
    const child = fork(script, [String(server.port), "/", String(IDLE), "idle"]);
    await once(child, "message");
    const grown = (await usedBy(server.pid)).rss - before.rss;
    child.kill();
    await once(child, "exit");
    rows.push([server.name, figure(grown / 1e6), figure(grown / IDLE / 1_000)]);
    if (server.name === "nginx") continue;
    const limit = (15_000 * IDLE) / 1e6;
    goals.push({ name: `${IDLE} idle connections: RSS grown`, value: grown / 1e6, limit, unit: "MB" });
  }
  const headings = ["", "RSS grown MB", "kB each"];
  return { table: { title: `${IDLE} idle connections`, headings, rows }, goals };
}

/** A site of clients that update from cold, and their requests upstream. */
async function clients(bench: Bench, _: Server, upstream: string, site: string): Promise<Part> {
  bench.say(`a site of ${CLIENTS} clients`);
  const small = path.join(bench.work, "small.dat");
  await writeNoise(small, 1_000_000);
  await addRelease({ dir: site, kind: "components", name: "small", version: "1", path: small });
  const fresh = await startRelayServer(bench, "relay-of-a-site", upstream, site);
  try {
    const { upstream: asked } = await fresh.stats();
    const names = await fs.readdir(path.join(site, "content/objects"), {
      recursive: true,
      withFileTypes: true,
    });
    const files = names
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    const sizes = await Promise.all(files.map(async (file) => (await fs.stat(file)).size));
    const content = sizes.reduce((sum, each) => sum + each, 0);
    const agent = await writeAgent(bench, "client", {
      sources: [`http://127.0.0.1:${fresh.server.port}`],
      root: site,
      config: { components: ["small", "many"] },
    });
    const script = path.join(import.meta.dirname, "children/site.ts");
    const began = performance.now();
    const words = [script, agent.config, String(CLIENTS), bench.work];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    const seconds = (performance.now() - began) / 1_000;
    const after = (await fresh.stats()).upstream;
    const row = [
      String(CLIENTS),
      stdout,
      figure(seconds),
      `${after.objects} of ${files.length} files`,
      figure(after.bytes / content),
      String(after.objects - asked.objects),
    ];
    const headings = [
      "clients",
      "updated",
      "s",
      "asked upstream",
      "× the content",
      "asked for while they updated",
    ];
    return {
      table: { title: "A site of clients, from cold", headings, rows: [row] },
      goals: [
        {
          name: "bytes from upstream over the content",
          value: after.bytes / content,
          limit: 1.02,
          unit: "×",
        },
        { name: "clients over those updated", value: CLIENTS / Number(stdout), limit: 1, unit: "×" },
      ],
    };
  } finally {
    await fresh.close();
  }
}

/** The ratio of the first figure to the second, at most `limit`. */
function ratioGoal(name: string, [first = Number.NaN, second = Number.NaN]: number[], limit: number): Goal {
  return { name, value: first / second, limit, unit: "×" };
}
