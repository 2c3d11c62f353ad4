import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import type { Kind } from "../../core/content/kind.ts";
import type { Step } from "../../core/order/updateOrder.ts";
import type { NearsourceError } from "../../errors.ts";
import { isWholeInStore } from "../../store/store.ts";
import { note, type Run } from "../run.ts";
import { type Damage, findDamage, noteDamage, noticeDamage } from "./damage.ts";
import { fetchDamaged, mendKept, notToBeHad, removeDamaged, restoreObjects } from "./repair.ts";

const DAY = 86_400_000;

/** What is wrong with the installed set: of the kinds of a run, and of others. */
export interface Found {
  damage: Damage[];
  others: Damage[];
}

/**
 * Looks at every installed file, and hashes those that `verify` found damaged; all of them once `every` so
 * many days have passed since a run did.
 *
 * @throws NearsourceError of the storage phase
 */
export async function lookOver(run: Run, kinds: Kind[], every: number | undefined): Promise<Found> {
  const damage = await look(run, every);
  const isOfKinds = ({ component }: Damage) => kinds.some((kind) => component.startsWith(`${kind}/`));
  return { damage: damage.filter(isOfKinds), others: damage.filter((each) => !isOfKinds(each)) };
}

async function look({ dirs, installed, state, now }: Run, every: number | undefined): Promise<Damage[]> {
  if (installed === undefined) return [];
  // A set that nobody has hashed since was hashed as it was made.
  const last = Date.parse(state.verified ?? installed.created);
  const isDue = every !== undefined && now.getTime() >= last + every * DAY;
  if (isDue) state.verified = now.toISOString();
  const next = every === undefined ? undefined : (isDue ? now.getTime() : last) + every * DAY;
  if (next === undefined) delete state.verifyDue;
  else state.verifyDue = new Date(next).toISOString();
  if (!isDue) return await noticeDamage(dirs, installed);
  return (await findDamage(dirs, installed)).damage;
}

/**
 * Mends the components that stay as they are and are damaged: what the store has lost of them comes from
 * the sources of the order. They are installed anew by `installDelivered`, as `run.mended` says.
 *
 * @param steps those of the order whose sources are still of use
 * @returns the error of what is damaged and that no source has
 * @throws NearsourceError of the storage phase
 */
export async function mendDamage(
  run: Run,
  steps: Step[],
  damage: Damage[],
): Promise<NearsourceError | undefined> {
  const installed = run.installed;
  if (installed === undefined) return undefined;
  const stay = installed.components.filter(
    (component) => run.noticed.has(`${component.kind}/${component.name}`) && staysAsItIs(run, component),
  );
  if (stay.length === 0) return undefined;
  const files = damage.length === 1 ? "1 installed file is" : `${damage.length} installed files are`;
  note(run, `${files} damaged: ${[...run.noticed].join(", ")}`, "warn");
  await restoreObjects(run.dirs, installed, stay);
  const { missing, failures } = await fetchDamaged(run, steps, stay, damage);
  for (const component of stay) {
    ((await isInStore(run, component)) ? run.mended : run.damaged).add(component);
  }
  await mendKept(run, damage);
  if (missing.length === 0) return undefined;
  return notToBeHad(missing, failures);
}

function staysAsItIs(run: Run, component: InstalledComponent): boolean {
  const delivered = run.delivered.get(component.kind);
  return delivered === undefined || delivered.includes(component);
}

async function isInStore(run: Run, { files }: InstalledComponent): Promise<boolean> {
  for (const file of files) if (!(await isWholeInStore(run.dirs, file))) return false;
  return true;
}

/** After installing: what was damaged goes, and what still is is noted for the next run. */
export async function settleDamage(
  run: Run,
  { damage, others }: Found,
  isMended: boolean,
  generation: number,
): Promise<void> {
  if (isMended) await removeDamaged(run, generation, damage);
  await noteDamage(run.dirs, isMended ? others : [...damage, ...others]);
}
