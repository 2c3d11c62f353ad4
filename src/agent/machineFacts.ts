import { statfs } from "node:fs/promises";
import { uptime } from "node:os";
import path from "node:path";
import type { Config } from "../config/configSchema.ts";
import type { HeldMetadata } from "../core/agentHealth.ts";
import { REPOSITORIES, type Repository } from "../core/content/layout.ts";
import { machineNames } from "../dns/machine.ts";
import { type DataDir, dataDirAt } from "../store/dataDir.ts";
import { readIfThere } from "../store/durable.ts";
import { describeRole, newestSets } from "../tuf/trustedSet.ts";

/** Facts about a machine that its server plans by: which could be an Update Agent, and which is behind. */
export interface MachineFacts {
  /** Space that is free on the disk of the data directory. */
  freeBytes?: number;
  /** Time (ms) since the machine was started. */
  uptime: number;
  /** Versions of the timestamps that the agent trusts. */
  held: Partial<Record<Repository, number>>;
  /** The names that the machine goes by, its own first, and URLs by its configuration under which others reach it. */
  hostNames: string[];
  publicUrls: string[];
}

/** The facts as they are now. What cannot be found out is left out: a report is sent without it. */
export async function machineFacts({
  dataDir,
  dns,
  relay,
}: Pick<Config, "dataDir" | "dns" | "relay">): Promise<MachineFacts> {
  const held: MachineFacts["held"] = {};
  const timestamps = await heldTimestamps(dataDirAt(dataDir)).catch(() => []);
  for (const { repository, version } of timestamps) held[repository] = version;
  const free = await statfs(dataDir).then(
    ({ bavail, bsize }) => ({ freeBytes: bavail * bsize }),
    () => ({}),
  );
  const names = { hostNames: machineNames(dns.search), publicUrls: [...relay.publicUrls] };
  return { ...free, uptime: Math.round(uptime() * 1_000), held, ...names };
}

/** The timestamps that are trusted, each with the folder of its set. */
export async function heldTimestamps(
  dirs: DataDir,
): Promise<(Pick<HeldMetadata, "repository" | "version" | "expires"> & { folder: string })[]> {
  const sets = await newestSets(dirs);
  const found = [];
  for (const repository of REPOSITORIES) {
    const folder = path.join(dirs.metadata, repository, String(sets[repository]));
    const timestamp = describeRole(await readIfThere(path.join(folder, "timestamp.json")));
    if (timestamp === undefined) continue;
    found.push({ repository, version: timestamp.version, expires: timestamp.expires, folder });
  }
  return found;
}
