import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import { peerVersions } from "./peers.ts";

/** The machine a benchmark ran on, for people. */
export interface Machine {
  cpu: string;
  memory: string;
  system: string;
  disk: string;
  node: string;
  /** Runnable processes over the last minute, before the benchmark began. */
  load: number;
  peers: string[];
  date: string;
}

export function describeMachine(work: string): Machine {
  const cpus = os.cpus();
  return {
    cpu: `${cpus.length} × ${cpus[0]?.model ?? "unknown"}`,
    memory: `${(os.totalmem() / 1e9).toFixed(0)} GB`,
    system: `${distribution()}, ${os.type()} ${os.release()}`,
    disk: fileSystemOf(work),
    node: process.version,
    load: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
    peers: peerVersions(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function distribution(): string {
  try {
    return readFileSync("/etc/os-release", "utf8").match(/^PRETTY_NAME="(.*)"$/m)?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}

function fileSystemOf(folder: string): string {
  try {
    const output = execFileSync("df", ["--output=fstype", folder], { encoding: "utf8" });
    return output.trim().split("\n").at(-1) ?? "unknown";
  } catch {
    return "unknown";
  }
}

/** The machine, as the page describes it. */
export function machineLines(machine: Machine): string[] {
  const { cpu, memory, system, disk, node, load, peers, date } = machine;
  const busy = load > 0.5 ? `, so it was not idle (load ${load})` : " and idle otherwise";
  return [`${cpu}, ${memory}, ${system}, ${disk}${busy}; ${date}.`, `Node ${node}; ${peers.join(", ")}.`];
}
