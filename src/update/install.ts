import { isDeepStrictEqual } from "node:util";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import { CONTENT_KINDS } from "../core/content/kind.ts";
import { wholeBytes } from "../core/content/routes.ts";
import type { Installed } from "../core/report.ts";
import { NearsourceError } from "../errors.ts";
import type { DataDir } from "../store/dataDir.ts";
import {
  listGenerations,
  readGeneration,
  removeGeneration,
  switchTo,
  unlinkCurrent,
} from "../store/generations/generations.ts";
import { makeGeneration } from "../store/generations/makeGeneration.ts";
import { restoreObject } from "../store/generations/mendInstalled.ts";
import { inStore } from "../store/store.ts";
import type { Delivery } from "./attempt.ts";
import { noteUnpublished } from "./deliverKind.ts";
import { type FetchedByName, sumOf } from "./fetchFiles.ts";
import { runHook } from "./hook.ts";
import type { PlannedRun } from "./planRun.ts";
import { type Mending, mendDamage, settleDamage } from "./repair/mend.ts";
import { installedOf, type Run } from "./run.ts";
import { holdRelease } from "./settings/holds.ts";
import type { Walked } from "./walk.ts";

/** The changes that installing made. */
export interface Installation {
  /** The generation that is current now; 0 when there is none. */
  generation: number;
  installed: Installed[];
  removed: string[];
  /** All components of that generation. */
  components: readonly InstalledComponent[];
  /** Set when the hook refused the new generation and the previous one came back. */
  failure?: NearsourceError;
}

/**
 * Mends the damaged components that stay, makes the delivered ones the installed set, and settles the damage
 * found in the set before.
 *
 * @throws NearsourceError of the storage phase, INTERRUPTED
 */
export async function install({ run, found }: PlannedRun, { delivery, left }: Walked): Promise<Installation> {
  noteUnpublished(run, [...delivery.components.keys()]);
  const mending = await mendDamage(run, delivery, left, found.damage);
  const installation = await installDelivered(run, delivery, mending);
  const failure = installation.failure ?? mending.failure;
  await settleDamage(run, found, failure === undefined, installation.generation);
  return { ...installation, ...(failure === undefined ? {} : { failure }) };
}

/**
 * Makes the delivered components the installed set: one new generation, switched to in one step, and back to
 * the previous one when the hook refuses it. Kinds that no source delivered stay as they are.
 *
 * @throws NearsourceError of the storage phase, INTERRUPTED
 */
async function installDelivered(run: Run, delivery: Delivery, mending: Mending): Promise<Installation> {
  const before = run.installed?.components ?? [];
  const after = CONTENT_KINDS.flatMap(
    (kind) => delivery.components.get(kind) ?? before.filter((component) => component.kind === kind),
  );
  const [known, names] = [new Set(before), new Set(after.map(nameOf))];
  const changes = after.filter((component) => !known.has(component) || mending.mended.has(component));
  const removed = before.filter((component) => !names.has(nameOf(component)));
  const previous = run.installed?.generation;
  if (changes.length === 0 && removed.length === 0) return await announceAgain(run, before, mending);
  const changed = new Set(changes);
  for (const component of after) if (!changed.has(component)) await restoreLost(run, component);
  const generation = await makeSet(run, after, mending);
  run.emit({ type: "installing", generation });
  await switchTo(run.dirs, generation);
  const failure = await announce(run, generation);
  if (failure === undefined) {
    const fetched = sumOf(delivery.fetched, mending.fetched);
    const installed = changes.map((component) => describeChange(run, component, fetched, mending));
    return { generation, installed, removed: removed.map(nameOf), components: after };
  }
  return await goBack(run, { from: generation, to: previous, changes, failure, components: before }, mending);
}

/** A complete generation of these components; damaged ones that could not be mended stay as they are. */
async function makeSet(
  { dirs, installed, now, signal }: Run,
  components: InstalledComponent[],
  { mended, damaged }: Mending,
): Promise<number> {
  const set = components.map(asWritten);
  const earlier = mended.size === 0 ? await madeEarlier(dirs, set) : undefined;
  if (earlier !== undefined) return earlier;
  const asItIs = { generation: installed?.generation ?? 0, names: new Set([...damaged].map(nameOf)) };
  return await makeGeneration(dirs, set, now.toISOString(), asItIs, signal);
}

/**
 * Runs the hook for a generation that is current now, and remembers that it was content with it.
 *
 * @throws NearsourceError INTERRUPTED: it is called again by the next run, as when this one had been killed
 */
async function announce(run: Run, generation: number): Promise<NearsourceError | undefined> {
  const failure = await runHook(run, generation);
  if (failure?.code === "INTERRUPTED") {
    throw new NearsourceError("INTERRUPTED", `${failure.message}; generation ${generation} is installed`, {
      hint: "the next run calls the hook again",
    });
  }
  if (failure === undefined) run.state.announced = generation;
  return failure;
}

/** Runs the hook for a set again when a run died between the switch and the end of its hook. */
async function announceAgain(
  run: Run,
  components: InstalledComponent[],
  mending: Mending,
): Promise<Installation> {
  const generation = run.installed?.generation ?? 0;
  const hasHook = generation > 0 && run.config.hooks.afterUpdate !== undefined;
  const isDue = hasHook && run.state.announced !== generation;
  const failure = isDue ? await announce(run, generation) : undefined;
  if (failure === undefined) return { generation, installed: [], removed: [], components };
  const to = (await listGenerations(run.dirs)).find((number) => number < generation);
  const old = to === undefined ? undefined : await readGeneration(run.dirs, to);
  const changes = components.filter(
    (component) => !old?.components.some((each) => isDeepStrictEqual(each, component)),
  );
  const refused = { from: generation, to: old?.generation, changes, failure };
  return await goBack(run, { ...refused, components: old?.components ?? [] }, mending);
}

interface Refused {
  from: number;
  to: number | undefined;
  changes: InstalledComponent[];
  failure: NearsourceError;
  /** Those of the generation before. */
  components: readonly InstalledComponent[];
}

/** Leaves a generation that the hook refuses for the one before it, and holds its releases. */
async function goBack(
  run: Run,
  { from, to, changes, failure, components }: Refused,
  { mended }: Mending,
): Promise<Installation> {
  await (to === undefined ? unlinkCurrent(run.dirs) : switchTo(run.dirs, to));
  await removeGeneration(run.dirs, from);
  for (const component of changes) {
    // Releases that were only mended are known to the hook from before.
    if (!mended.has(component)) holdRelease(run.state, nameOf(component), component.release, "failure");
  }
  return { generation: to ?? 0, installed: [], removed: [], components, failure };
}

/** Components that stay are linked again from the store, which may have lost them. */
async function restoreLost({ dirs, installed }: Run, component: InstalledComponent): Promise<void> {
  for (const file of component.files) {
    if (!(await inStore(dirs, file))) await restoreObject(dirs, installed?.generation ?? 0, component, file);
  }
}

/** The same set, complete, from a run that died before it could switch, or from before a rollback. */
async function madeEarlier(dirs: DataDir, components: InstalledComponent[]): Promise<number | undefined> {
  const [newest] = await listGenerations(dirs);
  const made = newest === undefined ? undefined : await readGeneration(dirs, newest);
  return isDeepStrictEqual(made?.components, components) ? newest : undefined;
}

/** A component as a generation's manifest keeps it: without the fields that only a transfer needs. */
function asWritten({ kind, name, release, version, files }: InstalledComponent): InstalledComponent {
  return {
    kind,
    name,
    release,
    version,
    files: files.map(({ path, length, sha256 }) => ({ path, length, sha256 })),
  };
}

function describeChange(
  run: Run,
  component: InstalledComponent,
  fetched: FetchedByName,
  { mended }: Mending,
): Installed {
  const { kind, name, version } = component;
  const old = installedOf(run, kind, name);
  const { bytes = 0, byDelta = false } = fetched.get(nameOf(component)) ?? {};
  const from = old === undefined ? {} : { fromVersion: old.version };
  const via = byDelta ? "delta" : "full";
  return {
    component: name,
    kind,
    ...from,
    toVersion: version,
    via,
    bytes,
    whole: wholeBytes(component.files, new Set(old?.files.map(({ sha256 }) => sha256))),
    ...(mended.has(component) ? { mended: true } : {}),
  };
}

function nameOf({ kind, name }: InstalledComponent): string {
  return `${kind}/${name}`;
}
