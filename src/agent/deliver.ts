import { statfs } from "node:fs/promises";
import type { ContentKind } from "../core/kind.ts";
import { manifestTarget } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import { type InstalledComponent, target } from "../core/target.ts";
import { NearsourceError } from "../errors.ts";
import { inStore } from "../io/store.ts";
import { type MissingFile, obtainAll, planFile, type Traffic } from "./obtain.ts";
import type { Offer } from "./offer.ts";
import { installedOf, note, type Run, type Source } from "./run.ts";

/**
 * Fetches what is missing of one kind, all of it, and says whether anything of the kind changes.
 *
 * @throws NearsourceError of the phases resolve to content, and storage
 */
export async function deliverKind(
  run: Run,
  source: Source,
  kind: ContentKind,
  offer: Offer,
  traffic: Traffic,
): Promise<boolean> {
  const components: InstalledComponent[] = [];
  let changed = false;
  for (const manifest of offer.manifests.get(kind) ?? []) {
    const { name } = manifest;
    if (run.config.components?.includes(name) === false) continue;
    const component = decide(run, manifest, offer);
    if (component === undefined) continue;
    components.push(component);
    if (component !== installedOf(run, kind, name)) changed = true;
  }
  // A stale source that nothing is needed from has confirmed nothing.
  if (!changed && offer.stale !== undefined) throw offer.stale;
  await fetchMissing(run, source, kind, components, offer, traffic);
  run.delivered.set(kind, components);
  return changed;
}

/** Names in the configuration's `components` that are in no manifest of the kinds that were delivered. */
export function noteUnpublished(run: Run): void {
  const kinds = [...run.delivered.keys()];
  const isPublished = (name: string) =>
    kinds.some((kind) => run.trusted.content?.documents.has(manifestTarget(kind, name)));
  if (kinds.length === 0) return;
  for (const name of run.config.components ?? []) {
    if (isPublished(name)) continue;
    note(run, `nothing named ${name} is published in ${kinds.join(" or ")}; look at "components"`, "warn");
  }
}

/** The component as it is to be installed: a new release, the one that is there, or none. */
function decide(run: Run, manifest: Manifest, offer: Offer): InstalledComponent | undefined {
  const { kind, name } = manifest;
  const key = `${kind}/${name}`;
  const installed = installedOf(run, kind, name);
  const decision = target(manifest, installed, { policy: run.holds[key], failed: run.state.failed[key] });
  if (decision.action === "unavailable") {
    throw new NearsourceError("RELEASE_UNAVAILABLE", `${key}: ${decision.reason}`, { cause: offer.stale });
  }
  if (decision.action === "keep") {
    if (decision.reason !== "current") note(run, `${key} stays as it is: ${decision.reason}`);
    return installed;
  }
  const { release, version, files } = decision.release;
  return { kind, name, release, version, files };
}

async function fetchMissing(
  run: Run,
  source: Source,
  kind: ContentKind,
  components: InstalledComponent[],
  offer: Offer,
  traffic: Traffic,
): Promise<void> {
  const missing = new Map<string, MissingFile>();
  for (const component of components) {
    if (component === installedOf(run, component.kind, component.name)) continue;
    const manifest = offer.manifests.get(kind)?.find(({ name }) => name === component.name);
    const between = manifest?.releases.flatMap(({ files }) => files) ?? [];
    for (const file of component.files) {
      if (missing.has(file.sha256) || (await inStore(run.dirs, file))) continue;
      missing.set(file.sha256, await planFile(run, component, file, between));
    }
  }
  const files = [...missing.values()];
  await checkSpace(run, files);
  await obtainAll(run, source, files, traffic);
  if (files.length > 0 && offer.stale !== undefined) {
    run.log.info(`${source.url} is behind with its metadata; its objects are the signed ones`);
  }
}

/**
 * Before the first byte: room for what is missing of everything, by the dearest way, and a little to
 * work with.
 */
async function checkSpace({ dirs }: Run, missing: MissingFile[]): Promise<void> {
  let wanted = 1_048_576;
  for (const { file, ways } of missing) {
    const whole = ways.at(-1)?.bytes ?? file.length;
    wanted += Math.max(whole, ...ways.slice(0, -1).map(({ bytes }) => bytes + file.length));
  }
  if (missing.length === 0) return;
  const { bavail, bsize } = await statfs(dirs.root);
  const free = bavail * bsize;
  if (free >= wanted) return;
  throw new NearsourceError(
    "DISK_FULL",
    `${dirs.root} has ${free} bytes free, and this update needs ${wanted}`,
    {
      hint: "free some space; what was fetched already is kept",
    },
  );
}
