import { statfs } from "node:fs/promises";
import { formatBytes } from "../core/amounts.ts";
import {
  describeHeldBack,
  type InstalledComponent,
  type Staging,
  target,
} from "../core/content/chooseRelease.ts";
import type { ContentKind } from "../core/content/kind.ts";
import { manifestTarget } from "../core/content/layout.ts";
import type { Manifest } from "../core/content/manifest.ts";
import { filesBetween, roomFor } from "../core/content/routes.ts";
import { formatMoment } from "../core/moment.ts";
import type { HeldComponent } from "../core/report.ts";
import { NearsourceError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import { restoreObject } from "../store/generations/mendInstalled.ts";
import type { ObjectName } from "../store/partial.ts";
import { inStore, isWholeInStore } from "../store/store.ts";
import { type Fetched, fetchFiles, type MissingFile, planFile } from "./fetchFiles.ts";
import type { Offer } from "./learnOffer.ts";
import { installedOf, note, presentOf, type Run } from "./run.ts";
import { releasesInForce } from "./settings/settings.ts";

/** One kind, as far as a source could deliver it. */
export interface DeliveredKind {
  /** Its components as they are to be installed. */
  components: InstalledComponent[];
  /** Whether they are others than the installed ones. */
  changed: boolean;
  /** The files that came; with a failure the kind was not delivered. */
  fetched: Fetched | undefined;
  held: HeldReleases;
}

/** Releases that are held back from this agent, and when the next of them is not any more; ms since the epoch. */
export interface HeldReleases {
  releases: HeldComponent[];
  due?: number | undefined;
}

/**
 * Fetches all missing files of one kind, and says whether anything of the kind changes.
 *
 * @param before bytes that came from the source in this attempt already
 * @throws NearsourceError of the phases resolve to content, and storage
 */
export async function deliverKind(
  run: Run,
  source: Source,
  kind: ContentKind,
  offer: Offer,
  before: number,
): Promise<DeliveredKind> {
  const components: InstalledComponent[] = [];
  const held: HeldReleases = { releases: [] };
  const stagingOf = stagingFor(run);
  let changed = false;
  for (const manifest of offer.manifests.get(kind) ?? []) {
    const { name } = manifest;
    if (run.config.components?.includes(name) === false) continue;
    const component = decide(run, manifest, offer, { staging: stagingOf(`${kind}/${name}`), held });
    if (component === undefined) continue;
    components.push(component);
    if (component !== installedOf(run, kind, name)) changed = true;
  }
  // A stale source that nothing is needed from has confirmed nothing.
  if (!changed && offer.stale !== undefined) throw offer.stale;
  if (!changed) return { components, changed, fetched: undefined, held };
  const missing = await missingOf(run, kind, components, offer);
  const fetched = await fetchFiles(run, source, await withinSpace(run, missing), before);
  if (missing.length > 0 && offer.stale !== undefined && fetched.failure === undefined) {
    run.log.info(`${source.url} is behind with its metadata; its objects are the signed ones`);
  }
  return { components, changed, fetched, held };
}

/** Names in the configuration's `components` that are in no manifest of the kinds that were delivered. */
export function noteUnpublished(run: Run, kinds: readonly ContentKind[]): void {
  const isPublished = (name: string) =>
    kinds.some((kind) => run.trusted.content?.documents.has(manifestTarget(kind, name)));
  if (kinds.length === 0) return;
  for (const name of run.config.components ?? []) {
    if (isPublished(name)) continue;
    note(run, `nothing named ${name} is published in ${kinds.join(" or ")}; look at "components"`, "warn");
  }
}

/** The rollout of each component, by the settings that are held at this moment. */
function stagingFor(run: Run): (component: string) => Staging | undefined {
  const { components } = releasesInForce(run.trusted.settings);
  const agent = { id: run.state.agentId, domain: run.config.domain };
  const now = presentOf(run).getTime();
  return (component) => {
    const rollout = Object.hasOwn(components, component) ? components[component] : undefined;
    return rollout && { rollout, agent, now };
  };
}

/**
 * The component as it is to be installed: a new release, the one that is there, or none. Adds to `held` what is
 * held back of it.
 */
function decide(
  run: Run,
  manifest: Manifest,
  offer: Offer,
  { staging, held }: { staging: Staging | undefined; held: HeldReleases },
): InstalledComponent | undefined {
  const { kind, name } = manifest;
  const key = `${kind}/${name}`;
  const installed = installedOf(run, kind, name);
  const { failed, rolledBack } = run.state;
  const decision = target(manifest, installed, {
    policy: run.terms.holds[key],
    failed: failed[key],
    rolledBack: rolledBack?.includes(key),
    staging,
  });
  if (decision.action === "unavailable") {
    throw new NearsourceError("RELEASE_UNAVAILABLE", `${key}: ${decision.reason}`, { cause: offer.stale });
  }
  const { heldBack, due } = decision;
  if (heldBack !== undefined) {
    held.releases.push({ component: key, ...heldBack });
    note(run, `${key}: ${describeHeldBack(heldBack, formatMoment)}`);
  }
  if (due !== undefined) held.due = Math.min(held.due ?? due, due);
  if (decision.action === "keep") {
    const { reason } = decision;
    if (reason !== "current" && reason !== heldBack?.reason) note(run, `${key} stays as it is: ${reason}`);
    return installed;
  }
  const { release, version, files } = decision.release;
  return { kind, name, release, version, files };
}

/** The files of components that are to be installed, and that are not at hand. */
async function missingOf(
  run: Run,
  kind: ContentKind,
  components: InstalledComponent[],
  offer: Offer,
): Promise<MissingFile[]> {
  const missing = new Map<string, MissingFile>();
  const held = new Map(
    run.installed?.components.flatMap(({ files }) => files.map(({ sha256, length }) => [sha256, length])),
  );
  const manifests = new Map(offer.manifests.get(kind)?.map((manifest) => [manifest.name, manifest]));
  for (const component of components) {
    const isKept = component === installedOf(run, kind, component.name);
    if (isKept && run.terms.damaged.has(`${kind}/${component.name}`)) continue;
    const manifest = manifests.get(component.name);
    const between = filesBetween(manifest?.releases ?? []);
    for (const file of component.files) {
      if (missing.has(file.sha256) || (await isAtHand(run, component, file))) continue;
      missing.set(file.sha256, await planFile(run, component, file, { between, held }));
    }
  }
  return [...missing.values()];
}

/**
 * Whether the new set can be made with the files here: the bytes of one are looked at where they are new to
 * it.
 */
async function isAtHand(
  run: Run,
  component: InstalledComponent,
  file: ObjectName & { path: string },
): Promise<boolean> {
  if (component !== installedOf(run, component.kind, component.name)) {
    return await isWholeInStore(run.dirs, file);
  }
  const generation = run.installed?.generation ?? 0;
  return (await inStore(run.dirs, file)) || (await restoreObject(run.dirs, generation, component, file));
}

/** Space (bytes) that a run needs beside the fetched files, to work with. */
const WORKING_ROOM = 1_048_576;

/**
 * Before the first byte: space for all missing files. If there is too little for the dearest way to each
 * file, there may be enough for the whole files by themselves.
 */
export async function withinSpace(run: Run, missing: MissingFile[]): Promise<MissingFile[]> {
  if (missing.length === 0 || (await freeSpace(run)) >= roomOf(missing) + WORKING_ROOM) return missing;
  const wholes = missing.map((each) => ({ ...each, ways: each.ways.slice(-1) }));
  await checkSpace(run, roomOf(wholes));
  run.log.info(`whole files only: ${run.dirs.root} has too little room to put them together from deltas`);
  return wholes;
}

function roomOf(missing: MissingFile[]): number {
  return missing.reduce((sum, { ways }) => sum + Math.max(...ways.map(roomFor)), 0);
}

async function freeSpace({ dirs }: Pick<Run, "dirs">): Promise<number> {
  const { bavail, bsize } = await statfs(dirs.root);
  return bavail * bsize;
}

/**
 * Refuses to begin a transfer that there is no space for, with a little to work with. Bytes.
 *
 * @throws NearsourceError DISK_FULL
 */
async function checkSpace(run: Pick<Run, "dirs">, bytes: number): Promise<void> {
  const wanted = bytes + WORKING_ROOM;
  const free = await freeSpace(run);
  if (free >= wanted) return;
  throw new NearsourceError(
    "DISK_FULL",
    `${run.dirs.root} has ${formatBytes(free)} free, and this update needs ${formatBytes(wanted)}`,
    { hint: "free some space; what was fetched already is kept" },
  );
}
