import { promises as fs } from "node:fs";
import type { Config } from "../config/config.ts";
import type { Log } from "../config/log.ts";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import type { ContentKind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import { parseJson } from "../core/document.ts";
import { type Address, parseAddress, privacyOf } from "../core/order/address.ts";
import { DISPOSITIONS } from "../core/order/disposition.ts";
import type { Step } from "../core/order/updateOrder.ts";
import type { Installed, UpdateEvent } from "../core/report.ts";
import { NearsourceError, toNearsourceError } from "../errors.ts";
import type { Fetcher } from "../http/client.ts";
import { hostOf } from "../http/httpErrors.ts";
import type { Patience } from "../source/patience.ts";
import type { DataDir } from "../store/files.ts";
import type { Generation } from "../store/generations.ts";
import type { State } from "../store/state.ts";
import { openTrustedSet, type TrustedSet } from "../tuf/trustedSet.ts";
import { RELEASED } from "../version.ts";

/** A clock this far (ms) behind the newest signed time is taken for skew, not for a wrong clock. */
const CLOCK_SKEW = 86_400_000;

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

/** A source as the transport needs it. */
export interface Source {
  url: string;
  viaProxy: boolean;
}

/** The source of a step. Update Agents and the server are near; what is on the internet may need the proxy. */
export function sourceOf(step: Pick<Step, "rule" | "name" | "url">): Source {
  const internet = step.rule === "active-update" || (step.rule === "custom" && step.name === undefined);
  return { url: step.url, viaProxy: internet && !isNearby(new URL(step.url)) };
}

function isNearby(url: URL): boolean {
  const { host, isAddress } = hostOf(url);
  return isAddress ? privacyOf(parseAddress(host)) > 0 : !host.includes(".") || host.endsWith(".localhost");
}

/**
 * The run's one time. A clock behind what signed metadata has shown would accept what has expired.
 *
 * @throws NearsourceError CLOCK_BEHIND
 */
export function timeOfRun(clock: Date, floor: string | undefined): Date {
  const newest = Math.max(Date.parse(RELEASED), floor === undefined ? 0 : Date.parse(floor));
  if (clock.getTime() >= newest) return clock;
  if (clock.getTime() > newest - CLOCK_SKEW) return new Date(newest);
  throw new NearsourceError(
    "CLOCK_BEHIND",
    `this machine's clock says ${clock.toISOString()}, before ${new Date(newest).toISOString()}, which has passed`,
    { hint: "set the clock; expired metadata cannot be told from valid until then" },
  );
}

/** Takes a verified signing time into the clock's floor. One from the future proves nothing about now. */
export function raiseClockFloor(state: State, signedAt: string | undefined, clock: Date): void {
  const time = signedAt === undefined ? Number.NaN : Date.parse(signedAt);
  if (Number.isNaN(time) || time > clock.getTime() + CLOCK_SKEW) return;
  if (state.clockFloor === undefined || Date.parse(state.clockFloor) < time) {
    state.clockFloor = new Date(time).toISOString();
  }
}

/** The trusted sets to start from, for the repositories whose root is configured. */
export async function openTrusted(dirs: DataDir, roots: Config["roots"]): Promise<Run["trusted"]> {
  const trusted: Run["trusted"] = {};
  for (const repository of ["settings", "content"] as const) {
    const file = roots[repository];
    if (file === undefined) continue;
    trusted[repository] = await openTrustedSet(dirs, repository, await readRoot(repository, file));
  }
  return trusted;
}

async function readRoot(repository: Repository, file: string): Promise<Buffer> {
  const hint = `put the publisher's root.json there, or correct roots.${repository} in the configuration`;
  try {
    const bytes = await fs.readFile(file);
    const written = parseJson(bytes.toString()) as { signed?: { _type?: unknown } } | null;
    if (written?.signed?._type !== "root") throw new Error("it is not a TUF root");
    return bytes;
  } catch (error) {
    throw new NearsourceError("TRUST_ROOT_INVALID", `cannot use ${file} as the root of ${repository}`, {
      cause: error,
      hint,
    });
  }
}

/** The error itself when the run can go on after it; else it is thrown on. */
export function stopOr(error: unknown): NearsourceError {
  const failure = toNearsourceError(error);
  if (DISPOSITIONS[failure.code] === "stop") throw failure;
  return failure;
}

/** The installed component of a name, if any. */
export function installedOf(run: Run, kind: ContentKind, name: string): InstalledComponent | undefined {
  return run.installedByName.get(`${kind}/${name}`);
}

/** Components by `kind/name`. */
export function byName(components: InstalledComponent[]): Map<string, InstalledComponent> {
  return new Map(components.map((component) => [`${component.kind}/${component.name}`, component]));
}
