/** Notify all: agents that wait are told of a publication over the window, run and report; the API answers meanwhile. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, figure, type Goal, type Outcome } from "../outcome.ts";
import { Calls, within } from "./calls.ts";
import { agentOf, FLEET } from "./fleet.ts";
import { DATABASES, type DatabaseName, startOwnServer } from "./ownServer.ts";
import { settingsVersion, startPollers } from "./polls.ts";
import { hasPostgres } from "./postgres.ts";

/** Agents that wait over real sockets; the others of the fleet are off. */
const WAITING = 10_000;
/** Longest time (ms) that is waited for their reports. */
const LONGEST = 600_000;

interface Found {
  created: number;
  told: number;
  reported: number;
  window: number;
  took: number;
  calls: number[];
  peak: number;
  held: number;
}

export async function notify(bench: Bench): Promise<Outcome> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const name of DATABASES.filter((each) => each === "SQLite" || hasPostgres())) {
    bench.say(`${name}: all of ${FLEET} agents are notified, ${WAITING} of them wait`);
    const found = await notifyAll(bench, name);
    const p95 = within(found.calls, 0.95);
    rows.push([
      name,
      figure(found.created),
      String(found.told),
      String(found.reported),
      figure(found.window / 1_000),
      figure(found.took / 1_000),
      figure(p95),
      figure(found.peak / 1e6),
      figure(found.held),
    ]);
    goals.push(
      { name: `${name}: agents over those told`, value: WAITING / found.told, limit: 1, unit: "×" },
      {
        name: `${name}: agents over those whose report was taken`,
        value: WAITING / found.reported,
        limit: 1,
        unit: "×",
      },
      {
        name: `${name}: the time of telling over the window`,
        value: found.took / found.window,
        limit: 1.05,
        unit: "×",
      },
      { name: `${name}: API while all are notified, p95`, value: p95, limit: 100, unit: "ms" },
      { name: `${name}: RSS while all are notified`, value: found.peak / 1e6, limit: 300, unit: "MB" },
      { name: `${name}: the loop was held while all are notified`, value: found.held, limit: 50, unit: "ms" },
    );
  }
  const headings = [
    ...["", "created ms", "told", "reported", "window s", "until all had reported s"],
    ...["API p95 ms", "peak RSS MB", "loop held ms"],
  ];
  return {
    tables: [{ title: `Notify all, ${WAITING} agents over sockets`, headings, rows }],
    goals,
    notes: ["the list of agents, one of them and the notification itself are called in turn meanwhile"],
  };
}

async function notifyAll(bench: Bench, name: DatabaseName): Promise<Found> {
  const server = await startOwnServer(bench, name);
  const calls = new Calls(server.console, server.token);
  try {
    // Agents by number: the rest of the fleet cannot be reached, and would be tried again for a day.
    await server.withDatabase(async ({ db }) => {
      const idOf = (index: number) => agentOf(index).id;
      // A few at a time: the server writes into the same database.
      for (let from = WAITING; from < FLEET; from += 2_000) {
        await db
          .updateTable("agents")
          .set({ retired_at: Date.now() })
          .where("id", ">=", idOf(from))
          .where("id", "<", idOf(from + 2_000))
          .execute();
      }
    });
    const settings = await settingsVersion(server.agents);
    const agents = await startPollers({ port: server.agents, agents: WAITING, from: 0, settings });
    await server.held();
    const list = await calls.good("GET /api/v1/source-list").catch(() => undefined);
    const began = performance.now();
    const created = await calls.good("POST /api/v1/notifications", { target: { all: true } });
    const { id } = JSON.parse(created.text) as { id: string };
    const version = list?.headers.etag ?? '"0"';
    const put = { entries: [{ range: "10.0.0.0/8", name: "ua-1", url: "http://ua-1.corp.example:21112" }] };
    await calls.good("PUT /api/v1/source-list", put, { "if-match": version });
    const took: number[] = [];
    let answer = { told: 0, reported: 0 };
    while (answer.reported < WAITING && performance.now() - began < LONGEST) {
      for (const path of [`notifications/${id}`, "agents?limit=50", "agents/agent-000001"]) {
        took.push((await calls.good(`GET /api/v1/${path}`)).took);
        await sleep(30);
      }
      agents.send("numbers");
      [answer] = (await once(agents, "message")) as [typeof answer];
    }
    const all = performance.now() - began;
    const { window } = JSON.parse((await calls.good(`GET /api/v1/notifications/${id}`)).text);
    const used = await server.used();
    const { longest } = await server.held();
    agents.kill("SIGKILL");
    return {
      created: created.took,
      ...answer,
      window,
      took: all,
      calls: took,
      peak: used.peak,
      held: longest,
    };
  } finally {
    calls.close();
    await server.close();
  }
}
