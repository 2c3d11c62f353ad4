/** Agents that wait: what a held request takes, beside an idle connection of bare node:http. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../measure.ts";
import { type Bench, figure, type Goal, type Outcome } from "../outcome.ts";
import { usedBy } from "../relayServer.ts";
import { startBare } from "./bare.ts";
import { startOwnServer } from "./ownServer.ts";

/** Connections that are measured, and those before, which make a process as large as it is with any. */
const HELD = 10_000;
const BEFORE = 500;

/** Starts agents that wait, as many as are asked for. */
export async function startPollers(load: {
  port: number;
  agents: number;
  from: number;
  settings?: number;
  path?: string;
}): Promise<ChildProcess> {
  const script = path.join(import.meta.dirname, "../children/pollers.ts");
  const child = fork(script, [JSON.stringify(load)]);
  process.once("exit", () => child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

/** Version of the settings' timestamp that a server has published. */
export async function settingsVersion(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/settings/metadata/timestamp.json`);
  return ((await answer.json()) as { signed: { version: number } }).signed.version;
}

export async function polls(bench: Bench): Promise<Outcome> {
  const [bare, ours]: [number[], number[]] = [[], []];
  for (let run = 0; run < bench.runs; run++) {
    bench.say(`${HELD} connections, run ${run + 1}`);
    const idle = await startBare("idle.ts");
    bare.push(await grown(idle.pid, { port: idle.port, path: "/" }));
    await idle.close();
    const server = await startOwnServer(bench, "SQLite");
    const settings = await settingsVersion(server.agents);
    ours.push(await grown(server.pid, { port: server.agents, settings }));
    await server.close();
  }
  const [theirs, each] = [median(bare), median(ours)];
  const goals: Goal[] = [
    { name: `a held request of ${HELD}: kB of RSS`, value: each / 1_000, limit: 12, unit: "kB" },
    {
      name: "a held request over an idle connection of node:http",
      value: each / theirs,
      limit: 1.2,
      unit: "×",
    },
  ];
  const rows = [
    ["bare node:http, idle", figure(theirs / 1_000), "1.00"],
    ["nearsource, held", figure(each / 1_000), figure(each / theirs)],
  ];
  return {
    tables: [{ title: `${HELD} connections`, headings: ["", "kB of RSS each", "×"], rows }],
    goals,
    notes: [
      "RSS is what the process has grown by; a connection of node:http that was answered once is the least there is",
    ],
  };
}

/** Bytes that a process grows by with each connection. */
async function grown(pid: number, load: { port: number; settings?: number; path?: string }): Promise<number> {
  const before = await startPollers({ ...load, agents: BEFORE, from: 50_000 });
  await sleep(2_000);
  const small = (await usedBy(pid)).rss;
  const all = await startPollers({ ...load, agents: HELD, from: 0 });
  // What was used on the way goes by and by.
  await sleep(10_000);
  const large = (await usedBy(pid)).rss;
  for (const child of [before, all]) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  return (large - small) / HELD;
}
