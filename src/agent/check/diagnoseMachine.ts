import { statfs } from "node:fs/promises";
import type { Config } from "../../config/configSchema.ts";
import { formatBytes, formatDuration } from "../../core/amounts.ts";
import { explainError, toNearsourceError } from "../../errors.ts";
import { type DataDir, dataDirAt } from "../../store/dataDir.ts";
import { readCurrent } from "../../store/generations/generations.ts";
import { readState } from "../../store/state/state.ts";
import { timeOfRun } from "../../tuf/clock.ts";
import { isResident, readResidentState, residentDirOf } from "../residentState.ts";
import { nearestExisting } from "./check.ts";
import type { Finding } from "./finding.ts";

/** Free space (bytes) without which hardly any update fits. */
const LEAST_ROOM = 50_000_000;
/** Difference (ms) of two clocks that the way between them does not explain. */
const CLOCKS_APART = 300_000;

/** A clock that a source told of, and this machine's own at that moment. Milliseconds since the epoch. */
export interface ToldTime {
  host: string;
  date: number;
  at: number;
}

/** The disk of the data directory: an update may need as much as is installed, until the old set is swept. */
export async function findDisk({ dataDir }: Pick<Config, "dataDir">): Promise<Finding> {
  const key = "disk";
  const { bavail, bsize } = await statfs(nearestExisting(dataDir));
  const [free, installed] = [bavail * bsize, await installedBytes(dataDirAt(dataDir))];
  const message = `${formatBytes(free)} are free for ${dataDir}, where ${formatBytes(installed)} are installed`;
  if (free >= Math.max(installed, LEAST_ROOM)) return { level: "ok", key, message };
  const level = free < LEAST_ROOM ? "problem" : "note";
  const remedy = "free some space there, or move dataDir to another disk";
  return { level, key, code: "DISK_FULL", message, remedy };
}

async function installedBytes(dirs: DataDir): Promise<number> {
  const { components = [] } = (await readCurrent(dirs).catch(() => undefined)) ?? {};
  return components.flatMap(({ files }) => files).reduce((sum, { length }) => sum + length, 0);
}

/** The clock: beside the times that signed metadata has shown, and beside those that sources told of. */
export async function findClock({ dataDir }: Pick<Config, "dataDir">, told: ToldTime[]): Promise<Finding> {
  const key = "clock";
  const { clockFloor } = await readState(dataDirAt(dataDir)).catch(() => ({ clockFloor: undefined }));
  try {
    timeOfRun(new Date(), clockFloor);
  } catch (thrown) {
    const { code, message, hint = "set the clock" } = toNearsourceError(thrown);
    return { level: "problem", key, code, message, remedy: hint };
  }
  const apart = told.filter(({ date, at }) => Math.abs(date - at) > CLOCKS_APART);
  const [first] = apart;
  const now = new Date().toISOString();
  if (first === undefined) {
    const beside =
      told.length === 0 ? "" : `, and so it is at ${[...new Set(told.map(({ host }) => host))].join(", ")}`;
    return { level: "ok", key, message: `it is ${now}${beside}` };
  }
  const { host, date, at } = first;
  const direction = at > date ? "ahead of" : "behind";
  const message = `this machine's clock says ${now}, ${formatDuration(Math.abs(at - date))} ${direction} that of ${host}`;
  // One source may be wrong by itself; when all say so, it is rather this machine.
  const level = apart.length === told.length ? "problem" : "note";
  return { level, key, message, remedy: "set the clock by NTP, here or there: metadata expire by it" };
}

/** The resident agent, without which nothing is updated by itself. */
export async function findService({ dataDir }: Pick<Config, "dataDir">): Promise<Finding> {
  const key = "agent";
  const dir = residentDirOf(dataDir);
  try {
    const resident = await isResident(dir);
    const { portFailure } = (await readResidentState(dir)) ?? {};
    if (resident === undefined) {
      return { level: "note", key, message: "whether it runs, only root and its own account can tell" };
    }
    if (!resident) {
      const remedy = "start the service, or `nearsource agent`, unless a timer starts `nearsource update`";
      return { level: "note", key, message: "no agent runs here, so nothing is updated by itself", remedy };
    }
    if (portFailure === undefined) return { level: "ok", key, message: "it runs" };
    return {
      level: "problem",
      key,
      message: portFailure,
      remedy: "free the port, or name another in listen.port",
    };
  } catch (error) {
    return { level: "note", key, message: explainError(error) };
  }
}
