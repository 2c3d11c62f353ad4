import { Resolver } from "node:dns";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { dataDirOf } from "../config/configPath.ts";
import type { Config } from "../config/configSchema.ts";
import type { Repository } from "../core/content/layout.ts";
import { looksWhole } from "../store/installedFiles.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { touch } from "../store/state/markers.ts";
import type { State } from "../store/state/stateFormat.ts";
import { parseVersionRecord, saysNothingNewer, type VersionRecord } from "../tuf/versionRecord.ts";
import { VERSION } from "../version.ts";

/** Longest time (ms) to wait for the answer; the run itself is the other way to know. */
const TIMEOUT = 1_000;

/** The parts of a configuration used here: it counts only if the last run used the same one. */
type Written = Partial<Pick<Config, "dataDir" | "sourceList" | "policy" | "roots">> & {
  dns?: { servers?: string[]; versionRecord?: string };
};

/**
 * The answer of the version record: `server` says that nothing is newer than the held metadata, `told` which
 * versions are the newest.
 */
export type Hint = { server: string } | { told: VersionRecord };

/**
 * Asks DNS for the version record. Nothing is changed but the time of a file that says so. Files are read in
 * place, and the runtime's own resolver asks: the rest of `node:fs`, and the means to find a source, would
 * cost more than all the work done here.
 *
 * @returns its answer; undefined if it was not asked, or gave no usable answer
 * @throws when something needed for it is missing or damaged, which only a run can report
 */
export async function checkVersionRecord(file: string, now: Date): Promise<Hint | undefined> {
  refuseUnsafe(file, "the configuration");
  const text = readFileSync(file, "utf8");
  const config = JSON.parse(text) as Written;
  const dataDir = dataDirOf(config, file, process.env);
  const name = config.dns?.versionRecord;
  if (name === undefined) return;
  const state = JSON.parse(readFileSync(path.join(dataDir, "state.json"), "utf8")) as State;
  if (state.ranBy?.version !== VERSION || state.ranBy.config !== text) return;
  if (!isSettled(state, config, file, dataDir) || isDue(state, now)) return;
  if (state.lastRun?.report.generation !== 0 && !looksWhole(dataDir)) return;
  const repositories = (["content", "settings"] as Repository[]).filter((each) => config.roots?.[each]);
  const { server, texts } = await askForTexts(name, config.dns?.servers);
  const said = texts.map(parseVersionRecord);
  if (!said.some((record) => saysNothingNewer(record, state.timestamps ?? {}, repositories, now))) {
    return { told: said.find((record) => Object.keys(record).length > 0) ?? {} };
  }
  touch(dataDir, "hinted", now);
  return { server };
}

/** The TXT records of a name (RFC 1035 §3.3.14: strings that together are a text), from the first server. */
function askForTexts(name: string, servers?: string[]): Promise<{ server: string; texts: string[] }> {
  const resolver = new Resolver({ timeout: TIMEOUT, tries: 1 });
  const [server = ""] = servers ?? resolver.getServers();
  resolver.setServers([server]);
  return new Promise((resolve, reject) => {
    resolver.resolveTxt(name, (error, records) => {
      if (error === null) resolve({ server, texts: records.map((strings) => strings.join("")) });
      else reject(error);
    });
  });
}

/** Whether there is something to do by now although nothing is newer: to hash what is installed, or a stage that has come. */
function isDue({ verifyDue, stageDue }: State, now: Date): boolean {
  return [verifyDue, stageDue].some((due) => due !== undefined && new Date(due) <= now);
}

/** Whether the last run got all it wanted, and nothing that it went by has changed since. */
function isSettled({ lastRun }: State, config: Written, file: string, dataDir: string): boolean {
  if (lastRun === undefined || lastRun.report.exitCode !== 0) return false;
  const began = new Date(lastRun.started);
  // Another domain has another policy.
  const moved = statSync(path.join(dataDir, "domain"), { throwIfNoEntry: false });
  if (moved !== undefined && moved.mtime >= began) return false;
  return [config.sourceList, config.policy].every((local) => {
    if (local === undefined) return true;
    return statSync(path.resolve(path.dirname(file), local)).mtime < began;
  });
}
