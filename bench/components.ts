/**
 * The cost of the number of components: a first installation, a check with nothing new, an Update Agent's
 * fill, and the publication of one more release, at 10 to 1,000 components of one small file each.
 */
import { promises as fs } from "node:fs";
import path from "node:path";
import { build } from "rolldown";
import { listFormatsWhenUsed } from "../src/packaging/programs.ts";
import { initRepository } from "../src/publisher/init.ts";
import { roleOf } from "../src/publisher/repository/publication.ts";
import { publishNext } from "../src/publisher/repository/publish.ts";
import { encodeManifest } from "../src/publisher/repository/releases.ts";
import { withRepository } from "../src/publisher/repository/session.ts";
import { describeBytes, type Json } from "../src/publisher/repository/signedParts.ts";
import { storeObject } from "../src/publisher/repository/storeObject.ts";
import { updateOnce, writeAgent } from "./agent.ts";
import { type Case, measure } from "./measure.ts";
import { startNginx } from "./nginx.ts";
import { type Bench, figure, type Goal, type Outcome } from "./outcome.ts";
import { lacking } from "./peers.ts";

const COUNTS = [10, 100, 300, 1_000];
const [MANY, FEW] = [1_000, 100];
const WORK = ["install", "check", "fill", "add"] as const;
const NAMES: Record<(typeof WORK)[number], string> = {
  install: "a first installation",
  check: "a check with nothing new",
  fill: "an Update Agent learns and fetches all of it",
  add: "`repo add` of one release",
};
/** Seconds of CPU at 1,000 components; of `add`, less the start of the program. */
const LIMITS: Partial<Record<(typeof WORK)[number], number>> = { install: 3.3, check: 0.49, add: 0.2 };
const START = "start";

export async function components(bench: Bench): Promise<Outcome> {
  const missing = lacking("nginx");
  if (missing !== undefined) return { tables: [], goals: [], notes: [`left out: ${missing}`] };
  const www = path.join(bench.work, "www");
  for (const count of COUNTS) await publishMany(path.join(www, String(count)), count);
  const fill = await bundleFill(bench);
  const nginx = await startNginx(bench.work, www, { counts: false });
  try {
    const cases: Case[] = [{ name: START, command: [process.execPath, bench.main, "--version"] }];
    for (const count of COUNTS) cases.push(...(await casesOf(bench, count, `${nginx.url}/${count}`, fill)));
    const costs = await measure(cases, bench.runs, bench.work);
    const cpu = (work: string, count: number) => costs[`${work} ${count}`]?.cpu ?? Number.NaN;
    const start = costs[START]?.cpu ?? Number.NaN;
    const rows = WORK.map((work) => [NAMES[work], ...COUNTS.map((count) => figure(cpu(work, count)))]);
    const headings = ["CPU s", ...COUNTS.map((count) => count.toLocaleString("en"))];
    return {
      tables: [{ title: "The number of components", headings, rows }],
      goals: WORK.flatMap((work) => goalsOf(work, cpu(work, MANY), cpu(work, FEW), start)),
      notes: ["Linear is × 10 from 100 components to 1,000; what does not depend on them makes it less."],
    };
  } finally {
    await nginx.close();
  }
}

function goalsOf(work: (typeof WORK)[number], many: number, few: number, start: number): Goal[] {
  const growth: Goal = {
    name: `${NAMES[work]}: CPU at 1,000 components, by that at 100`,
    value: many / few,
    limit: MANY / FEW,
    unit: "×",
  };
  const limit = LIMITS[work];
  if (limit === undefined) return [growth];
  const value = work === "add" ? many - start : many;
  return [growth, { name: `${NAMES[work]}: CPU at 1,000 components`, value, limit, unit: "s" }];
}

/** All of them in one publication: one by one they would take as many. */
async function publishMany(dir: string, count: number): Promise<void> {
  const source = path.join(dir, "..", "payload");
  await initRepository({ dir, repository: "content" });
  await withRepository({ dir }, "content", async (session) => {
    const [files, targets]: [Map<string, Buffer>, Json] = [new Map(), {}];
    for (let index = 0; index < count; index++) {
      await fs.writeFile(source, `component ${index}\n`.repeat(100));
      const object = await storeObject(session.location, source, () => {});
      const releases = [{ release: 1, version: "1", files: [{ path: "file.dat", ...object }] }];
      const component = { kind: "components", name: `component-${index}` } as const;
      const manifest = encodeManifest(component, releases);
      files.set(`components/${component.name}.json`, manifest);
      targets[`components/${component.name}.json`] = describeBytes(manifest);
    }
    const role = { ...roleOf(session.publication, "components").signed.toJSON(), targets };
    await publishNext(session, { roles: new Map([["components", role]]), files });
    return {};
  });
}

async function bundleFill(bench: Bench): Promise<string> {
  const file = path.join(bench.work, "fill.mjs");
  await build({
    input: path.join(import.meta.dirname, "children/fill.ts"),
    platform: "node",
    plugins: [listFormatsWhenUsed],
    output: { file, format: "esm", codeSplitting: false },
  });
  return file;
}

async function casesOf(bench: Bench, count: number, url: string, fill: string): Promise<Case[]> {
  const root = path.join(bench.work, "www", String(count));
  const agent = (name: string) =>
    writeAgent(bench, `${name}-${count}`, { sources: [url], root, config: { relay: { minFree: 0 } } });
  const [fresh, settled, relay] = [await agent("fresh"), await agent("settled"), await agent("relay")];
  await updateOnce(bench, settled);
  const release = path.join(bench.work, `release-${count}`);
  const copy = path.join(bench.work, `copy-${count}`);
  for (const suffix of ["", ".keys"])
    await fs.cp(`${root}${suffix}`, `${copy}${suffix}`, { recursive: true });
  let version = 1;
  const empty = (dataDir: string) => fs.rm(dataDir, { recursive: true, force: true });
  const add = [process.execPath, bench.main, "repo", "add", copy, "components/component-1", "next", release];
  return [
    { name: `install ${count}`, command: fresh.nearsource("update"), before: () => empty(fresh.dataDir) },
    { name: `check ${count}`, command: settled.nearsource("update") },
    {
      name: `fill ${count}`,
      command: [process.execPath, fill, relay.config],
      before: () => empty(relay.dataDir),
    },
    { name: `add ${count}`, command: add, before: () => fs.writeFile(release, `release ${++version}`) },
  ];
}
