/** The cost of the program before it does anything, and of commands that only read. */
import path from "node:path";
import { startSource } from "../test/support/source.ts";
import { EMPTY, emptyScript, publishOne, updateOnce, writeAgent, writeNoise } from "./agent.ts";
import { measure } from "./measure.ts";
import { type Bench, costTable, type Outcome } from "./outcome.ts";

export async function startup(bench: Bench): Promise<Outcome> {
  const site = path.join(bench.work, "www");
  const file = path.join(bench.work, "pattern.dat");
  await writeNoise(file, 1_000_000);
  await publishOne(site, "pattern", file);
  const source = await startSource(site);
  const agent = await writeAgent(bench, "agent", { sources: [source.url], root: site });
  await updateOnce(bench, agent);
  await source.close();
  const cases = [
    { name: EMPTY, command: await emptyScript(bench) },
    { name: "--version", command: [process.execPath, bench.main, "--version"] },
    { name: "status", command: agent.nearsource("status") },
    { name: "explain", command: agent.nearsource("explain") },
  ];
  const costs = await measure(cases, bench.runs, bench.work);
  return { tables: [costTable("Start-up", costs, EMPTY)], goals: [], notes: [] };
}
