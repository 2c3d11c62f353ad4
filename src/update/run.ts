import type { Config } from "../config/configSchema.ts";
import type { Log } from "../config/log.ts";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import type { ContentKind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import type { Address } from "../core/order/address.ts";
import type { UpdateEvent } from "../core/report.ts";
import type { Fetcher } from "../http/fetcher.ts";
import { createPatience, type Patience } from "../source/patience.ts";
import type { DataDir } from "../store/dataDir.ts";
import type { Generation } from "../store/generations/generations.ts";
import type { State } from "../store/state/stateFormat.ts";
import type { TrustedSets } from "../tuf/roots.ts";

/**
 * The data and the means of one update run, which stay as they are while it goes on. Those on disk are the
 * exception: `trusted` and `state` are the copies of the files there, and the results of each source are
 * added to them.
 */
export interface Run {
  readonly config: Config;
  readonly dirs: DataDir;
  readonly fetcher: Fetcher;
  readonly log: Log;
  emit(event: UpdateEvent): void;
  readonly signal: AbortSignal | undefined;
  /** The one time of this run, for everything that expires. */
  readonly now: Date;
  /** Start of the run, on a clock that only goes forward (ms). */
  readonly began: number;
  readonly addresses: Address[];
  /** The domains of the machine's DNS search list. */
  readonly dnsSuffixes: readonly string[];
  /**
   * Versions of timestamps that this run was notified of: a source that has older ones is not the last to be
   * asked.
   */
  readonly notified: Partial<Record<Repository, number>>;
  /** Kept in `state.json`. */
  readonly state: State;
  /** Kept below `metadata`; `update/keepRefreshed.ts` replaces a set where a source has a newer one. */
  readonly trusted: TrustedSets;
  /** The installed set as the run found it. */
  readonly installed: Generation | undefined;
  /** Its components, by `kind/name`. */
  readonly installedByName: ReadonlyMap<string, InstalledComponent>;
  readonly terms: Terms;
}

/** The terms of a run, known once its settings are. */
export interface Terms {
  /** Patience with Update Agents that are filling or full. */
  readonly patience: Patience;
  /** This agent is an Update Agent too: files that either fetches serve both (`source/sharedObjects.ts`). */
  readonly shares: boolean;
  /** Releases the policy holds, by `kind/name`. */
  readonly holds: Record<string, number>;
  /** Installed components that were found damaged, `kind/name`: those that stay are mended after the walk. */
  readonly damaged: ReadonlySet<string>;
}

/** The terms before the settings are known, and of commands that do not need them. */
export const NO_TERMS: Terms = { patience: createPatience(0), shares: false, holds: {}, damaged: new Set() };

/** Reports a fact that a person should know, and that changes nothing about how the run ends. */
export function note(run: Run, message: string, level: "info" | "warn" = "info"): void {
  run.log[level](message);
  run.emit({ type: "note", message });
}

/** The present, by a run's own time: late in a long run, it is later than the run's start. */
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
