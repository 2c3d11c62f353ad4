import { isDeepStrictEqual } from "node:util";
import { CONTENT_KINDS, type ContentKind, KINDS, type Kind } from "../../src/core/content/kind.ts";
import type { Manifest, Release } from "../../src/core/content/manifest.ts";
import { parseAddress } from "../../src/core/order/address.ts";
import { endsSource, leavesOtherKinds } from "../../src/core/order/disposition.ts";
import type { Step } from "../../src/core/order/plan.ts";
import { parseSourceList, STANDARD_SOURCE } from "../../src/core/order/sourceList.ts";
import { updateOrder } from "../../src/core/order/updateOrder.ts";
import type { Report } from "../../src/core/report.ts";
import { DEFAULT_POLICY, type Policy, parsePolicy } from "../../src/core/settings/policy.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { askObject, Failure, type Memory, refreshFrom, twice } from "./ask.ts";
import { ACTIVE_UPDATE, ADDRESS, SERVER } from "./history.ts";
import { type Observed, releasesOf, type Trusted } from "./observe.ts";
import type { SimulatedSource } from "./transport.ts";

/** The outcome of a run, as far as it is promised. */
export interface Prediction {
  outcome: Report["outcome"];
  exitCode: Report["exitCode"];
  sourceList: Report["sourceList"]["from"];
  /** The codes are those that the fault of a source may come out as. */
  attempts: { url: string; delivered: Kind[]; codes: ErrorCode[] | undefined }[];
  undelivered: Kind[];
  /** Releases by `kind/name`. */
  installed: Record<string, number>;
}

/** A run of the model: the memory it shares with what asks the sources, and where it has come to. */
interface Walk {
  memory: Memory;
  observed: Observed;
  holds: Policy["holds"];
  needed: Set<Kind>;
  dead: Set<string>;
  withoutSettings?: string;
  attempts: Prediction["attempts"];
  installed: Record<string, number>;
  changed: boolean;
}

/** The outcome of a run that finds `observed` on disk and these sources, at this time. */
export function predict(
  observed: Observed,
  sources: ReadonlyMap<string, SimulatedSource>,
  now: Date,
): Prediction {
  const memory: Memory = {
    now: now.getTime(),
    trusted: { content: copyOf(observed.trusted.content), settings: copyOf(observed.trusted.settings) },
    store: new Set(observed.store),
    partial: new Map(observed.partial),
    broken: new Set(),
  };
  const walk: Walk = {
    memory,
    observed,
    holds: {},
    needed: new Set(),
    dead: new Set(),
    attempts: [],
    installed: releasesOf(observed),
    changed: false,
  };
  const failure = failureOf(() => deliverSettings(walk, sources.get(SERVER) as SimulatedSource));
  if (failure?.every(leavesOtherKinds) === false) walk.dead.add(SERVER);
  else if (failure?.some(endsSource) === true) walk.withoutSettings = SERVER;
  const { list, policy } = settingsOf(memory);
  walk.holds = policy.holds;
  walk.needed = new Set(policy.kinds ?? KINDS);
  const kinds = [...walk.needed];
  const order = updateOrder({
    list: list ?? STANDARD_SOURCE,
    policy,
    role: "agent",
    addresses: [parseAddress(ADDRESS)],
    dnsSuffixes: [],
    self: { names: [], port: 21_112 },
    server: SERVER,
    activeUpdate: ACTIVE_UPDATE,
    kinds,
  });
  if (failure === undefined) walk.needed.delete("settings");
  for (const step of order.steps) attempt(walk, step, sources.get(step.url) as SimulatedSource);
  const from = list === undefined ? "none" : failure === undefined ? "server" : "cache";
  return conclude(walk, kinds, from);
}

function copyOf({ files, documents }: Trusted): Trusted {
  return { files: new Map(files), documents: new Map(documents) };
}

function settingsOf({ trusted }: Memory) {
  const read = (name: string) => trusted.settings.documents.get(`settings/${name}.json`)?.toString();
  const [list, policy] = [read("source-list"), read("policies/default")];
  return {
    list: list === undefined ? undefined : parseSourceList(JSON.parse(list)),
    policy: policy === undefined ? DEFAULT_POLICY : parsePolicy(JSON.parse(policy)),
  };
}

function conclude(walk: Walk, kinds: Kind[], sourceList: Prediction["sourceList"]): Prediction {
  const undelivered = kinds.filter((kind) => walk.needed.has(kind));
  const anything = walk.attempts.some(({ delivered }) => delivered.length > 0);
  const before = releasesOf(walk.observed);
  const changed = walk.changed || !isDeepStrictEqual(before, walk.installed);
  const outcome =
    undelivered.length === 0 ? (changed ? "updated" : "current") : anything ? "partial" : "exhausted";
  const exitCode = outcome === "partial" ? 3 : outcome === "exhausted" ? 4 : 0;
  return { outcome, exitCode, sourceList, attempts: walk.attempts, undelivered, installed: walk.installed };
}

function attempt(walk: Walk, step: Step, source: SimulatedSource): void {
  const kinds = step.kinds.filter(
    (kind) => walk.needed.has(kind) && (kind !== "settings" || step.url !== walk.withoutSettings),
  );
  if (kinds.length === 0 || walk.dead.has(step.url)) return;
  const needed = [...walk.needed];
  const delivered: Kind[] = [];
  const failures: ErrorCode[][] = [];
  /** Whether the source is still of use to other kinds after `work`. */
  const survives = (work: () => void): boolean => {
    const codes = failureOf(work);
    if (codes !== undefined) failures.push(codes);
    return codes?.every(leavesOtherKinds) !== false;
  };
  const content = CONTENT_KINDS.filter((kind) => kinds.includes(kind));
  const settings = () => {
    twice(() => deliverSettings(walk, source));
    delivered.push("settings");
  };
  const useful = !kinds.includes("settings") || survives(settings);
  if (useful && content.length > 0) {
    let offer: Offer | undefined;
    survives(() => {
      offer = learn(walk, source, content, needed);
      failures.push(...offer.failures);
    });
    for (const kind of offer?.empty ?? []) takeAway(walk, kind);
    for (const kind of offer?.manifests.keys() ?? []) {
      const done = survives(() => {
        deliverKind(walk, source, kind, offer as Offer);
        delivered.push(kind);
      });
      if (!done) break;
    }
    for (const kind of offer?.empty ?? []) walk.needed.delete(kind);
  }
  for (const kind of delivered) walk.needed.delete(kind);
  if (failures.some((codes) => codes.some(endsSource))) walk.dead.add(step.url);
  walk.attempts.push({ url: step.url, delivered, codes: failures[0] });
}

/** The codes of the failure that `work` ends with; undefined when it ends well. */
function failureOf(work: () => void): ErrorCode[] | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.codes;
  }
}

const DOCUMENTS = ["settings/source-list.json", "settings/policies/default.json"];

function deliverSettings(walk: Walk, source: SimulatedSource): void {
  const { trusted } = walk.memory;
  const found = refreshFrom(walk.memory, source, "settings");
  found.load("settings");
  const documents = new Map<string, Buffer>();
  for (const target of DOCUMENTS) {
    const bytes = found.document("settings", target);
    if (bytes !== undefined) documents.set(target, bytes);
    if (bytes !== undefined && trusted.settings.documents.get(target)?.equals(bytes) !== true)
      walk.changed = true;
  }
  trusted.settings = { files: found.files(), documents };
}

interface Offer {
  manifests: Map<ContentKind, Manifest[]>;
  empty: Kind[];
  /** Of the kinds that it does not offer. */
  failures: ErrorCode[][];
  stale: boolean;
}

function learn(walk: Walk, source: SimulatedSource, kinds: ContentKind[], needed: Kind[]): Offer {
  const { memory } = walk;
  const { trusted } = memory;
  let found: ReturnType<typeof refreshFrom>;
  try {
    found = twice(() => refreshFrom(memory, source, "content"));
  } catch (error) {
    if (!(error instanceof Failure) || error.usable === undefined) throw error;
    const named = kinds.map((kind) => [kind, error.usable?.(kind)] as const);
    const usable = named.filter(([, targets]) => targets !== undefined);
    if (usable.length === 0) throw error;
    const held = [...trusted.content.documents].filter(([name]) =>
      usable.some(([, all]) => all?.includes(name)),
    );
    return {
      manifests: manifestsOf(
        new Map(held),
        usable.map(([kind]) => kind),
      ),
      empty: [],
      failures: usable.length < kinds.length ? [error.codes] : [],
      stale: true,
    };
  }
  const documents = new Map<string, Buffer>();
  const whole: ContentKind[] = [];
  const failed = new Map<ContentKind, ErrorCode[]>();
  for (const kind of kinds) {
    const own = new Map<string, Buffer>();
    const codes = failureOf(() => {
      twice(() => found.load(kind));
      for (const target of found.targets(kind))
        own.set(target, twice(() => found.document(kind, target)) as Buffer);
    });
    if (codes === undefined) {
      whole.push(kind);
      for (const [target, bytes] of own) documents.set(target, bytes);
      continue;
    }
    failed.set(kind, codes);
    if (!codes.every(leavesOtherKinds)) break;
  }
  const [first] = failed.values();
  if (whole.length === 0 && first !== undefined) throw new Failure(first);
  for (const [name, bytes] of trusted.content.documents)
    if (!whole.some((kind) => name.startsWith(`${kind}/`))) documents.set(name, bytes);
  const isSilent = [...failed.values()].some((codes) => !codes.every(leavesOtherKinds));
  const empty = CONTENT_KINDS.filter((kind) => {
    if (!needed.includes(kind) || failed.has(kind) || (isSilent && !whole.includes(kind))) return false;
    return failureOf(() => found.load(kind)) === undefined && found.targets(kind).length === 0;
  });
  trusted.content = { files: found.files(), documents };
  return { manifests: manifestsOf(documents, whole), empty, failures: [...failed.values()], stale: false };
}

function manifestsOf(documents: ReadonlyMap<string, Buffer>, kinds: ContentKind[]): Offer["manifests"] {
  return new Map(
    kinds.map((kind) => {
      const own = [...documents].filter(([name]) => name.startsWith(`${kind}/`));
      return [kind, own.map(([, bytes]) => JSON.parse(bytes.toString()) as Manifest)];
    }),
  );
}

/** A kind is delivered whole or not at all; what was fetched of it stays in the store. */
function deliverKind(walk: Walk, source: SimulatedSource, kind: ContentKind, offer: Offer): void {
  const wanted = (offer.manifests.get(kind) ?? []).map((manifest) => ({
    manifest,
    release: choose(walk, manifest),
  }));
  const fresh = wanted.flatMap(({ release }) => (typeof release === "object" ? [release] : []));
  if (fresh.length === 0 && offer.stale) throw new Failure(["METADATA_OLDER"]);
  askAll(
    walk,
    source,
    fresh.flatMap(({ files }) => files),
  );
  takeAway(walk, kind);
  for (const { manifest, release } of wanted) {
    const number = typeof release === "object" ? release.release : release;
    if (number !== undefined) walk.installed[`${kind}/${manifest.name}`] = number;
  }
}

/** Small files that are fetched at a time. */
const AT_ONCE = 4;

/** Files are asked for a few at a time: what is under way when one fails goes on to its own end. */
function askAll({ memory }: Walk, source: SimulatedSource, files: Release["files"]): void {
  for (let next = 0; next < files.length; next += AT_ONCE) {
    const failures = files
      .slice(next, next + AT_ONCE)
      .map((file) => failureOf(() => twice(() => askObject(memory, source, file))));
    const [first] = failures.filter((codes) => codes !== undefined);
    if (first !== undefined) throw new Failure(first);
  }
}

function takeAway({ installed }: Walk, kind: Kind): void {
  for (const key of Object.keys(installed)) if (key.startsWith(`${kind}/`)) delete installed[key];
}

/** The release to install, or the number of the one that stays, if any. */
function choose(walk: Walk, { kind, name, releases }: Manifest): Release | number | undefined {
  const key = `${kind}/${name}`;
  const installed = releasesOf(walk.observed)[key];
  const held = walk.holds[key];
  if (held !== undefined) {
    if (installed === held) return installed;
    const release = releases.find((each) => each.release === held);
    if (release === undefined) throw new Failure(["RELEASE_UNAVAILABLE"]);
    return release;
  }
  const newest = releases[0] as Release;
  const least = Math.max(installed ?? 0, walk.observed.state.failed[key] ?? 0);
  return newest.release > least ? newest : installed;
}
