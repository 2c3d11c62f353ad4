/** A save: the effect of a list on the whole fleet, and the publication. */
import { median } from "../measure.ts";
import { type Bench, figure, type Goal, type Outcome } from "../outcome.ts";
import { Calls } from "./calls.ts";
import { FLEET } from "./fleet.ts";
import { DATABASES, startOwnServer } from "./ownServer.ts";
import { settingsVersion } from "./polls.ts";
import { hasPostgres } from "./postgres.ts";

const ENTRIES = 1_024;

function listOf(run: number) {
  const entries = Array.from({ length: ENTRIES }, (_, index) => ({
    range: `10.${(index >> 6) & 255}.${(index & 63) * 4}.0/22`,
    name: `ua-${(index + run) % 200}`,
    url: `http://ua-${(index + run) % 200}.corp.example:21112`,
  }));
  return { entries, serverFallback: { enabled: true } };
}

export async function saves(bench: Bench): Promise<Outcome> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const name of DATABASES.filter((each) => each === "SQLite" || hasPostgres())) {
    const server = await startOwnServer(bench, name);
    const calls = new Calls(server.console, server.token);
    try {
      const [checked, saved, published]: [number[], number[], number[]] = [[], [], []];
      await server.held();
      for (let run = 0; run < bench.runs; run++) {
        bench.say(`${name}: a list of ${ENTRIES} entries, run ${run + 1}`);
        checked.push((await calls.good("POST /api/v1/source-list/check", listOf(run))).took);
        const etag = (await calls.call("GET /api/v1/source-list")).headers.etag ?? '"0"';
        const before = await settingsVersion(server.agents);
        saved.push((await calls.good("PUT /api/v1/source-list", listOf(run), { "if-match": etag })).took);
        const began = performance.now();
        while ((await settingsVersion(server.agents)) === before);
        published.push(Math.max(0, (saved.at(-1) ?? 0) - (checked.at(-1) ?? 0)) + performance.now() - began);
      }
      const { longest } = await server.held();
      const [effect, save, publication] = [median(checked), median(saved), median(published)];
      rows.push([name, figure(effect), figure(save), figure(publication), figure(longest)]);
      goals.push(
        { name: `${name}: effect on the whole fleet`, value: effect, limit: 3_000, unit: "ms" },
        { name: `${name}: publication`, value: publication, limit: 1_000, unit: "ms" },
        { name: `${name}: the loop was held by saves`, value: longest, limit: 50, unit: "ms" },
      );
    } finally {
      calls.close();
      await server.close();
    }
  }
  return {
    tables: [
      {
        title: `${ENTRIES} entries, ${FLEET.toLocaleString("en")} agents`,
        headings: [
          "",
          "checked, with its effect, ms",
          "saved and published ms",
          "of that not the effect ms",
          "loop held ms",
        ],
        rows,
      },
    ],
    goals,
    notes: ["another process adds the effect up"],
  };
}
