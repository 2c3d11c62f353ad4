import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/content/kind.ts";
import {
  hashedTargetPath,
  mayLeadTo,
  objectPath,
  REPOSITORIES,
  type Repository,
} from "../core/content/layout.ts";
import type { Alternative, Manifest, ManifestFile } from "../core/content/manifest.ts";
import { objectsOfFile } from "../core/content/manifestObjects.ts";
import { wantedReleases } from "../core/content/stages.ts";
import { NO_RELEASES, type Releases } from "../core/settings/rollout.ts";

/** A verified set of one repository: metadata files by name, documents by target path. */
export interface HeldSet {
  files: ReadonlyMap<string, Buffer>;
  documents: ReadonlyMap<string, Buffer>;
}

/** An object as a manifest names it. */
export interface CatalogObject {
  sha256: string;
  length: number;
  blocks?: { size: number; sha256: string[] } | undefined;
  /**
   * Whether it belongs to a release that agents may ask for now, or is a way to it: kept ahead of demand. Without
   * stages that is the newest.
   */
  current: boolean;
  /** Place among those in the order in which agents will ask for them; see `needOf`. */
  need: number;
  /** Other objects that it can be made of. */
  alternatives?: Alternative[] | undefined;
  /** Kinds of the manifests that name it: any source of one of them may have it. */
  kinds: ContentKind[];
}

/** Settings by which agents choose among releases, at a time in ms since the epoch. */
export interface CatalogStaging {
  releases: Releases;
  now: number;
}

/** The answer to a path. `lasting`: the name is of these bytes for ever. */
export type Served = { bytes: Buffer; lasting: boolean } | { object: CatalogObject };

/** The answers of an Update Agent, by the path of the request exactly as it is sent. */
export type Catalog = ReadonlyMap<string, Served>;

/**
 * The map from path to answer, of documents that verified and were granted, and of nothing else: an Update
 * Agent answers by looking up, so there is no path that could lead out of it (docs/design.md §7).
 *
 * @param manifests those of the granted kinds
 * @param staging how releases reach the fleet, and the time (ms since the epoch): which of them are current
 */
export function relayCatalog(
  held: Partial<Record<Repository, HeldSet>>,
  kinds: readonly Kind[],
  manifests: readonly Manifest[],
  staging: CatalogStaging = { releases: NO_RELEASES, now: 0 },
): Catalog {
  const catalog = new Map<string, Served>();
  for (const repository of REPOSITORIES) {
    const set = held[repository];
    const folders = repository === "settings" ? kinds.filter((kind) => kind === "settings") : content(kinds);
    if (set !== undefined && folders.length > 0) addRepository(catalog, repository, set, folders);
  }
  const granted = content(kinds);
  for (const object of catalogObjects(
    manifests.filter(({ kind }) => granted.includes(kind)),
    staging,
  )) {
    catalog.set(`/${objectPath(object.sha256)}`, { object });
  }
  return catalog;
}

function content(kinds: readonly Kind[]): ContentKind[] {
  return CONTENT_KINDS.filter((kind) => kinds.includes(kind));
}

/** The parts of signed metadata (TUF spec §4) that the names are made of. */
interface Signed {
  version: number;
  consistent_snapshot?: boolean;
  meta?: Record<string, { version: number }>;
  targets?: Record<string, { hashes: Record<string, string> }>;
  delegations?: { roles?: { name: string; paths?: string[] }[]; succinct_roles?: { name_prefix: string } };
}

function addRepository(
  catalog: Map<string, Served>,
  repository: Repository,
  { files, documents }: HeldSet,
  folders: string[],
): void {
  const signedOf = (name: string) => readSigned(files.get(name));
  const [timestamp, snapshot, targets] = ["timestamp.json", "snapshot.json", "targets.json"].map(signedOf);
  // Before the first refresh there is only the root that was shipped, which proves nothing to anybody.
  if (timestamp === undefined || snapshot === undefined || targets === undefined) return;
  const serve = (path: string, bytes: Buffer, lasting: boolean) => {
    catalog.set(`/${repository}/${path}`, { bytes, lasting });
  };
  let newest: Signed | undefined;
  for (const [name, bytes] of files) {
    const root = /^(\d+\.)?root\.json$/.test(name) ? readSigned(bytes) : undefined;
    if (root === undefined) continue;
    serve(`metadata/${root.version}.root.json`, bytes, true);
    if (newest === undefined || root.version > newest.version) newest = root;
  }
  const consistent = newest?.consistent_snapshot !== false;
  const named = (name: string, { version }: Signed) => `metadata/${consistent ? `${version}.` : ""}${name}`;
  serve("metadata/timestamp.json", files.get("timestamp.json") as Buffer, false);
  serve(named("snapshot.json", snapshot), files.get("snapshot.json") as Buffer, consistent);
  const signedTargets: Signed[] = [];
  for (const role of rolesFor(folders, targets, signedOf)) {
    const [name, signed] = [fileOf(role), signedOf(fileOf(role))];
    // A role that was not fetched with this snapshot is of an earlier publication.
    if (signed === undefined || snapshot.meta?.[`${role}.json`]?.version !== signed.version) continue;
    serve(named(name, signed), files.get(name) as Buffer, consistent);
    signedTargets.push(signed);
  }
  for (const [target, bytes] of documents) {
    if (!folders.some((folder) => target.startsWith(`${folder}/`))) continue;
    const hashes = signedTargets.find((signed) => signed.targets?.[target] !== undefined)?.targets?.[target];
    if (hashes === undefined) continue;
    if (!consistent) serve(`targets/${target}`, bytes, false);
    else
      for (const hash of Object.values(hashes.hashes)) {
        serve(`targets/${hashedTargetPath(target, hash)}`, bytes, true);
      }
  }
}

function readSigned(bytes: Buffer | undefined): Signed | undefined {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString()).signed;
  } catch {
    return undefined;
  }
}

function fileOf(role: string): string {
  return `${encodeURIComponent(role)}.json`;
}

/** The roles that may sign something in `folders`, from `targets` down. */
function rolesFor(folders: string[], targets: Signed, read: (file: string) => Signed | undefined): string[] {
  const roles = new Set(["targets"]);
  const visit = (signed: Signed | undefined) => {
    for (const { name, paths } of signed?.delegations?.roles ?? []) {
      // Without paths a delegation is by hashes of them, which may be anything.
      const leads = (pattern: string) => folders.some((folder) => mayLeadTo(pattern, folder));
      if (roles.has(name) || (paths !== undefined && !paths.some(leads))) continue;
      roles.add(name);
      visit(read(fileOf(name)));
    }
  };
  visit(targets);
  return [...roles];
}

/** The need of objects that no current release has. */
const LAST = 4;

/**
 * The need of an object of a current release, the most needed first: one that turns the release before into this one (a delta from
 * one of its files, or if there is none, the objects that every agent has to fetch); then the compressed
 * files, the files, and the deltas from older ones.
 *
 * @param bases SHA-256 of the files of the release before
 */
function needOf(object: ManifestFile | Alternative, file: ManifestFile, bases: ReadonlySet<string>): number {
  const alternatives = file.alternatives ?? [];
  const isNext = (each: Alternative) => each.format !== "zstd" && bases.has(each.base);
  if (object !== file && "format" in object && object.format !== "zstd") return isNext(object) ? 0 : 3;
  const isCompressed = object !== file;
  const isUnchanged = bases.has(file.sha256);
  const isOnlyWay = !isUnchanged && !alternatives.some(isNext);
  if (isCompressed) return isOnlyWay ? 0 : 1;
  return isOnlyWay && !alternatives.some(({ format }) => format === "zstd") ? 0 : 2;
}

/** The objects of all releases, each once: with blocks where some file names them, current where any is. */
function catalogObjects(manifests: Manifest[], { releases: rollouts, now }: CatalogStaging): CatalogObject[] {
  const objects = new Map<string, CatalogObject>();
  for (const { kind, name, releases } of manifests) {
    const offered = releases.map(({ release }) => release);
    const wanted = wantedReleases(offered, rollouts.components[`${kind}/${name}`], now);
    for (const [index, release] of releases.entries()) {
      const isWanted = wanted.has(release.release);
      const bases = new Set(isWanted ? releases[index + 1]?.files.map(({ sha256 }) => sha256) : []);
      for (const file of release.files) {
        for (const each of objectsOfFile(file)) {
          const { sha256, length } = each;
          const known = objects.get(sha256);
          const current = known?.current === true || isWanted;
          const need = Math.min(known?.need ?? LAST, isWanted ? needOf(each, file, bases) : LAST);
          const kinds = [...new Set([...(known?.kinds ?? []), kind])];
          const blocks = each === file ? (file.blocks ?? known?.blocks) : known?.blocks;
          const alternatives =
            each === file ? (file.alternatives ?? known?.alternatives) : known?.alternatives;
          objects.set(sha256, { sha256, length, blocks, current, need, alternatives, kinds });
        }
      }
    }
  }
  return [...objects.values()];
}
