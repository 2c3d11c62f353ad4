import { promises as fs } from "node:fs";
import pMap from "p-map";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import { objectPath } from "../core/content/layout.ts";
import type { ManifestFile } from "../core/content/manifest.ts";
import { objectsOfFile } from "../core/content/manifestObjects.ts";
import { type Way, type WaySituation, type WayStep, waysTo } from "../core/content/routes.ts";
import { leavesOtherWays, stopOr } from "../core/order/disposition.ts";
import type { Setback } from "../core/report.ts";
import { rebuild } from "../delta/rebuild.ts";
import type { NearsourceError } from "../errors.ts";
import { type DownloadOptions, downloadObject, fetchObject } from "../source/download.ts";
import { oneAtATime, type Turn } from "../source/oneAtATime.ts";
import { retrying } from "../source/retry.ts";
import { fetchAlone, handOver, takePartOfRelay, takeWhole } from "../source/sharedObjects.ts";
import type { Source } from "../source/source.ts";
import { type ObjectName, partialLength } from "../store/partial.ts";
import { isWholeInStore } from "../store/store.ts";
import type { Run } from "./run.ts";

/** The files that came over the network from one source, and the ways that failed. */
export interface Fetched {
  address: string | undefined;
  bytes: number;
  /** Of these, the bytes that were thrown away. */
  wasted: number;
  components: Map<string, FetchedComponent>;
  setbacks: Setback[];
  /** The reason why the rest did not come. */
  failure: NearsourceError | undefined;
}

/** The fetched bytes of one component. */
export interface FetchedComponent {
  bytes: number;
  /** At least one file came as a delta. */
  byDelta: boolean;
}

/** The fetched bytes of components, by `kind/name`, for delivery or repair. */
export type FetchedByName = ReadonlyMap<string, FetchedComponent>;

/** The sum of two of them. */
export function sumOf(one: FetchedByName, other: FetchedByName): FetchedByName {
  const sum = new Map(one);
  for (const [key, more] of other) addTo(sum, key, more);
  return sum;
}

/** Adds to the fetched bytes of one component, in place: thousands of files are counted one by one. */
export function addTo(sum: Map<string, FetchedComponent>, key: string, more: FetchedComponent): void {
  const { bytes, byDelta } = sum.get(key) ?? { bytes: 0, byDelta: false };
  sum.set(key, { bytes: bytes + more.bytes, byDelta: byDelta || more.byDelta });
}

/** A file that a component needs and the store does not have. */
export interface MissingFile {
  component: Pick<InstalledComponent, "kind" | "name">;
  file: ManifestFile;
  /** The ways to it, cheapest first; the last is the whole file. */
  ways: Way[];
}

/** Files of at most this many bytes are fetched several at a time: their cost is the waiting. */
const SMALL = 262_144;
const AT_ONCE = 4;

/** The ways to a file from the bytes here: the installed set, and those that earlier transfers left. */
export async function planFile(
  run: Run,
  component: MissingFile["component"],
  file: ManifestFile,
  situation: Pick<WaySituation, "between" | "held">,
): Promise<MissingFile> {
  const fetched = new Map<string, number>();
  for (const object of objectsOfFile(file)) {
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
interface Fetching {
  run: Run;
  source: Source;
  /** Bytes that came from the source before, and all that are to have come in the end, by the cheapest ways. */
  before: number;
  planned: number;
  fetched: Fetched;
  /** Makes files of the objects one after the other, since each may take much memory. */
  inTurn: Turn;
}

/**
 * Fetches files from one source into the store, in order, small ones a few at a time. With the first error
 * that the source is left for nothing more is begun.
 *
 * @param before bytes that came from the source in this attempt already, for progress
 * @throws NearsourceError that no source could mend
 */
export async function fetchFiles(
  run: Run,
  source: Source,
  missing: MissingFile[],
  before = 0,
): Promise<Fetched> {
  const fetched: Fetched = {
    address: undefined,
    bytes: 0,
    wasted: 0,
    components: new Map(),
    setbacks: [],
    failure: undefined,
  };
  const planned = before + missing.reduce((sum, { ways }) => sum + (ways[0]?.bytes ?? 0), 0);
  const fetching: Fetching = { run, source, before, planned, fetched, inTurn: oneAtATime() };
  const errors: unknown[] = [];
  const fetch = async (each: MissingFile) => {
    if (errors.length > 0) return;
    await fetchFile(fetching, each).catch((error) => errors.push(error));
  };
  await pMap(missing.filter(isSmall), fetch, { concurrency: AT_ONCE });
  for (const each of missing) if (!isSmall(each)) await fetch(each);
  if (errors.length > 0) fetched.failure = stopOr(errors[0]);
  return fetched;
}

/** Chains are not, however short: two of them may lead through the same file. */
function isSmall({ ways: [way] }: MissingFile): boolean {
  return way !== undefined && way.bytes <= SMALL && way.steps.length === 1;
}

/** One file, by the cheapest way that leads to it. */
async function fetchFile(fetching: Fetching, { component, file, ways }: MissingFile): Promise<void> {
  const { run } = fetching;
  // The same bytes may be named by two components.
  if (await isWholeInStore(run.dirs, file)) return;
  const key = `${component.kind}/${component.name}`;
  for (const way of ways) {
    try {
      for (const step of way.steps) {
        addTo(fetching.fetched.components, key, {
          bytes: await takeStep(fetching, component, step),
          byDelta: false,
        });
      }
      const byDelta = way.steps.some(({ alternative }) => isDelta(alternative));
      if (byDelta) addTo(fetching.fetched.components, key, { bytes: 0, byDelta });
      return;
    } catch (error) {
      const failure = stopOr(error);
      if (way === ways.at(-1) || !leavesOtherWays(failure.code)) throw failure;
      const format = way.steps[0]?.alternative?.format ?? "full";
      noteSetback(fetching, component, { path: file.path, format, failure }, "by another way");
    }
  }
}

/** Writes to the log and the report which way to a file failed, and which is taken in its place. */
function noteSetback(
  { run, fetched }: Fetching,
  { kind, name }: MissingFile["component"],
  { path, format, failure }: { path: string; format: string; failure: NearsourceError },
  instead: string,
): void {
  const { code, message } = failure;
  run.log.info(`${kind}/${name}/${path}: ${instead}, as ${message} (${code})`);
  fetched.setbacks.push({ component: `${kind}/${name}`, path, format, code, message });
}

function isDelta(alternative: WayStep["alternative"]): boolean {
  return alternative !== undefined && alternative.format !== "zstd";
}

/** One object, and the file made of it. Returns the number of bytes fetched. */
async function takeStep(
  fetching: Fetching,
  component: MissingFile["component"],
  { alternative, result }: WayStep,
): Promise<number> {
  const { run, source, inTurn } = fetching;
  if (await isWholeInStore(run.dirs, result)) return 0;
  const object: ObjectName = alternative ?? result;
  const url = `${source.url}/${objectPath(object.sha256)}`;
  const options = transferOptions(fetching, component, object);
  options.onNoParts = (reason) => {
    const setback = { path: result.path, format: alternative?.format ?? "full", failure: reason };
    noteSetback(fetching, component, setback, "all of it from this source");
  };
  if (alternative === undefined) {
    const whole = await asOne(run, object, async () => {
      if (run.terms.shares && (await takeWhole(run.dirs, object))) return undefined;
      if (run.terms.shares) await takePartOfRelay(run.dirs, object);
      return await retrying(run, () => downloadObject(run.dirs, run.fetcher, url, object, options));
    });
    fetching.fetched.address = whole?.address ?? fetching.fetched.address;
    return whole?.bytes ?? 0;
  }
  const part = await asOne(run, object, async () => {
    if (run.terms.shares) await takePartOfRelay(run.dirs, object);
    return await retrying(run, () => fetchObject(run.dirs, run.fetcher, url, object, options));
  });
  fetching.fetched.address = part.address ?? fetching.fetched.address;
  try {
    await inTurn(() => rebuild(run.dirs, alternative, part.file, result, run.signal));
  } catch (error) {
    // A part that only the disk or an interruption kept from its end is there for the next run.
    if (stopOr(error).code === "DELTA_FAILED") {
      await fs.rm(part.file, { force: true });
      fetching.fetched.wasted += part.bytes;
    }
    throw error;
  }
  if (run.terms.shares) await handOver(run.dirs, part.file, object);
  else await fs.rm(part.file, { force: true });
  return part.bytes;
}

/** An agent that is an Update Agent too fetches over one link, whichever of the two does. */
async function asOne<Result>(run: Run, object: ObjectName, work: () => Promise<Result>): Promise<Result> {
  if (!run.terms.shares) return await work();
  const message = `this machine's Update Agent is fetching ${object.sha256}`;
  const onWait = () => run.emit({ type: "waiting", message });
  return await fetchAlone(run.dirs.root, object, run.signal, work, onWait);
}

function transferOptions(
  { run, source, before, planned, fetched }: Fetching,
  { kind, name }: MissingFile["component"],
  { length }: ObjectName,
): DownloadOptions {
  const options: DownloadOptions = {
    viaProxy: source.viaProxy,
    signal: run.signal,
    onReceived: (received) => {
      fetched.bytes += received;
      options.hasGiven = true;
    },
    onWasted: (length) => {
      fetched.wasted += length;
    },
    onProgress: (received) => {
      const came = before + fetched.bytes;
      const total = { received: came, length: Math.max(planned, came) };
      run.emit({ type: "progress", kind, component: name, received, length, total });
    },
  };
  return options;
}
