import { DISPOSITIONS, isLie } from "../core/disposition.ts";
import { CONTENT_KINDS } from "../core/kind.ts";
import { objectPath } from "../core/layout.ts";
import type { InstalledComponent } from "../core/target.ts";
import { NearsourceError, toNearsourceError } from "../errors.ts";
import { downloadObject } from "../io/download.ts";
import type { DataDir } from "../io/files.ts";
import {
  type Generation,
  listGenerations,
  makeGeneration,
  readGeneration,
  removeGeneration,
  restoreObject,
  switchTo,
} from "../io/generations.ts";
import { partialLength } from "../io/partial.ts";
import { isWholeInStore } from "../io/store.ts";
import type { Damage } from "./damage.ts";
import { checkSpace } from "./deliver.ts";
import { orderOf } from "./order.ts";
import { type Run, sourceOf } from "./run.ts";
import type { Settings } from "./settings.ts";

/**
 * Fetches what is damaged, from the sources in the update order, and installs the same releases anew.
 * Objects are named by their hash, so no source needs to be believed, or to be current.
 *
 * @throws NearsourceError STORE_DAMAGED when no source has them all
 */
export async function repair(
  run: Run,
  settings: Settings,
  installed: Generation,
  damage: Damage[],
): Promise<number> {
  // Whole objects may have survived where only the installed name of them was lost, and the other way round.
  await restoreObjects(run.dirs, installed);
  const missing = new Map<string, Damage>();
  for (const each of damage) {
    if (!(await isWholeInStore(run.dirs, each))) missing.set(each.sha256, each);
  }
  let room = 0;
  for (const object of missing.values()) room += object.length - (await partialLength(run.dirs, object));
  if (missing.size > 0) await checkSpace(run, room);
  const order = orderOf(run, settings, [...CONTENT_KINDS]);
  const failures: string[] = [];
  for (const step of order.steps) {
    const source = sourceOf(step);
    for (const [sha256, object] of missing) {
      try {
        const url = `${source.url}/${objectPath(sha256)}`;
        await downloadObject(run.dirs, run.fetcher, url, object, { ...source, signal: run.signal });
        missing.delete(sha256);
      } catch (error) {
        const failure = toNearsourceError(error);
        if (DISPOSITIONS[failure.code] === "stop") throw failure;
        const line = `${step.name ?? step.url}: ${failure.message} (${failure.code})`;
        run.log[isLie(failure.code) ? "error" : "warn"](line);
        failures.push(line);
        break;
      }
    }
  }
  if (missing.size > 0) {
    throw new NearsourceError("STORE_DAMAGED", `no source has ${missing.size} of the damaged files`, {
      ...(failures.length > 0 ? { cause: failures.join("; ") } : {}),
      hint: "nearsource update installs a newer release, if there is one; the damaged set stays until then",
    });
  }
  return await reinstall(
    run.dirs,
    installed.components,
    new Set(damage.map(({ sha256 }) => sha256)),
    run.now,
  );
}

/** Objects that the store has lost, put back from their installed files where those are whole. */
async function restoreObjects(dirs: DataDir, installed: Generation): Promise<void> {
  for (const component of installed.components) {
    for (const file of component.files) {
      if (!(await isWholeInStore(dirs, file))) {
        await restoreObject(dirs, installed.generation, component, file);
      }
    }
  }
}

/** A new generation of the same releases; older ones that share damaged bytes go. */
async function reinstall(
  dirs: DataDir,
  components: InstalledComponent[],
  damaged: ReadonlySet<string>,
  now: Date,
): Promise<number> {
  const older = await listGenerations(dirs);
  const generation = await makeGeneration(dirs, components, now.toISOString());
  await switchTo(dirs, generation);
  for (const number of older) {
    const files =
      (await readGeneration(dirs, number))?.components.flatMap((component) => component.files) ?? [];
    if (!files.some((file) => damaged.has(file.sha256))) continue;
    await removeGeneration(dirs, number);
  }
  return generation;
}
