/**
 * A release that goes out to a branch behind a thin link: the bytes on the link, and the time until all have
 * it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { addRelease } from "../src/publisher/addRelease.ts";
import { initRepository } from "../src/publisher/init.ts";
import { setDocument } from "../src/publisher/setDocument.ts";
import { startThinSource, type ThinSource } from "../test/support/thinLink.ts";
import { type Agent, publishOne, updateOnce, writeAgent, writeNoise } from "./agent.ts";
import { median } from "./measure.ts";
import { type Bench, figure, type Outcome } from "./outcome.ts";

/** Bytes a second, 2 Mbit/s, and the bytes of a release. */
const WIDTH = 250_000;
const SIZE = 9_000_000;
const AGENTS = [5, 30];

/** Times the content crossed the link, and the time of all runs over that which the link needs. */
interface Came {
  crossed: number;
  took: number;
}

export async function branch(bench: Bench): Promise<Outcome> {
  const rows: string[][] = [];
  const worst = { crossed: 0, took: 0 };
  for (const count of AGENTS) {
    const came: Came[] = [];
    for (let run = 1; run <= bench.runs; run++) {
      bench.say(`${count} agents, run ${run}`);
      came.push(await goOut(bench, `${count}-${run}`, count));
    }
    const [crossed, took] = [median(came.map((each) => each.crossed)), median(came.map((each) => each.took))];
    worst.crossed = Math.max(worst.crossed, crossed);
    worst.took = Math.max(worst.took, took);
    rows.push([`${count} agents`, figure(crossed), figure(took)]);
  }
  return {
    tables: [
      {
        title: `A release of ${SIZE / 1e6} MB while it goes out over ${(WIDTH * 8) / 1e6} Mbit/s, agents on schedule`,
        headings: ["", "× the content over the link", "× the time the link needs, until all have it"],
        rows,
      },
    ],
    goals: [
      { name: "bytes over the link", value: worst.crossed, limit: 1.05, unit: "×" },
      { name: "until all agents have the release", value: worst.took, limit: 1.3, unit: "×" },
    ],
    notes: [
      "one Update Agent, whose own run is beside it; the server is the next source, over the same link",
    ],
  };
}

async function goOut(bench: Bench, name: string, count: number): Promise<Came> {
  const office = await open(bench, name, count);
  try {
    await addRelease({
      dir: office.www,
      kind: "components",
      name: "pattern",
      version: "2",
      path: office.second,
    });
    office.server.widen(WIDTH);
    const [before, began] = [office.server.crossed(), performance.now()];
    const runs = [...office.agents, office.updateAgent].map((agent) =>
      run(agent, "update", "--scheduled", "--wait", "--quiet"),
    );
    const codes = await Promise.all(runs.map(async (child) => (await once(child, "close"))[0]));
    if (codes.some((code) => code !== 0)) throw new Error(`runs ended with ${codes.join(", ")}`);
    const took = (performance.now() - began) / 1_000;
    return { crossed: (office.server.crossed() - before) / SIZE, took: took / (SIZE / WIDTH) };
  } finally {
    office.resident.kill("SIGKILL");
    await office.server.close();
  }
}

/** The server, its Update Agent as a resident one, and agents; all of them have the first release. */
async function open(bench: Bench, name: string, count: number) {
  const home = path.join(bench.work, name);
  const www = path.join(home, "www");
  await fs.mkdir(www, { recursive: true });
  const [first, second] = [path.join(home, "first"), path.join(home, "second")];
  await writeNoise(first, 1_000_000);
  await writeNoise(second, SIZE);
  await publishOne(www, "pattern", first);
  await initRepository({ dir: www, repository: "settings" });
  const server = await startThinSource(www);
  const { updateAgent, resident, port } = await startUpdateAgent(bench, name, www, server);
  const near = `http://127.0.0.1:${port}`;
  const config = { server: server.url };
  const agents: Agent[] = [];
  for (let index = 0; index < count; index++) {
    const agent = await writeAgent(bench, `${name}/agent-${index}`, { sources: [near], root: www, config });
    await updateOnce(bench, agent);
    agents.push(agent);
  }
  return { www, second, server, updateAgent, resident, agents };
}

async function startUpdateAgent(bench: Bench, name: string, www: string, server: ThinSource) {
  const settings = path.join(www, "settings/metadata/1.root.json");
  const config = {
    server: server.url,
    roots: { content: path.join(www, "content/metadata/1.root.json"), settings },
    listen: { host: "127.0.0.1", port: 0 },
    metrics: { port: null },
    relay: { minFree: 0, maxStale: 1_000 },
  };
  const updateAgent = await writeAgent(bench, `${name}/update-agent`, { sources: [], root: www, config });
  await updateOnce(bench, updateAgent);
  const { agentId } = JSON.parse(await fs.readFile(path.join(updateAgent.dataDir, "state.json"), "utf8"));
  const file = path.join(bench.work, name, "document.json");
  await fs.writeFile(file, JSON.stringify({ agents: [{ id: agentId, kinds: ["components"] }] }));
  await setDocument({ dir: www, name: "update-agents", file });
  await updateOnce(bench, updateAgent);
  const resident = run(updateAgent, "agent");
  const port = await portOf(resident);
  const url = `http://127.0.0.1:${port}/content/metadata/timestamp.json`;
  while (
    !(await fetch(url).then(
      ({ status }) => status === 200,
      () => false,
    ))
  )
    await sleep(200);
  return { updateAgent, resident, port };
}

function run(agent: Agent, ...words: string[]): ChildProcess {
  const [program = "", ...args] = agent.nearsource(...words);
  return spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
}

function portOf({ stderr }: ChildProcess): Promise<number> {
  let said = "";
  return new Promise((found, fail) => {
    stderr?.setEncoding("utf8").on("data", (piece: string) => {
      said += piece;
      const port = said.match(/listening at port (\d+)/)?.[1];
      if (port !== undefined) found(Number(port));
    });
    stderr?.once("close", () => fail(new Error(`the Update Agent did not start: ${said}`)));
  });
}
