import { promises as fs } from "node:fs";
import path from "node:path";
import type { Config } from "../config/configSchema.ts";
import type { Trigger, Why } from "../core/settings/schedule.ts";
import { makeFolder, readIfThere, rename } from "../store/durable.ts";
import { holderOf, isLocked } from "../store/lock.ts";

/** The paths in `<dataDir>/agent`, of which the resident agent holds the lock. */
export interface ResidentDir {
  root: string;
  /** Reports that wait for the server. */
  reports: string;
}

/**
 * The state of the resident agent for others, in `<dataDir>/agent/state.json`. All of it can be lost without
 * harm.
 */
export interface ResidentState {
  pid: number;
  /** ISO 8601, as all times here. */
  since: string;
  /** The port at which notifications are received; null for none. */
  port: number | null;
  /** The reason why there is none, where there should be. */
  portFailure?: string | undefined;
  /** Time when the schedule was last followed. */
  followed?: string;
  /** The time since which a run is owed; the next process makes it up. */
  owed?: string | undefined;
  next: { at: string; why: Why } | null;
  running: { trigger: Trigger; since: string; waiting?: string } | null;
  /** The content it serves as an Update Agent; null while it is none. */
  serves?: Serving | null;
  /** Time of the last run of this agent that got all it wanted. */
  lastSuccess?: string;
  /** The last runs, newest first. */
  runs: PastRun[];
}

/** The content of an Update Agent: objects of the newest publication that it has learnt. */
export interface Serving {
  serving: boolean;
  /** The reason why it does not serve. */
  reason?: string | undefined;
  held?: number;
  missing?: number;
  missingBytes?: number;
  /** Bytes a second that come, and the time (s) that the missing ones take; absent while unknown. */
  fillRate?: number;
  secondsLeft?: number;
}

/** A run of the resident agent, as far as it is remembered. */
export interface PastRun {
  trigger: Trigger;
  started: string;
  ended: string;
  outcome: string;
  /** Code of the error that ended it, or of its failure to install. */
  code?: string;
  message?: string;
  bytes?: number;
}

export function residentDirOf(dataDir: string): ResidentDir {
  const root = path.join(dataDir, "agent");
  return { root, reports: path.join(root, "reports") };
}

/** Makes the folder of the resident agent. */
export async function openResidentDir(dataDir: string): Promise<ResidentDir> {
  const resident = residentDirOf(dataDir);
  await makeFolder(resident.root);
  return resident;
}

/** The last state of the resident agent; undefined when there has been none, or it cannot be read. */
export async function readResidentState(dir: ResidentDir): Promise<ResidentState | undefined> {
  try {
    const state = JSON.parse((await readIfThere(path.join(dir.root, "state.json")))?.toString() ?? "");
    return Array.isArray(state?.runs) && typeof state.pid === "number" ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the agent that wrote the state is there now; undefined when this account may not know. */
export async function isResident(dir: ResidentDir): Promise<boolean | undefined> {
  return await isLocked(path.join(dir.root, "lock"));
}

/** The configuration with the port at which the resident agent listens now, where there is one: it may have none. */
export async function asItListens(config: Config): Promise<Config> {
  if (config.listen.port === null) return config;
  const dir = residentDirOf(config.dataDir);
  if ((await isResident(dir).catch(() => undefined)) !== true) return config;
  const state = await readResidentState(dir);
  return state === undefined ? config : { ...config, listen: { ...config.listen, port: state.port ?? 0 } };
}

/** The process that is the agent here, where the system tells. */
export async function residentProcess(dir: ResidentDir): Promise<string | undefined> {
  return await holderOf(path.join(dir.root, "lock"));
}

/**
 * Replaces the state. It is not worth waiting for the disk: a state that is lost is written again, and costs
 * one run more at most.
 */
export async function writeResidentState(dir: ResidentDir, text: string): Promise<void> {
  const fresh = path.join(dir.root, "state.json.new");
  await fs.rm(fresh, { force: true });
  await fs.writeFile(fresh, text, { flag: "wx", mode: 0o644 });
  await rename(fresh, path.join(dir.root, "state.json"));
}
