import type { Config } from "../config/config.ts";
import type { Log } from "../config/log.ts";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import type { ContentKind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import type { Address } from "../core/order/address.ts";
import type { Installed, UpdateEvent } from "../core/report.ts";
import type { Fetcher } from "../http/client.ts";
import type { Patience } from "../source/patience.ts";
import type { DataDir } from "../store/files.ts";
import type { Generation } from "../store/generations.ts";
import type { State } from "../store/state.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";

/** Everything one update run has at hand. `trusted`, `state`, what comes of the settings, and the last seven fields change as it goes. */
export interface Run {
  config: Config;
  dirs: DataDir;
  fetcher: Fetcher;
  log: Log;
  emit(event: UpdateEvent): void;
  signal: AbortSignal | undefined;
  /** The one time of this run, for everything that expires. */
  now: Date;
  /** When it began, on a clock that only goes forward (ms). */
  began: number;
  addresses: Address[];
  /** Versions of timestamps that this run was told of: a source that has older ones is not the last to be asked. */
  told: Partial<Record<Repository, number>>;
  /** For Update Agents that are filling or full. */
  patience: Patience;
  /** This agent is an Update Agent too: what either fetches serves both (`io/oncePerMachine.ts`). */
  shares: boolean;
  /** Releases the policy holds, by `kind/name`. */
  holds: Record<string, number>;
  state: State;
  trusted: Partial<Record<Repository, TrustedSet>>;
  /** The installed set as the run found it. */
  installed: Generation | undefined;
  /** Its components, by `kind/name`. */
  installedByName: ReadonlyMap<string, InstalledComponent>;
  /** Per content kind that a source delivered: its components as they are to be installed. */
  delivered: Map<ContentKind, InstalledComponent[]>;
  /** Installed components that were found damaged, `kind/name`: those that stay are mended after the walk. */
  noticed: ReadonlySet<string>;
  /** Installed components that stay, and of which damaged files are in the store again: to be installed anew. */
  mended: Set<InstalledComponent>;
  /** Those of which nobody had the damaged files: they stay as they are. */
  damaged: Set<InstalledComponent>;
  /** Settings documents that changed. */
  changedSettings: Installed[];
  /** Bytes fetched per component, `kind/name`. */
  fetched: Map<string, number>;
  /** Components of which at least one file came as a delta. */
  byDelta: Set<string>;
}

/** Tells what a person should know, and what changes nothing about how the run ends. */
export function note(run: Run, message: string, level: "info" | "warn" = "info"): void {
  run.log[level](message);
  run.emit({ type: "note", message });
}

/** The present, by a run's own time: what it is told late in a long run, it is told then. */
export function presentOf({ now, began }: Pick<Run, "now" | "began">): Date {
  return new Date(now.getTime() + performance.now() - began);
}

/** The installed component of a name, if any. */
export function installedOf(run: Run, kind: ContentKind, name: string): InstalledComponent | undefined {
  return run.installedByName.get(`${kind}/${name}`);
}

/** Components by `kind/name`. */
export function byName(components: InstalledComponent[]): Map<string, InstalledComponent> {
  return new Map(components.map((component) => [`${component.kind}/${component.name}`, component]));
}
