import { promises as fs } from "node:fs";
import pMap from "p-map";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import { objectPath } from "../core/content/layout.ts";
import type { ManifestFile } from "../core/content/manifest.ts";
import { type Way, type WaySituation, type WayStep, waysTo } from "../core/content/routes.ts";
import { leavesOtherWays, stopOr } from "../core/order/disposition.ts";
import type { Setback } from "../core/report.ts";
import { rebuild } from "../delta/rebuild.ts";
import type { NearsourceError } from "../errors.ts";
import { type DownloadOptions, downloadObject, fetchObject } from "../source/download.ts";
import { oneAtATime, type Turn } from "../source/oneAtATime.ts";
import { retrying } from "../source/retry.ts";
import { fetchAlone, handOver, takeBegunOfRelay, takePart, takeWhole } from "../source/sharedObjects.ts";
import type { Source } from "../source/source.ts";
import { type ObjectName, partialLength } from "../store/partial.ts";
import { isWholeInStore } from "../store/store.ts";
import type { Run } from "./run.ts";

/** What came over the network in an attempt, from where, and which ways failed. */
export interface Traffic {
  address: string | undefined;
  bytes: number;
  /** What `bytes` will be when the files have come, by the cheapest ways to them. */
  planned: number;
  setbacks: Setback[];
}

/** A file that a component needs and the store lacks. */
export interface MissingFile {
  component: Pick<InstalledComponent, "kind" | "name">;
  file: ManifestFile;
  /** The ways to it, cheapest first; the last is the whole file. */
  ways: Way[];
}

/** Files that come in this many bytes are fetched several at a time: what they cost is the waiting. */
const SMALL = 262_144;
const AT_ONCE = 4;

/** The ways to a file from what is here: the installed set, and what earlier transfers left. */
export async function planFile(
  run: Run,
  component: MissingFile["component"],
  file: ManifestFile,
  situation: Pick<WaySituation, "between" | "held">,
): Promise<MissingFile> {
  const fetched = new Map<string, number>();
  for (const object of [file, ...(file.alternatives ?? [])]) {
    fetched.set(object.sha256, await partialLength(run.dirs, object));
  }
  const ways = waysTo(file, {
    ...situation,
    maxBase: run.config.delta.maxBase,
    fetched: ({ sha256 }) => fetched.get(sha256) ?? 0,
  });
  return { component, file, ways };
}

/** Files from one source, on their way. */
interface Obtaining {
  run: Run;
  source: Source;
  traffic: Traffic;
  /** Runs what is made of the objects one after the other, since each may take much memory. */
  inTurn: Turn;
}

/**
 * Fetches files from one source into the store, in order, small ones a few at a time. The first error
 * that the source is left for is thrown once nothing is under way any more.
 */
export async function obtainAll(
  run: Run,
  source: Source,
  missing: MissingFile[],
  traffic: Traffic,
): Promise<void> {
  const obtaining: Obtaining = { run, source, traffic, inTurn: oneAtATime() };
  const failures: unknown[] = [];
  traffic.planned = traffic.bytes + missing.reduce((sum, { ways }) => sum + (ways[0]?.bytes ?? 0), 0);
  const obtain = async (each: MissingFile) => {
    if (failures.length > 0) return;
    await obtainFile(obtaining, each).catch((error) => failures.push(error));
  };
  await pMap(missing.filter(isSmall), obtain, { concurrency: AT_ONCE });
  for (const each of missing) if (!isSmall(each)) await obtain(each);
  if (failures.length > 0) throw failures[0];
}

/** Chains are not, however short: two of them may lead through the same file. */
function isSmall({ ways: [way] }: MissingFile): boolean {
  return way !== undefined && way.bytes <= SMALL && way.steps.length === 1;
}

/** One file, by the cheapest way that leads to it. */
async function obtainFile(obtaining: Obtaining, { component, file, ways }: MissingFile): Promise<void> {
  const { run } = obtaining;
  // The same bytes may be named by two components.
  if (await isWholeInStore(run.dirs, file)) return;
  const key = `${component.kind}/${component.name}`;
  for (const way of ways) {
    try {
      for (const step of way.steps) {
        const bytes = await takeStep(obtaining, component, step);
        run.fetched.set(key, (run.fetched.get(key) ?? 0) + bytes);
      }
      if (way.steps.some(({ alternative }) => isDelta(alternative))) run.byDelta.add(key);
      return;
    } catch (error) {
      const failure = stopOr(error);
      if (way === ways.at(-1) || !leavesOtherWays(failure.code)) throw failure;
      const format = way.steps[0]?.alternative?.format ?? "full";
      noteSetback(obtaining, component, { path: file.path, format, failure }, "by another way");
    }
  }
}

/** Tells the log and the report what did not go as planned with a file, and what is done in its place. */
function noteSetback(
  { run, traffic }: Pick<Obtaining, "run" | "traffic">,
  { kind, name }: MissingFile["component"],
  { path, format, failure }: { path: string; format: string; failure: NearsourceError },
  instead: string,
): void {
  const { code, message } = failure;
  run.log.info(`${kind}/${name}/${path}: ${instead}, as ${message} (${code})`);
  traffic.setbacks.push({ component: `${kind}/${name}`, path, format, code, message });
}

function isDelta(alternative: WayStep["alternative"]): boolean {
  return alternative !== undefined && alternative.format !== "zstd";
}

/** One object, and what is made of it. Returns the bytes that were fetched. */
async function takeStep(
  { run, source, traffic, inTurn }: Obtaining,
  component: MissingFile["component"],
  { alternative, result }: WayStep,
): Promise<number> {
  if (await isWholeInStore(run.dirs, result)) return 0;
  const object: ObjectName = alternative ?? result;
  const url = `${source.url}/${objectPath(object.sha256)}`;
  const options = transferOptions(run, source, component, object, traffic);
  options.onNoParts = (reason) => {
    const setback = { path: result.path, format: alternative?.format ?? "full", failure: reason };
    noteSetback({ run, traffic }, component, setback, "all of it from this source");
  };
  if (alternative === undefined) {
    const whole = await asOne(run, object, async () => {
      if (run.shares && (await takeWhole(run.dirs, object))) return undefined;
      if (run.shares) await takeBegunOfRelay(run.dirs, object);
      return await retrying(run, () => downloadObject(run.dirs, run.fetcher, url, object, options));
    });
    traffic.address = whole?.address ?? traffic.address;
    return whole?.bytes ?? 0;
  }
  const fetched = await asOne(run, object, async () => {
    if (run.shares) await takePart(run.dirs, object);
    if (run.shares) await takeBegunOfRelay(run.dirs, object);
    return await retrying(run, () => fetchObject(run.dirs, run.fetcher, url, object, options));
  });
  traffic.address = fetched.address ?? traffic.address;
  try {
    await inTurn(() => rebuild(run.dirs, alternative, fetched.file, result, run.signal));
  } catch (error) {
    // What only the disk or an interruption stood in the way of is there for the next run.
    if (stopOr(error).code === "DELTA_FAILED") await fs.rm(fetched.file, { force: true });
    throw error;
  }
  if (run.shares) await handOver(run.dirs, fetched.file, object);
  else await fs.rm(fetched.file, { force: true });
  return fetched.bytes;
}

/** An agent that is an Update Agent too fetches over one link, whichever of the two does. */
async function asOne<Result>(run: Run, object: ObjectName, work: () => Promise<Result>): Promise<Result> {
  if (!run.shares) return await work();
  const message = `this machine's Update Agent is fetching ${object.sha256}`;
  const onWait = () => run.emit({ type: "waiting", message });
  return await fetchAlone(run.dirs.root, object, run.signal, work, onWait);
}

function transferOptions(
  run: Run,
  { viaProxy }: Source,
  { kind, name }: MissingFile["component"],
  { length }: ObjectName,
  traffic: Traffic,
): DownloadOptions {
  const options: DownloadOptions = {
    viaProxy,
    signal: run.signal,
    onReceived: (received) => {
      traffic.bytes += received;
      options.hasGiven = true;
    },
    onProgress: (received) => {
      const total = { received: traffic.bytes, length: Math.max(traffic.planned, traffic.bytes) };
      run.emit({ type: "progress", kind, component: name, received, length, total });
    },
  };
  return options;
}
