/**
 * A check with nothing new: a cold process that finds out that its installed set is current. Everything is on
 * loopback; nginx counts requests and bytes, and a DNS server in this process answers the hint.
 */
import { spawnSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { initRepository } from "../src/publisher/init.ts";
import { setDocument } from "../src/publisher/setDocument.ts";
import { type Agent, EMPTY, emptyScript, publishOne, updateOnce, writeAgent, writeNoise } from "./agent.ts";
import { aptCheck, curlCheck, freshclamCheck } from "./checkPeers.ts";
import { type Hint, startHint } from "./hint.ts";
import { type Case, type Cost, costOf, measure } from "./measure.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { type Bench, costTable, type Goal, type Outcome, type Table } from "./outcome.ts";
import { lacking } from "./peers.ts";

const HTTP = "nearsource, HTTP";
const HINT = "nearsource, DNS hint";

/** The requests of a check, and their answers. */
interface Asked {
  requests: number;
  /** DNS queries. */
  queries: number;
  bytes: number;
}

export async function check(bench: Bench): Promise<Outcome> {
  const missing = lacking("nginx");
  if (missing !== undefined) return { tables: [], goals: [], notes: [`left out: ${missing}`] };
  const www = path.join(bench.work, "www");
  await publishSite(bench, path.join(www, "site"));
  const nginx = await startNginx(bench.work, www);
  const hint = await startHint(path.join(www, "site"));
  try {
    const { cases, notes } = await makeCases(bench, nginx, hint);
    const asked: Record<string, Asked> = {};
    for (const each of cases) asked[each.name] = await countOnce(each, bench, nginx, hint);
    const costs = await measure(cases, bench.runs, bench.work);
    return {
      tables: [costTable("A check with nothing new", costs, EMPTY), askedTable(asked)],
      goals: goalsOf(costs),
      notes,
    };
  } finally {
    await Promise.all([nginx.close(), hint.close()]);
  }
}

async function publishSite(bench: Bench, site: string): Promise<void> {
  const file = path.join(bench.work, "pattern.dat");
  await writeNoise(file, 1_000_000);
  await publishOne(site, "pattern", file);
  await initRepository({ dir: site, repository: "settings" });
  const list = path.join(bench.work, "published-list.json");
  await fs.writeFile(list, JSON.stringify({ version: 1, entries: [] }));
  await setDocument({ dir: site, name: "source-list", file: list });
}

async function makeCases(
  bench: Bench,
  nginx: Nginx,
  hint: Hint,
): Promise<{ cases: Case[]; notes: string[] }> {
  const site = path.join(bench.work, "www/site");
  const url = `${nginx.url}/site`;
  const settings = {
    server: url,
    sourceList: undefined,
    roots: {
      content: path.join(site, "content/metadata/1.root.json"),
      settings: path.join(site, "settings/metadata/1.root.json"),
    },
  };
  const dns = { servers: [hint.address], versionRecord: hint.name };
  const content = await writeAgent(bench, "content", { sources: [url], root: site });
  const both = await writeAgent(bench, "both", { sources: [], root: site, config: settings });
  const hinted = await writeAgent(bench, "hinted", { sources: [], root: site, config: { ...settings, dns } });
  for (const agent of [content, both]) await updateOnce(bench, agent);
  const refusal = refusalOf(hinted);
  if (refusal === undefined) await updateOnce(bench, hinted);
  const peers = [
    await curlCheck(bench, url),
    await freshclamCheck(bench, nginx.url),
    await aptCheck(bench, nginx.url),
  ];
  const cases = [
    { name: EMPTY, command: await emptyScript(bench) },
    ...(refusal === undefined ? [{ name: HINT, command: hinted.nearsource("update", "--scheduled") }] : []),
    { name: HTTP, command: content.nearsource("update") },
    { name: `${HTTP}, with settings`, command: both.nearsource("update") },
    ...peers.filter((peer) => typeof peer !== "string"),
  ];
  const notes = peers.filter((peer) => typeof peer === "string");
  if (refusal !== undefined) notes.push(`left out: ${HINT} (${refusal})`);
  return { cases, notes };
}

/** The reason why this version makes no use of the hint, or undefined. */
function refusalOf(agent: Agent): string | undefined {
  const [command = "", ...words] = agent.nearsource("status");
  const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
  return status === 6 ? stderr.match(/is invalid: (.*)/)?.[1] : undefined;
}

async function countOnce(each: Case, bench: Bench, nginx: Nginx, hint: Hint): Promise<Asked> {
  await nginx.served();
  hint.asked();
  await costOf(each.command, bench.work);
  const { requests, received, sent } = await nginx.served();
  const { queries, bytes } = hint.asked();
  return { requests, queries, bytes: received + sent + bytes };
}

function askedTable(asked: Record<string, Asked>): Table {
  const rows = Object.entries(asked)
    .filter(([name]) => name !== EMPTY)
    .map(([name, { requests, queries, bytes }]) => [name, String(requests), String(queries), String(bytes)]);
  return {
    title: "What it asks for: heads and bodies in both directions, without TCP and IP",
    headings: ["", "HTTP requests", "DNS queries", "bytes"],
    rows,
  };
}

function goalsOf(costs: Record<string, Cost>): Goal[] {
  const goals: Goal[] = [];
  const empty = costs[EMPTY];
  const against = (name: string, limit: number) => {
    const own = costs[name];
    if (own === undefined || empty === undefined) return;
    const value = own.cpu / empty.cpu;
    goals.push({ name: `CPU of a check, ${name}, against ${EMPTY}`, value, limit, unit: "×" });
  };
  against(HINT, 1.3);
  against(HTTP, 3);
  return goals;
}
