import { ownAddresses } from "../agent/order.ts";
import { settingsInForce } from "../agent/settings.ts";
import { formatAddress } from "../core/address.ts";
import { REPOSITORIES, type Repository } from "../core/layout.ts";
import type { Report } from "../core/report.ts";
import { readConfig } from "../io/config.ts";
import { configPath } from "../io/configPath.ts";
import { type DataDir, dataDirAt } from "../io/files.ts";
import { listGenerations, readCurrent } from "../io/generations.ts";
import { readState, type State } from "../io/state.ts";
import { touchedAt } from "../io/touched.ts";
import { describeRole, readTrustedSet } from "../io/trustedSet.ts";
import { describeSourceList } from "./explain.ts";
import { formatBytes, formatDuration, paint, print, printJson } from "./output.ts";
import { type AgentStatus, agentStatus, printAgent, printSources } from "./statusAgent.ts";

/** `nearsource status`: reads what is on disk, asks nobody and changes nothing. */
export async function statusCommand(options: { config?: string; json?: boolean }): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env, {
    onlyShown: true,
  });
  const dirs = dataDirAt(config.dataDir);
  const state = await readState(dirs);
  const settings = await settingsInForce(config, await readTrustedSet(dirs, "settings"), state.agentId);
  const installed = await readCurrent(dirs);
  const status = {
    agentId: state.agentId,
    role: settings.role,
    domain: config.domain,
    addresses: ownAddresses(config).map(formatAddress),
    dataDir: config.dataDir,
    sourceList: settings.sourceList,
    generation: installed?.generation ?? 0,
    generations: await listGenerations(dirs),
    components: installed?.components ?? [],
    held: state.failed,
    metadata: await metadataStatus(dirs, state),
    agent: await agentStatus(dirs.root),
    lastRun: state.lastRun ?? null,
    hintedAt: touchedAt(dirs.root, "hinted")?.toISOString() ?? null,
  };
  if (options.json === true) printJson(status);
  else printStatus(status);
  return 0;
}

interface MetadataStatus {
  repository: Repository;
  version: number;
  expires: string;
  /** When a source last confirmed it to be the newest; null when none has. */
  freshAt: string | null;
  ageMs: number | null;
}

async function metadataStatus(dirs: DataDir, state: State): Promise<MetadataStatus[]> {
  const found: MetadataStatus[] = [];
  for (const repository of REPOSITORIES) {
    const set = await readTrustedSet(dirs, repository);
    const timestamp = describeRole(set?.files.get("timestamp.json"));
    if (timestamp === undefined) continue;
    const freshAt = state.fresh[repository] ?? null;
    const ageMs = freshAt === null ? null : Date.now() - Date.parse(freshAt);
    found.push({ repository, version: timestamp.version, expires: timestamp.expires, freshAt, ageMs });
  }
  return found;
}

interface Status {
  agentId: string;
  role: string;
  domain: string;
  addresses: string[];
  dataDir: string;
  sourceList: Report["sourceList"];
  generation: number;
  generations: number[];
  components: { kind: string; name: string; version: string; release: number; files: { length: number }[] }[];
  held: Record<string, number>;
  metadata: MetadataStatus[];
  agent: AgentStatus;
  lastRun: State["lastRun"] | null;
  /** When a version record in DNS last spared a scheduled run. ISO 8601. */
  hintedAt: string | null;
}

function printStatus(status: Status): void {
  print(
    `Agent ${status.agentId} (${status.role}, domain ${status.domain}) at ${status.addresses.join(", ")}`,
  );
  print(`Source list: ${describeSourceList(status.sourceList)}`);
  for (const each of status.metadata) print(metadataLine(each));
  if (status.metadata.length === 0) print("No metadata has been verified yet.");
  print();
  printInstalled(status);
  for (const [name, release] of Object.entries(status.held)) {
    print(`  ${paint("yellow", "held")}: ${name} up to release ${release}, until a newer one appears`);
  }
  print();
  printLastRun(status.lastRun);
  if (status.hintedAt !== null && status.hintedAt > (status.lastRun?.ended ?? "")) {
    const age = formatDuration(Math.max(Date.now() - Date.parse(status.hintedAt), 0));
    print(`Since then, last ${age} ago: DNS said that nothing is newer, so no source was asked`);
  }
  print();
  printAgent(status.agent);
}

function metadataLine({ repository, version, expires, ageMs }: MetadataStatus): string {
  const left = Date.parse(expires) - Date.now();
  const life =
    left > 0 ? `expires in ${formatDuration(left)}` : paint("red", `expired ${formatDuration(-left)} ago`);
  const age = ageMs === null ? "never confirmed" : `confirmed ${formatDuration(Math.max(ageMs, 0))} ago`;
  return `${repository}: timestamp ${version}, ${age}, ${life}`;
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

function printLastRun(lastRun: State["lastRun"] | null): void {
  if (lastRun === null || lastRun === undefined) {
    print("No run has ended yet.");
    return;
  }
  const { report, ended } = lastRun;
  const age = formatDuration(Math.max(Date.now() - Date.parse(ended), 0));
  const outcome = report.failure === undefined ? report.outcome : "taken back";
  print(
    `Last run: ${outcome}, ${age} ago (${report.trigger}, exit ${report.exitCode}, ${formatBytes(report.bytes)})`,
  );
  if (report.failure !== undefined) print(`  ${report.failure.message}`);
  printSources(report);
}
