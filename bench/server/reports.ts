/** Reports of a fleet: ten minutes at the rate that is asked for, and flat out beside a bare route of one insert. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { median } from "../measure.ts";
import { type Bench, figure, type Goal, type Outcome } from "../outcome.ts";
import { usedBy } from "../relayServer.ts";
import { startBare } from "./bare.ts";
import { FLEET } from "./fleet.ts";
import { DATABASES, type DatabaseName, startOwnServer } from "./ownServer.ts";
import { hasPostgres } from "./postgres.ts";

/** Reports a second that are to be taken, those that are sent, so that a moment's refusals can be made up, and for how long (s). */
const WANTED = 1_500;
const RATE = 1_520;
const LONG = { whole: 600, quick: 20 };
/** Seconds of each run flat out. */
const SHORT = 5;

interface Sent {
  sent: number;
  taken: number;
  statuses: Record<string, number>;
  p50: number | null;
  p99: number | null;
  most: number | null;
  seconds: number;
}

export async function reports(bench: Bench): Promise<Outcome> {
  const rows: string[][] = [];
  const ratios: string[][] = [];
  const goals: Goal[] = [];
  const seconds = bench.quick ? LONG.quick : LONG.whole;
  for (const name of DATABASES.filter((each) => each === "SQLite" || hasPostgres())) {
    const server = await startOwnServer(bench, name, { reports: { perAgent: 5 } });
    try {
      bench.say(`${name}: ${RATE} reports/s for ${seconds} s, each over a connection of its own`);
      await server.held();
      const before = await server.used();
      const sent = await send({ port: server.agents, rate: RATE, seconds, connections: 0 });
      const after = await server.used();
      const held = await server.held();
      const perSecond = sent.taken / Math.max(sent.seconds, seconds);
      const each = ((after.cpu - before.cpu) / sent.taken) * 1e6;
      const refused = sent.sent - sent.taken;
      rows.push([
        name,
        figure(perSecond),
        figure(sent.p50 ?? Number.NaN),
        figure(sent.p99 ?? Number.NaN),
        String(refused),
        figure(each),
        figure(after.peak / 1e6),
        figure(held.longest),
      ]);
      goals.push(
        {
          name: `${name}: ${WANTED} reports/s over those taken`,
          value: WANTED / perSecond,
          limit: 1,
          unit: "×",
        },
        { name: `${name}: reports, p99`, value: sent.p99 ?? Number.NaN, limit: 1_000, unit: "ms" },
        { name: `${name}: RSS under reports`, value: after.peak / 1e6, limit: 300, unit: "MB" },
        { name: `${name}: the loop was held under reports`, value: held.longest, limit: 50, unit: "ms" },
      );
      ratios.push(...(await flatOut(bench, name, server)));
    } finally {
      await server.close();
    }
  }
  return {
    tables: [
      {
        title: `${RATE} reports/s sent for ${seconds} s, ${FLEET.toLocaleString("en")} agents`,
        headings: [
          "",
          "taken/s",
          "p50 ms",
          "p99 ms",
          "refused",
          "CPU µs each",
          "peak RSS MB",
          "loop held ms",
        ],
        rows,
      },
      {
        title: "Flat out, 64 kept connections",
        headings: ["", "taken/s", "CPU µs each", "taken/s ×"],
        rows: ratios,
      },
    ],
    goals,
    notes: [
      "the agents are another process on the same cores; of each agent the newest five reports are kept, so that old ones go meanwhile",
      "a refused report (429) is sent again later by an agent, and counts here as not taken",
      "the bare route parses the same body and commits it as one row, with nothing else: no agent, no secret, no check",
    ],
  };
}

async function flatOut(
  bench: Bench,
  name: DatabaseName,
  server: { agents: number; pid: number; database: string },
): Promise<string[][]> {
  // A file of its own: two that write into one SQLite would wait for each other.
  const database = name === "SQLite" ? `sqlite:${path.join(bench.work, "bare.db")}` : server.database;
  const bare = await startBare("bareServer.ts", { database, list: "{}" });
  try {
    const load = { rate: 20_000, seconds: SHORT, connections: 64 };
    const cases = [
      { port: bare.port, pid: bare.pid, path: "/report" },
      { port: server.agents, pid: server.pid },
    ];
    const figures: { rate: number; cpu: number }[][] = [[], []];
    for (let run = 0; run < bench.runs; run++) {
      bench.say(`${name}, flat out, run ${run + 1}`);
      for (const [index, { port, pid, ...where }] of cases.entries()) {
        const before = (await usedBy(pid)).cpu;
        const sent = await send({ port, ...load, ...where });
        const cpu = (((await usedBy(pid)).cpu - before) / sent.taken) * 1e6;
        figures[index]?.push({ rate: sent.taken / sent.seconds, cpu });
      }
    }
    const [plain, ours] = figures.map((each) => ({
      rate: median(each.map(({ rate }) => rate)),
      cpu: median(each.map(({ cpu }) => cpu)),
    }));
    return [
      [`${name}: a bare route`, figure(plain?.rate ?? 0), figure(plain?.cpu ?? 0), "1.00"],
      [
        `${name}: nearsource`,
        figure(ours?.rate ?? 0),
        figure(ours?.cpu ?? 0),
        figure((ours?.rate ?? 0) / (plain?.rate ?? Number.NaN)),
      ],
    ];
  } finally {
    await bare.close();
  }
}

async function send(load: {
  port: number;
  rate: number;
  seconds: number;
  connections: number;
  path?: string;
}): Promise<Sent> {
  const script = path.join(import.meta.dirname, "../children/reporters.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    JSON.stringify({ ...load, agents: FLEET }),
  ]);
  return JSON.parse(stdout) as Sent;
}
