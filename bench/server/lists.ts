/** Lists, searches, filters and pages of agents, beside a bare route that answers the same text as it is. */
import { type Bench, figure, type Goal, type Outcome } from "../outcome.ts";
import { startBare } from "./bare.ts";
import { Calls, within } from "./calls.ts";
import { agentOf, FLEET } from "./fleet.ts";
import { DATABASES, startOwnServer } from "./ownServer.ts";
import { hasPostgres } from "./postgres.ts";

/** Calls of each kind. */
const CALLS = 200;

/** Paths by what they are, and the longest time (ms) for 95 in a hundred; the number makes each call another. */
const PATHS: Record<string, { path: (call: number) => string; limit: number }> = {
  "the first page": { path: () => "/api/v1/agents?limit=50", limit: 50 },
  "a domain": { path: (call) => `/api/v1/agents?domain=${["berlin", "lyon"][call % 2]}&limit=50`, limit: 50 },
  "a search that finds one": {
    path: (call) => `/api/v1/agents?q=${agentOf((call * 331) % FLEET).name.slice(-9)}&limit=50`,
    limit: 50,
  },
  "a search that finds a tenth": { path: (call) => `/api/v1/agents?q=pc-0${call % 10}&limit=50`, limit: 50 },
  "a search by address": { path: (call) => `/api/v1/agents?q=10.1.${call % 100}.&limit=50`, limit: 50 },
  "an outcome, which one in a hundred has": {
    path: () => "/api/v1/agents?outcome=exhausted&limit=50",
    limit: 50,
  },
  "a source": { path: (call) => `/api/v1/agents?source=ua-${call % 200}&limit=50`, limit: 50 },
  "one agent": { path: (call) => `/api/v1/agents/${agentOf((call * 331) % FLEET).id}`, limit: 20 },
  "its order": { path: (call) => `/api/v1/agents/${agentOf((call * 331) % FLEET).id}/order`, limit: 20 },
  "its runs": { path: (call) => `/api/v1/agents/${agentOf((call * 331) % FLEET).id}/runs`, limit: 20 },
};

export async function lists(bench: Bench): Promise<Outcome> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const name of DATABASES.filter((each) => each === "SQLite" || hasPostgres())) {
    const server = await startOwnServer(bench, name);
    const calls = new Calls(server.console, server.token);
    const first = await calls.good("GET /api/v1/agents?limit=50");
    const bare = await startBare("bareServer.ts", { database: "sqlite::memory:", list: first.text });
    const plain = new Calls(bare.port, "");
    try {
      await server.held();
      for (const [what, { path, limit }] of Object.entries(PATHS)) {
        bench.say(`${name}: ${what}`);
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let call = 0; call < (bench.quick ? CALLS / 10 : CALLS); call++) {
          theirs.push((await plain.good("GET /list")).took);
          ours.push((await calls.good(`GET ${path(call)}`)).took);
        }
        const p95 = within(ours, 0.95);
        rows.push([`${name}: ${what}`, figure(within(ours, 0.5)), figure(p95), figure(within(theirs, 0.95))]);
        goals.push({ name: `${name}: ${what}, p95`, value: p95, limit, unit: "ms" });
      }
      const { longest } = await server.held();
      goals.push({ name: `${name}: the loop was held under lists`, value: longest, limit: 50, unit: "ms" });
    } finally {
      calls.close();
      plain.close();
      await bare.close();
      await server.close();
    }
  }
  return {
    tables: [
      {
        title: `${FLEET.toLocaleString("en")} agents, one call after the other`,
        headings: ["", "p50 ms", "p95 ms", "a bare route, p95 ms"],
        rows,
      },
    ],
    goals,
    notes: [`${bench.quick ? CALLS / 10 : CALLS} calls of each kind, each with the number of all that match`],
  };
}
