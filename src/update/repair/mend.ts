import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import type { Kind } from "../../core/content/kind.ts";
import type { Step } from "../../core/order/plan.ts";
import type { NearsourceError } from "../../errors.ts";
import { isWholeInStore } from "../../store/store.ts";
import type { Delivery } from "../attempt.ts";
import type { FetchedByName } from "../fetchFiles.ts";
import { note, type Run } from "../run.ts";
import { type Damage, findDamage, noteDamage, noticeDamage } from "./damage.ts";
import { fetchDamaged, filesUnavailable, mendKept, removeDamaged, restoreObjects } from "./repair.ts";

const DAY = 86_400_000;

/** The damage of the installed set: of the kinds of a run, and of others. */
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
export async function checkInstalled(run: Run, kinds: Kind[], every: number | undefined): Promise<Found> {
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

/** Installed components that stay as they are, and were found damaged. */
export interface Mending {
  /** Components whose damaged files are in the store again: to be installed again. */
  mended: ReadonlySet<InstalledComponent>;
  /** Damaged components whose files no source had: they stay as they are. */
  damaged: ReadonlySet<InstalledComponent>;
  /** The bytes fetched for them. */
  fetched: FetchedByName;
  /** The error that something is damaged, and no source has it. */
  failure?: NearsourceError;
}

const NOTHING_MENDED: Mending = { mended: new Set(), damaged: new Set(), fetched: new Map() };

/**
 * Mends the damaged components that stay as they are: files that the store has lost come from the sources of
 * the order. They are to be installed again.
 *
 * @param delivery the components that came in this run: those that they replace need not be mended
 * @param steps those of the order whose sources are still of use
 * @throws NearsourceError of the storage phase
 */
export async function mendDamage(
  run: Run,
  { components }: Delivery,
  steps: Step[],
  damage: Damage[],
): Promise<Mending> {
  const { installed, terms } = run;
  const staysAsItIs = (component: InstalledComponent) =>
    components.get(component.kind)?.includes(component) ?? true;
  const stay = (installed?.components ?? []).filter(
    (component) => terms.damaged.has(`${component.kind}/${component.name}`) && staysAsItIs(component),
  );
  if (installed === undefined || stay.length === 0) return NOTHING_MENDED;
  const files = damage.length === 1 ? "1 installed file is" : `${damage.length} installed files are`;
  note(run, `${files} damaged: ${[...terms.damaged].join(", ")}`, "warn");
  await restoreObjects(run.dirs, installed, stay);
  const { missing, failures, fetched } = await fetchDamaged(run, steps, stay, damage);
  const [mended, damaged] = [new Set<InstalledComponent>(), new Set<InstalledComponent>()];
  for (const component of stay) ((await isInStore(run, component)) ? mended : damaged).add(component);
  await mendKept(run, damage);
  const mending = { mended, damaged, fetched };
  return missing.length === 0 ? mending : { ...mending, failure: filesUnavailable(missing, failures) };
}

async function isInStore(run: Run, { files }: InstalledComponent): Promise<boolean> {
  for (const file of files) if (!(await isWholeInStore(run.dirs, file))) return false;
  return true;
}

/** Deletes damaged files after installing, and notes the remaining damage for the next run. */
export async function settleDamage(
  run: Run,
  { damage, others }: Found,
  isMended: boolean,
  generation: number,
): Promise<void> {
  if (isMended) await removeDamaged(run, generation, damage);
  await noteDamage(run.dirs, isMended ? others : [...damage, ...others]);
}
