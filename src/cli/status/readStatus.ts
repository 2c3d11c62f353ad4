import path from "node:path";
import type { Config } from "../../config/configSchema.ts";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import { formatAddress } from "../../core/order/address.ts";
import type { HeldComponent, Report } from "../../core/report.ts";
import { NearsourceError } from "../../errors.ts";
import { type DataDir, dataDirAt } from "../../store/dataDir.ts";
import { listGenerations, readCurrent } from "../../store/generations/generations.ts";
import { ifReadable } from "../../store/ifReadable.ts";
import { holderOf, isLocked } from "../../store/lock.ts";
import { touchedAt } from "../../store/state/markers.ts";
import { confirmedAt, readState } from "../../store/state/state.ts";
import type { LastFailure, State } from "../../store/state/stateFormat.ts";
import { describeRole, readTrustedSet, type TrustedSet } from "../../tuf/trustedSet.ts";
import { type Progress, readProgress } from "../../update/runProgress.ts";
import { type Hold, heldByStages, listHolds } from "../../update/settings/holds.ts";
import { remarksOnDocuments, remarksOnKinds, remarksOnState } from "../../update/settings/remarks.ts";
import { type Settings, settingsInForce } from "../../update/settings/settings.ts";
import { standingOf } from "../../update/settings/situation.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { type AgentStatus, agentStatus } from "./statusAgent.ts";

/** The files that an account may not be able to read, as `status` names them. */
export const PLACES = {
  state: "state.json (this agent's id, its role, what is held, the last run)",
  settings: "the settings in force",
  installed: "what is installed",
  generations: "the kept generations",
  metadata: "the metadata",
  agent: "what the resident agent says",
  hinted: "when DNS was asked last",
  running: "whether an update is running",
};

export interface Status {
  /** Null, as the role, where this account may not read it. */
  agentId: string | null;
  role: string | null;
  domain: string;
  addresses: string[];
  /** The domains of the machine's DNS search list. */
  dnsSuffixes: string[];
  dataDir: string;
  sourceList: Report["sourceList"] | null;
  generation: number;
  generations: number[];
  components: { kind: string; name: string; version: string; release: number; files: { length: number }[] }[];
  held: Record<string, number>;
  /** The same with the reason, and the holds of the policy. */
  holds: Hold[];
  /** Releases that the site's stages held back from the last run (docs/releases.md). */
  heldBack: HeldComponent[];
  metadata: MetadataStatus[];
  agent: AgentStatus;
  lastRun: State["lastRun"] | null;
  /** The run that ended last, where it ended without a report. */
  lastFailure: (LastFailure & { exitCode: number }) | null;
  /** Time when a version record in DNS last spared a scheduled run. ISO 8601. */
  hintedAt: string | null;
  /** The run that is going on; null for none. */
  running: RunningNow | null;
  /** Remarks on settings that are valid and hardly intended. */
  remarks: string[];
  /** The files that this account may not read, and whose content is therefore left out. */
  hidden: string[];
}

/** Reads the disk, asks no other machine and changes nothing. */
export async function readStatus(config: Config): Promise<Status> {
  const dirs = dataDirAt(config.dataDir);
  const hidden: string[] = [];
  const shown = <Part>(place: string, read: () => Promise<Part>) => ifReadable(hidden, place, read);
  const state = await shown(PLACES.state, () => readState(dirs));
  const trusted = await shown(PLACES.metadata, () => readTrustedSet(dirs, "settings"));
  const settings = await shown(PLACES.settings, () => settingsInForce(config, trusted, state?.agentId ?? ""));
  const installed = await shown(PLACES.installed, () => readCurrent(dirs));
  const { addresses, dnsSuffixes } = standingOf(config);
  const status: Status = {
    agentId: state?.agentId || null,
    role: (state && settings?.role) ?? null,
    domain: config.domain,
    addresses: addresses.map(formatAddress),
    dnsSuffixes: [...dnsSuffixes],
    dataDir: config.dataDir,
    sourceList: settings?.sourceList ?? null,
    generation: installed?.generation ?? 0,
    generations: (await shown(PLACES.generations, () => listGenerations(dirs))) ?? [],
    components: installed?.components ?? [],
    held: state?.failed ?? {},
    holds: state === undefined ? [] : listHolds(state, { holds: settings?.policy.holds ?? {} }),
    heldBack: heldByStages(state?.lastRun?.report.held),
    metadata: (await shown(PLACES.metadata, () => metadataStatus(dirs, state))) ?? [],
    agent: (await shown(PLACES.agent, () => agentStatus(dirs.root))) ?? null,
    lastRun: state?.lastRun ?? null,
    lastFailure: state?.lastFailure === undefined ? null : withExitCode(state.lastFailure),
    hintedAt: (await shown(PLACES.hinted, async () => touchedAt(dirs.root, "hinted")))?.toISOString() ?? null,
    running: (await shown(PLACES.running, () => runningIn(dirs))) ?? null,
    remarks: [
      ...((await shown(PLACES.state, () => remarksOnState(dirs))) ?? []),
      ...((await shown(PLACES.metadata, async () => settings && remarksOf(config, settings, trusted))) ?? []),
    ],
    hidden: [...new Set(hidden)],
  };
  // The current run writes by itself whether it waits now; the last message of it to the agent may be out of
  // date.
  const own = status.agent?.running;
  if (own?.waiting !== undefined && own.trigger === status.running?.trigger) delete own.waiting;
  return status;
}

/** The process that has the data directory to itself; of an update, its progress. */
export type RunningNow = { process: string | null } & Partial<Progress>;

/**
 * The kernel's own table names the holder of the lock without being in any process's way. If it does not, the
 * lock itself is tested, and only for runs that have written their progress.
 */
async function runningIn(dirs: DataDir): Promise<RunningNow | null> {
  const lock = path.join(dirs.root, "lock");
  const progress = await readProgress(dirs);
  const process = (await holderOf(lock)) ?? null;
  if (process !== null) return { process, ...progress };
  return progress !== undefined && (await isLocked(lock)) === true ? { process, ...progress } : null;
}

/** Settings that are valid and hardly intended. */
async function remarksOf(config: Config, settings: Settings, trusted: TrustedSet | undefined) {
  const run = standingOf(config);
  const hasRoot = config.roots.content !== undefined || config.roots.settings !== undefined;
  const onKinds = hasRoot ? await remarksOnKinds(run, settings) : [];
  return [...onKinds, ...(await remarksOnDocuments(config, trusted))];
}

export interface MetadataStatus {
  repository: Repository;
  version: number;
  expires: string;
  /** Time when a source last confirmed it to be the newest; null when none has. */
  freshAt: string | null;
  ageMs: number | null;
}

async function metadataStatus(dirs: DataDir, state: State | undefined): Promise<MetadataStatus[]> {
  const found: MetadataStatus[] = [];
  for (const repository of REPOSITORIES) {
    const set = await readTrustedSet(dirs, repository);
    const timestamp = describeRole(set?.files.get("timestamp.json"));
    if (timestamp === undefined) continue;
    const held = { version: timestamp.version, folder: set?.folder ?? "" };
    const freshAt = state === undefined ? null : confirmedAt(state, repository, held);
    const ageMs = freshAt === null ? null : Date.now() - Date.parse(freshAt);
    found.push({ repository, version: timestamp.version, expires: timestamp.expires, freshAt, ageMs });
  }
  return found;
}

function withExitCode(failure: LastFailure): LastFailure & { exitCode: number } {
  return { ...failure, exitCode: exitCodeOf(new NearsourceError(failure.code, failure.message)) };
}
