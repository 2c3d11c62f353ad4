import { promises as fs } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { afterAll, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { WHOLE } from "../support/extent.ts";
import { writeJson } from "../support/world.ts";
import { commands, type Endpoint, honestUpdate, type Model } from "./commands.ts";
import { KEPT_GENERATIONS } from "./expect.ts";
import { ACTIVE_UPDATE, ADDRESS, type History, makeHistory, SERVER } from "./history.ts";

/** Random sequences of what may happen; a failure names the seed that brings it back. */
const RUNS = Number(process.env.MODEL_RUNS ?? (WHOLE ? 64 : 24));
const SEED = Number(process.env.MODEL_SEED ?? Date.now() % 1_000_000_000);
/** Sequences that share a history. */
const ROUND = 6;
/** Histories that are gone through at the same time: a retry waits, and so does a disk. */
const LANES = 16;
const PUBLICATIONS = 12;
/** Looking for a shorter sequence that fails ends after so long (ms). */
const SHRINKING = 30_000;

const count: Model["count"] = {};
afterAll(() => {
  const counted = Object.entries(count).map(([what, times]) => `${times} ${what}`);
  process.stdout.write(`model: MODEL_SEED=${SEED} MODEL_RUNS=${RUNS}; ${counted.join(", ")}\n`);
});

test("whatever happens, what is installed is the newest that a source which works offered", {
  timeout: 0,
}, async () => {
  const rounds = Array.from({ length: Math.ceil(RUNS / ROUND) }, (_, index) => index);
  const lane = async () => {
    for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) {
      try {
        await runSequences(SEED + round, Math.min(ROUND, RUNS - round * ROUND));
      } catch (error) {
        rounds.length = 0;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) throw failure.reason;
});

async function runSequences(seed: number, numRuns: number): Promise<void> {
  const history = await makeHistory(seed, PUBLICATIONS);
  let failed = Number.POSITIVE_INFINITY;
  const sequence = fc.asyncProperty(commands, async (commands) => {
    if (performance.now() > failed + SHRINKING) return;
    const endpoint = await makeEndpoint(history);
    const model: Model = { history, newest: 1, count };
    try {
      await fc.asyncModelRun(() => ({ model, real: endpoint }), commands);
      await honestUpdate().run(model, endpoint);
    } catch (error) {
      failed = Math.min(failed, performance.now());
      throw error;
    } finally {
      await fs.rm(path.dirname(endpoint.dirs.root), { recursive: true, force: true });
    }
  });
  try {
    await fc.assert(sequence, { seed, numRuns });
  } catch (error) {
    // The history comes from the seed too, which fast-check does not know.
    (error as Error).message = `MODEL_SEED=${seed} MODEL_RUNS=${numRuns}\n${(error as Error).message}`;
    throw error;
  } finally {
    await fs.rm(history.folder, { recursive: true, force: true });
  }
}

async function makeEndpoint(history: History): Promise<Endpoint> {
  const folder = await fs.mkdtemp(path.join(history.folder, "agent-"));
  const file = path.join(folder, "config.json");
  await writeJson(file, {
    dataDir: "data",
    roots: history.roots,
    server: SERVER,
    activeUpdate: ACTIVE_UPDATE,
    addresses: [ADDRESS],
    keepGenerations: KEPT_GENERATIONS,
    http: { proxy: "none" },
  });
  const config = await readConfig(file, {});
  return { config, dirs: await openDataDir(config.dataDir) };
}
