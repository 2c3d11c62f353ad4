import { isDeepStrictEqual } from "node:util";
import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import { CONTENT_KINDS, type Kind } from "../../core/content/kind.ts";
import { manifestTarget } from "../../core/content/layout.ts";
import type { ManifestFile } from "../../core/content/manifest.ts";
import { isLie, leavesOtherKinds, leavesOtherWays } from "../../core/order/disposition.ts";
import type { Step } from "../../core/order/plan.ts";
import { NearsourceError } from "../../errors.ts";
import { inOrder, type Tried } from "../../source/inOrder.ts";
import { readManifests } from "../../source/manifests.ts";
import { sourceOf } from "../../source/source.ts";
import type { DataDir } from "../../store/dataDir.ts";
import {
  type Generation,
  installedPath,
  listGenerations,
  readGeneration,
  removeGeneration,
  switchTo,
} from "../../store/generations/generations.ts";
import { makeGeneration } from "../../store/generations/makeGeneration.ts";
import { relinkInstalled, restoreObject } from "../../store/generations/mendInstalled.ts";
import { hashFile, isWholeInStore } from "../../store/store.ts";
import type { TrustedSet } from "../../tuf/trustedSet.ts";
import { withinSpace } from "../deliverKind.ts";
import {
  addTo,
  type FetchedByName,
  type FetchedComponent,
  fetchFiles,
  type MissingFile,
  planFile,
  sumOf,
} from "../fetchFiles.ts";
import { note, type Run } from "../run.ts";
import type { Settings } from "../settings/settings.ts";
import { orderOf } from "../settings/situation.ts";
import { type Damage, noteDamage } from "./damage.ts";

/**
 * Fetches the damaged files, from the sources in the update order, and installs the same releases again.
 * Objects are named by their hash, so no source needs to be believed, or to be current.
 *
 * @throws NearsourceError STORE_DAMAGED when the sources together do not have them all
 */
export async function repair(
  run: Run,
  settings: Settings,
  installed: Generation,
  damage: Damage[],
): Promise<number> {
  // Whole objects may have survived where only the installed name of them was lost, and the other way round.
  await restoreObjects(run.dirs, installed, installed.components);
  const { steps } = orderOf(run, settings, [...CONTENT_KINDS]);
  const { missing, failures } = await fetchDamaged(run, steps, installed.components, damage);
  if (missing.length > 0) throw filesUnavailable(missing, failures);
  await mendKept(run, damage);
  const generation = await makeGeneration(run.dirs, installed.components, run.now.toISOString());
  await switchTo(run.dirs, generation);
  await removeDamaged(run, generation, damage);
  await noteDamage(run.dirs, []);
  return generation;
}

/** Most files that a message names. */
const NAMED = 3;

/** The error for damaged files that no source has. */
export function filesUnavailable(missing: MissingFile[], failures: string[]): NearsourceError {
  const names = missing.map(({ component, file }) => `${component.kind}/${component.name}/${file.path}`);
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  const what = `${names.slice(0, NAMED).join(", ")}${more}`;
  const are = names.length === 1 ? "is damaged, and no source has it" : "are damaged, and no source has them";
  return new NearsourceError("STORE_DAMAGED", `${what} ${are}`, {
    ...(failures.length > 0 ? { cause: failures.join("; ") } : {}),
    hint: "the next run tries again; a newer release takes their place",
  });
}

/** The damaged files that the sources had. */
export interface Mended {
  /** The files that no source had, and the first failure of each source. */
  missing: MissingFile[];
  failures: string[];
  fetched: FetchedByName;
}

/**
 * Brings the objects of damaged files into the store, from the sources in their order: each is asked for the
 * files that those before it did not have, of the kinds that it delivers.
 */
export async function fetchDamaged(
  run: Run,
  steps: Step[],
  components: InstalledComponent[],
  damage: Damage[],
): Promise<Mended> {
  const missing = new Set(await withinSpace(run, await planDamaged(run, components, damage)));
  const kindsMissing = () => new Set<Kind>([...missing].map(({ component }) => component.kind));
  const failures: string[] = [];
  let fetched: FetchedByName = new Map();
  const attempt = async (step: Step, kinds: Kind[]): Promise<Tried> => {
    const { errors, ...came } = await fetchFrom(run, step, kinds, missing);
    fetched = sumOf(fetched, came.fetched);
    const [first] = errors;
    if (first !== undefined) failures.push(`${step.name ?? step.url}: ${first.message} (${first.code})`);
    return { delivered: new Set(kinds).difference(kindsMissing()), errors };
  };
  await inOrder(steps, kindsMissing(), attempt);
  return { missing: [...missing], failures, fetched };
}

/** The damaged files that the store does not have whole, each object once, as signed metadata names them where it does. */
async function planDamaged(
  run: Run,
  components: InstalledComponent[],
  damage: Damage[],
): Promise<MissingFile[]> {
  const damaged = new Set(damage.map(({ sha256 }) => sha256));
  const missing = new Map<string, MissingFile>();
  for (const component of components) {
    for (const file of component.files) {
      const key = `${component.kind} ${file.sha256}`;
      if (!damaged.has(file.sha256) || missing.has(key) || (await isWholeInStore(run.dirs, file))) continue;
      const named = namedFile(run.trusted.content, component, file);
      missing.set(key, await planFile(run, component, named, { between: new Map(), held: new Map() }));
    }
  }
  return [...missing.values()];
}

/** The file with its blocks and the other ways to it, where the trusted manifest still has it. */
function namedFile(
  trusted: TrustedSet | undefined,
  { kind, name }: InstalledComponent,
  file: ManifestFile,
): ManifestFile {
  const document = manifestTarget(kind, name);
  const bytes = trusted?.documents.get(document);
  try {
    const [manifest] = readManifests(new Map(bytes && [[document, bytes]]), [kind]).get(kind) ?? [];
    const files = manifest?.releases.flatMap((release) => release.files) ?? [];
    return files.find(({ sha256 }) => sha256 === file.sha256) ?? file;
  } catch {
    return file;
  }
}

/**
 * Fetches the files that one source has, and takes them out of `missing`. A file that it does not have says
 * nothing of the next.
 */
async function fetchFrom(
  run: Run,
  step: Step,
  wanted: Kind[],
  missing: Set<MissingFile>,
): Promise<{ fetched: FetchedByName; errors: NearsourceError[] }> {
  const kinds = new Set<Kind>(wanted);
  const errors: NearsourceError[] = [];
  const fetched = new Map<string, FetchedComponent>();
  for (const file of missing) {
    if (!kinds.has(file.component.kind)) continue;
    const { components, failure } = await fetchFiles(run, sourceOf(step), [file]);
    for (const [key, more] of components) addTo(fetched, key, more);
    if (failure === undefined) {
      missing.delete(file);
      continue;
    }
    errors.push(failure);
    const line = `${step.name ?? step.url}: ${failure.message} (${failure.code})`;
    run.log[isLie(failure.code) ? "error" : "warn"](line);
    if (leavesOtherWays(failure.code)) continue;
    if (!leavesOtherKinds(failure.code)) break;
    kinds.delete(file.component.kind);
  }
  return { fetched, errors };
}

/** Objects of these components that the store has lost, put back from their installed files where those are whole. */
export async function restoreObjects(
  dirs: DataDir,
  { generation }: Generation,
  components: InstalledComponent[],
): Promise<void> {
  for (const component of components) {
    for (const file of component.files) {
      if (!(await isWholeInStore(dirs, file))) await restoreObject(dirs, generation, component, file);
    }
  }
}

/**
 * Puts the store's objects in the place of these files in every generation that is kept beside the current
 * one and shares them: a link to the same object was damaged with it.
 */
export async function mendKept({ dirs, installed }: Run, damage: Damage[]): Promise<void> {
  for (const number of await listGenerations(dirs)) {
    if (number === installed?.generation) continue;
    for (const { component, file } of await notWhole(dirs, await readGeneration(dirs, number), damage)) {
      if (await isWholeInStore(dirs, file)) await relinkInstalled(dirs, number, component, file);
    }
  }
}

/**
 * Deletes those generations before `newest` in which one of these files is still not whole: nobody can go
 * back to them. If `newest` is not the same set, mended, a message says so.
 */
export async function removeDamaged(run: Run, newest: number, damage: Damage[]): Promise<void> {
  const { dirs } = run;
  const mended = damage.length === 0 ? undefined : await readGeneration(dirs, newest);
  if (mended === undefined) return;
  for (const number of await listGenerations(dirs)) {
    const generation = number < newest ? await readGeneration(dirs, number) : undefined;
    const [lost] = await notWhole(dirs, generation, damage);
    if (lost === undefined) continue;
    await removeGeneration(dirs, number);
    if (isDeepStrictEqual(generation?.components, mended.components)) continue;
    const { kind, name } = lost.component;
    note(
      run,
      `generation ${number} is kept no longer: ${kind}/${name}/${lost.file.path} of it is damaged`,
      "warn",
    );
  }
}

/** The files of a generation that are among the damaged ones, and differ from its manifest. */
async function notWhole(
  dirs: DataDir,
  generation: Generation | undefined,
  damage: Damage[],
): Promise<Pick<MissingFile, "component" | "file">[]> {
  const damaged = new Set(damage.map(({ sha256 }) => sha256));
  const found: Pick<MissingFile, "component" | "file">[] = [];
  for (const component of generation?.components ?? []) {
    for (const file of component.files) {
      if (!damaged.has(file.sha256)) continue;
      const place = installedPath(dirs, generation?.generation ?? 0, component, file.path);
      if ((await hashFile(place))?.sha256 !== file.sha256) found.push({ component, file });
    }
  }
  return found;
}
