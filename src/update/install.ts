import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import { CONTENT_KINDS } from "../core/content/kind.ts";
import type { Installed } from "../core/report.ts";
import { NearsourceError } from "../errors.ts";
import { type DataDir, listFolder, remove } from "../store/files.ts";
import {
  listGenerations,
  makeGeneration,
  readGeneration,
  removeGeneration,
  restoreObject,
  sweepGenerations,
  switchTo,
  unlinkCurrent,
} from "../store/generations.ts";
import { inStore, sweepStore } from "../store/store.ts";
import { runHook } from "./hook.ts";
import { installedOf, type Run } from "./run.ts";
import { holdRelease } from "./settings/holds.ts";

/** What installing changed. */
export interface Installation {
  /** The generation that is current now; 0 when there is none. */
  generation: number;
  installed: Installed[];
  removed: string[];
  /** Set when the hook refused the new generation and the previous one came back. */
  failure?: NearsourceError;
}

/**
 * Makes what the sources delivered the installed set: one new generation, switched to in one step, and
 * back to the previous one when the hook refuses it. Kinds that nobody delivered stay as they are.
 *
 * @throws NearsourceError of the storage phase, INTERRUPTED
 */
export async function installDelivered(run: Run): Promise<Installation> {
  const before = run.installed?.components ?? [];
  const after = CONTENT_KINDS.flatMap(
    (kind) => run.delivered.get(kind) ?? before.filter((component) => component.kind === kind),
  );
  const [known, names] = [new Set(before), new Set(after.map(nameOf))];
  const changes = after.filter((component) => !known.has(component) || run.mended.has(component));
  const removed = before.filter((component) => !names.has(nameOf(component)));
  const previous = run.installed?.generation;
  if (changes.length === 0 && removed.length === 0) return await announceAgain(run, before);
  const changed = new Set(changes);
  for (const component of after) if (!changed.has(component)) await restoreLost(run, component);
  const generation = await makeSet(run, after);
  run.emit({ type: "installing", generation });
  await switchTo(run.dirs, generation);
  const failure = await announce(run, generation);
  if (failure === undefined) {
    const installed = changes.map((component) => describeChange(run, component));
    return { generation, installed, removed: removed.map(nameOf) };
  }
  return await goBack(run, { from: generation, to: previous, changes, failure });
}

/** A complete generation of these components; what was damaged and could not be mended stays as it is. */
async function makeSet(run: Run, components: InstalledComponent[]): Promise<number> {
  const { dirs, mended, damaged, installed, now } = run;
  const set = components.map(asWritten);
  const earlier = mended.size === 0 ? await madeEarlier(dirs, set) : undefined;
  if (earlier !== undefined) return earlier;
  const asItIs = { generation: installed?.generation ?? 0, names: new Set([...damaged].map(nameOf)) };
  return await makeGeneration(dirs, set, now.toISOString(), asItIs, run.signal);
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

/** A run that died between the switch and the end of its hook has told nobody of what is installed. */
async function announceAgain(run: Run, components: InstalledComponent[]): Promise<Installation> {
  const generation = run.installed?.generation ?? 0;
  const told = generation === 0 || run.config.hooks.afterUpdate === undefined;
  const failure = told || run.state.announced === generation ? undefined : await announce(run, generation);
  if (failure === undefined) return { generation, installed: [], removed: [] };
  const to = (await listGenerations(run.dirs)).find((number) => number < generation);
  const old = to === undefined ? undefined : await readGeneration(run.dirs, to);
  const changes = components.filter(
    (component) => !old?.components.some((each) => isDeepStrictEqual(each, component)),
  );
  return await goBack(run, { from: generation, to: old?.generation, changes, failure });
}

interface Refused {
  from: number;
  to: number | undefined;
  changes: InstalledComponent[];
  failure: NearsourceError;
}

/** Leaves a generation that the hook refuses for the one before it, and holds what it brought. */
async function goBack(run: Run, { from, to, changes, failure }: Refused): Promise<Installation> {
  await (to === undefined ? unlinkCurrent(run.dirs) : switchTo(run.dirs, to));
  await removeGeneration(run.dirs, from);
  for (const component of changes) {
    // What was only mended is what the hook has had before.
    if (!run.mended.has(component)) holdRelease(run.state, nameOf(component), component.release, "failure");
  }
  return { generation: to ?? 0, installed: [], removed: [], failure };
}

/** What stays is linked anew from the store, which may have lost it. */
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

/** A component as a generation's manifest keeps it: without what only a transfer needs. */
function asWritten({ kind, name, release, version, files }: InstalledComponent): InstalledComponent {
  return {
    kind,
    name,
    release,
    version,
    files: files.map(({ path, length, sha256 }) => ({ path, length, sha256 })),
  };
}

function describeChange(run: Run, component: InstalledComponent): Installed {
  const { kind, name, version } = component;
  const old = installedOf(run, kind, name);
  const bytes = run.fetched.get(nameOf(component)) ?? 0;
  const from = old === undefined ? {} : { fromVersion: old.version };
  const via = run.byDelta.has(nameOf(component)) ? "delta" : "full";
  const mended = run.mended.has(component) ? { mended: true } : {};
  return { component: name, kind, ...from, toVersion: version, via, bytes, ...mended };
}

function nameOf({ kind, name }: InstalledComponent): string {
  return `${kind}/${name}`;
}

/**
 * Sweeps what nobody wants when a run has ended: old generations, and objects, on their way or in the
 * store, that neither the remaining ones nor `wanted` name. Runs that died may have left any of them.
 */
export async function sweepUnwanted(
  dirs: DataDir,
  keepGenerations: number,
  wanted: ReadonlySet<string>,
): Promise<void> {
  for (const name of await listFolder(dirs.partial)) {
    if (!wanted.has(name)) await remove(path.join(dirs.partial, name));
  }
  const needed = await sweepGenerations(dirs, keepGenerations);
  await sweepStore(dirs, needed.union(wanted));
}
