import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { build } from "rolldown";
import { listFormatsWhenUsed } from "../src/packaging/programs.ts";
import { writeAgent } from "./agent.ts";
import type { Bench } from "./outcome.ts";

/** A server under load, whichever it is. */
export interface Server {
  name: string;
  port: number;
  pid: number;
}

/** The resources a process has used so far: seconds of CPU, and bytes of resident memory now and at most. */
export interface Used {
  cpu: number;
  rss: number;
  peak: number;
}

/** Clock ticks a second, as `proc(5)` counts CPU time; 100 wherever Linux runs today. */
const TICKS = 100;

export async function usedBy(pid: number): Promise<Used> {
  const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8");
  const status = await fs.readFile(`/proc/${pid}/status`, "utf8");
  // Fields 14 and 15; the second field may hold spaces and ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const kilobytes = (key: string) => Number(status.match(new RegExp(`^${key}:\\s+(\\d+)`, "m"))?.[1] ?? 0);
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS,
    rss: kilobytes("VmRSS") * 1_024,
    peak: kilobytes("VmHWM") * 1_024,
  };
}

/** An Update Agent as a process, filled from `upstream`, that sends to as many as ask. */
export async function startRelayServer(bench: Bench, name: string, upstream: string, site: string) {
  const agent = await writeAgent(bench, name, {
    sources: [upstream],
    root: site,
    config: { relay: { minFree: 0, minRate: 0, maxTransfers: 20_000, maxPerClient: 20_000 } },
  });
  // In one piece, as it is shipped: stripping the types of a checkout takes memory of its own.
  const script = path.join(bench.work, `${name}.cjs`);
  await build({
    input: path.resolve(import.meta.dirname, "../test/support/relayProcess.ts"),
    platform: "node",
    plugins: [listFormatsWhenUsed],
    output: { file: script, format: "cjs", codeSplitting: false },
  });
  const child: ChildProcess = fork(script, [agent.config, "0", "full"]);
  const stop = () => child.kill("SIGKILL");
  process.once("exit", stop);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const server: Server = { name: "Update Agent", port, pid: child.pid ?? 0 };
  return {
    server,
    stats: async () => {
      child.send("stats");
      return (await once(child, "message"))[0].stats as { upstream: { bytes: number; objects: number } };
    },
    close: async () => {
      process.off("exit", stop);
      const gone = once(child, "exit");
      stop();
      await gone;
    },
  };
}
