import path from "node:path";
import { type Config, readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import { formatBytes, formatDuration } from "../core/amounts.ts";
import { REPOSITORIES, type Repository } from "../core/content/layout.ts";
import { formatAddress } from "../core/order/address.ts";
import { outcomeWord, type Report } from "../core/report.ts";
import { NearsourceError } from "../errors.ts";
import { type DataDir, dataDirAt } from "../store/dataDir.ts";
import { listGenerations, readCurrent } from "../store/generations.ts";
import { holderOf, isLocked } from "../store/lock.ts";
import { touchedAt } from "../store/state/markers.ts";
import { confirmedAt, readState } from "../store/state/state.ts";
import type { LastFailure, State } from "../store/state/stateFormat.ts";
import { describeRole, readTrustedSet, type TrustedSet } from "../tuf/trustedSet.ts";
import { type Progress, readProgress } from "../update/runProgress.ts";
import { type Hold, listHolds } from "../update/settings/holds.ts";
import { remarksOnDocuments, remarksOnKinds, remarksOnState } from "../update/settings/remarks.ts";
import { type Settings, settingsInForce } from "../update/settings/settings.ts";
import { ownAddresses } from "../update/settings/situation.ts";
import { describeSourceList } from "./explainCommand.ts";
import { describeHold } from "./holdCommand.ts";
import { type AgentStatus, agentStatus, agoOf, printAgent, printSources } from "./statusAgent.ts";
import { exitCodeOf } from "./terminal/exitCode.ts";
import { paint, print, printJson } from "./terminal/output.ts";
import { ifReadable } from "./terminal/readable.ts";
import { warnOfRefusals } from "./terminal/refusals.ts";

/** The files that an account may not be able to read, as `status` names them. */
const PLACES = {
  state: "state.json (this agent's id, its role, what is held, the last run)",
  settings: "the settings in force",
  installed: "what is installed",
  generations: "the kept generations",
  metadata: "the metadata",
  agent: "what the resident agent says",
  hinted: "when DNS was asked last",
  running: "whether an update is running",
};

/** `nearsource status`: reads the disk, asks no other machine and changes nothing. */
export async function statusCommand(options: { config?: string; json?: boolean }): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env, {
    onlyShown: true,
  });
  await warnOfRefusals(config);
  const dirs = dataDirAt(config.dataDir);
  const hidden: string[] = [];
  const shown = <Part>(place: string, read: () => Promise<Part>) => ifReadable(hidden, place, read);
  const state = await shown(PLACES.state, () => readState(dirs));
  const trusted = await shown(PLACES.metadata, () => readTrustedSet(dirs, "settings"));
  const settings = await shown(PLACES.settings, () => settingsInForce(config, trusted, state?.agentId ?? ""));
  const installed = await shown(PLACES.installed, () => readCurrent(dirs));
  const status: Status = {
    agentId: state?.agentId || null,
    role: (state && settings?.role) ?? null,
    domain: config.domain,
    addresses: ownAddresses(config).map(formatAddress),
    dataDir: config.dataDir,
    sourceList: settings?.sourceList ?? null,
    generation: installed?.generation ?? 0,
    generations: (await shown(PLACES.generations, () => listGenerations(dirs))) ?? [],
    components: installed?.components ?? [],
    held: state?.failed ?? {},
    holds: state === undefined ? [] : listHolds(state, { holds: settings?.policy.holds ?? {} }),
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
  if (options.json === true) printJson(status);
  else printStatus(status);
  return 0;
}

/** Some process has the data directory to itself; of an update, how far it is. */
type RunningNow = { process: string | null } & Partial<Progress>;

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
  const run = { config, addresses: ownAddresses(config) };
  const hasRoot = config.roots.content !== undefined || config.roots.settings !== undefined;
  const onKinds = hasRoot ? await remarksOnKinds(run, settings) : [];
  return [...onKinds, ...(await remarksOnDocuments(config, trusted))];
}

interface MetadataStatus {
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

interface Status {
  /** Null, as the role, where this account may not read it. */
  agentId: string | null;
  role: string | null;
  domain: string;
  addresses: string[];
  dataDir: string;
  sourceList: Report["sourceList"] | null;
  generation: number;
  generations: number[];
  components: { kind: string; name: string; version: string; release: number; files: { length: number }[] }[];
  held: Record<string, number>;
  /** The same with the reason, and the holds of the policy. */
  holds: Hold[];
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

function printStatus(status: Status): void {
  const { hidden } = status;
  const role = status.role === null ? "" : `${status.role}, `;
  print(
    `Agent ${status.agentId ?? (hidden.includes(PLACES.state) ? "here" : "without an id yet: the first run makes it")} (${role}domain ${status.domain}) at ${status.addresses.join(", ") || "no known address"}`,
  );
  if (status.sourceList !== null) print(`Source list: ${describeSourceList(status.sourceList)}`);
  for (const each of status.metadata) print(metadataLine(each, hidden));
  const noMetadata = status.metadata.length === 0 && !hidden.includes(PLACES.metadata);
  if (noMetadata) print("No metadata has been verified yet.");
  print();
  if (!hidden.includes(PLACES.installed)) printInstalled(status);
  for (const hold of status.holds) print(`  ${describeHold(hold)}`);
  print();
  if (!hidden.includes(PLACES.state)) printLastRun(status);
  if (status.running !== null) for (const line of describeRunning(status.running)) print(line);
  if (
    status.hintedAt !== null &&
    status.hintedAt > (status.lastFailure?.ended ?? status.lastRun?.ended ?? "")
  ) {
    const age = formatDuration(Math.max(Date.now() - Date.parse(status.hintedAt), 0));
    print(`Since then, last ${age} ago: DNS said that nothing is newer, so no source was asked`);
  }
  print();
  if (!hidden.includes(PLACES.agent)) printAgent(status.agent);
  for (const remark of status.remarks) print(`${paint("yellow", "note")} ${remark}`);
  if (hidden.length === 0) return;
  print(`Left out, since this account may not read it in ${status.dataDir}: ${hidden.join(", ")}.`);
}

function metadataLine({ repository, version, expires, ageMs }: MetadataStatus, hidden: string[]): string {
  const left = Date.parse(expires) - Date.now();
  const life =
    left > 0 ? `expires in ${formatDuration(left)}` : paint("red", `expired ${formatDuration(-left)} ago`);
  const unknown = hidden.includes(PLACES.state) ? "" : "never confirmed, ";
  const age = ageMs === null ? unknown : `confirmed ${formatDuration(Math.max(ageMs, 0))} ago, `;
  return `${repository}: timestamp ${version}, ${age}${life}`;
}

function printInstalled({ generation, generations, components }: Status): void {
  if (generation === 0) {
    print("Nothing is installed.");
    return;
  }
  const others = generations.filter((each) => each !== generation);
  const kept = others.length === 0 ? "" : ` (also kept: ${others.join(", ")})`;
  print(`Generation ${paint("bold", String(generation))} is installed${kept}:`);
  for (const { kind, name, version, release, files } of components) {
    const bytes = files.reduce((sum, file) => sum + file.length, 0);
    const count = files.length === 1 ? "1 file" : `${files.length} files`;
    print(
      `  ${kind}/${name}  ${paint("bold", version)}  release ${release}, ${count}, ${formatBytes(bytes)}`,
    );
  }
}

function withExitCode(failure: LastFailure): LastFailure & { exitCode: number } {
  return { ...failure, exitCode: exitCodeOf(new NearsourceError(failure.code, failure.message)) };
}

function printLastRun({ lastRun, lastFailure }: Pick<Status, "lastRun" | "lastFailure">): void {
  if (lastFailure !== null) {
    const { code, message, hint, ended, trigger, exitCode } = lastFailure;
    const word = code === "INTERRUPTED" ? "interrupted" : paint("red", "failed");
    print(`Last run: ${word}, ${agoOf(ended)} ago (${trigger}, exit ${exitCode})`);
    print(`  ${message} (${code})`);
    if (hint !== undefined) print(`  hint: ${hint}`);
  }
  if (lastRun === null || lastRun === undefined) {
    if (lastFailure === null) print("No run has ended yet.");
    return;
  }
  const { report, ended } = lastRun;
  const which = lastFailure === null ? "Last run" : "The run before it with a report";
  print(
    `${which}: ${outcomeWord(report)}, ${agoOf(ended)} ago (${report.trigger}, exit ${report.exitCode}, ${formatBytes(report.bytes)})`,
  );
  if (report.failure !== undefined) print(`  ${report.failure.message}`);
  printSources(report);
}

function describeRunning(running: RunningNow): string[] {
  const { process, trigger, started, source, transfer, total, waiting, hook } = running;
  const who = process === null ? "another process" : `process ${process}`;
  if (trigger === undefined || started === undefined) return [`Running now: ${who}`];
  const lines = [`${paint("cyan", "Updating now")}: ${trigger}, since ${agoOf(started)} (${who})`];
  if (source !== undefined)
    lines.push(
      `  from ${[source.name, source.url].filter(Boolean).join("  ")}, for ${source.kinds.join(", ")}`,
    );
  if (total !== undefined) lines.push(`  ${howFar(total)} of what it is to bring`);
  if (waiting !== undefined) lines.push(`  waiting, since ${agoOf(waiting.since)}: ${waiting.message}`);
  else if (transfer !== undefined) lines.push(`  now ${transfer.component}: ${howFar(transfer)}`);
  if (hook !== undefined) lines.push(`  the hook runs: ${hook}`);
  return lines;
}

function howFar({ received, length }: { received: number; length: number }): string {
  return `${formatBytes(received)} of ${formatBytes(length)}`;
}
