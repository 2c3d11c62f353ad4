import path from "node:path";
import { CONTENT_KINDS, type ContentKind } from "../core/content/kind.ts";
import { REPOSITORIES, type Repository } from "../core/content/layout.ts";
import { type ErrorCode, NearsourceError } from "../errors.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { findChoices } from "./repository/choices.ts";
import { findIncomplete } from "./repository/complete.ts";
import { type Location, locate, type RepositoryPlace } from "./repository/location.ts";
import { exists } from "./repository/placeFile.ts";
import { keyIdsOf, loadPublication, type Publication, roleOf } from "./repository/publication.ts";
import { readReleases } from "./repository/releases.ts";
import { onlineRoles } from "./repository/signedParts.ts";

export interface DescribedRole {
  role: string;
  version: number;
  /** ISO 8601, UTC. */
  expires: string;
  keyIds: string[];
  threshold: number;
}

export interface DescribedComponent {
  kind: ContentKind;
  name: string;
  /** Highest first; `bytes` is the size as installed. */
  releases: { release: number; version: string; files: number; bytes: number }[];
}

export interface DescribedDocument {
  name: string;
  bytes: number;
  sha256: string;
}

export interface RepositoryDescription {
  repository: Repository;
  folder: string;
  /** Time when the timestamp was signed. */
  signedAt: string | undefined;
  roles: DescribedRole[];
  components: DescribedComponent[];
  documents: DescribedDocument[];
  /** Published files that are missing, a line for each component or document. */
  incomplete: string[];
  /** The role that expires first. */
  nextExpiry: { role: string; expires: string; expired: boolean };
}

/**
 * The repositories below a web root: all of them, or those whose keys are here, so that this machine
 * can publish in them.
 */
export async function listRepositories(place: RepositoryPlace, which: "all" | "ours"): Promise<Repository[]> {
  const found: Repository[] = [];
  for (const repository of REPOSITORIES) {
    const { metadata, keys } = locate(place, repository);
    const sign = which === "all" ? path.join(metadata, "timestamp.json") : path.join(keys, "publisher.json");
    if (await exists(sign)) found.push(repository);
  }
  return found;
}

/**
 * The verified content of a repository. Needs no keys; if this account may rely on the keys folder, also
 * compares the first root with the one this publisher began with.
 *
 * @throws NearsourceError REPOSITORY_INVALID, storage errors
 */
export async function describeRepository(
  options: RepositoryPlace & { repository: Repository; now?: Date | undefined },
): Promise<RepositoryDescription> {
  const location = locate(options, options.repository);
  const now = options.now ?? new Date();
  return guardStorage(`cannot read ${location.folder}`, async () => {
    const publication = await loadUnlocked(location);
    const described = describeRolesOf(publication, options.repository);
    return {
      repository: options.repository,
      folder: location.folder,
      ...described,
      components: await describeComponents(location, publication),
      documents: describeDocuments(publication),
      incomplete: await findIncomplete(location, publication),
      nextExpiry: firstToExpire(described.roles, now),
    };
  });
}

/**
 * The verified roles of a repository alone, without a look at the files of its content.
 *
 * @throws NearsourceError REPOSITORY_INVALID, storage errors
 */
export async function describeRoles(
  options: RepositoryPlace & { repository: Repository },
): Promise<Pick<RepositoryDescription, "signedAt" | "roles">> {
  const location = locate(options, options.repository);
  return guardStorage(`cannot read ${location.folder}`, async () =>
    describeRolesOf(await loadUnlocked(location), options.repository),
  );
}

/**
 * The releases of each component of the content repository, without a look at the files that they are made of.
 *
 * @throws NearsourceError REPOSITORY_INVALID, storage errors
 */
export async function describeReleases(place: RepositoryPlace): Promise<DescribedComponent[]> {
  const location = locate(place, "content");
  return guardStorage(`cannot read ${location.folder}`, async () =>
    describeComponents(location, await loadUnlocked(location)),
  );
}

/** Showing acts on nothing: any account may do so, with or without access to the keys folder. */
async function loadUnlocked(location: Location): Promise<Publication> {
  const choices = await findChoices(location).catch(noneIf("FILE_UNSAFE", "STORAGE_UNWRITABLE"));
  return await loadPublication(location, { firstRoot: choices?.root });
}

function describeRolesOf(publication: Publication, repository: Repository) {
  const signedAt = publication.timestamp.signed.unrecognizedFields.signed_at;
  return {
    signedAt: typeof signedAt === "string" ? signedAt : undefined,
    roles: ["root", ...onlineRoles(repository)].map((role) => describeRole(publication, role)),
  };
}

function describeRole(publication: Publication, role: string): DescribedRole {
  const top: Record<string, { signed: { version: number; expires: string } }> = {
    root: publication.root,
    timestamp: publication.timestamp,
    snapshot: publication.snapshot,
  };
  const { version, expires } = (top[role] ?? roleOf(publication, role)).signed;
  const delegated = publication.roles.get("targets")?.signed.delegations?.roles;
  const { threshold = 1 } = publication.root.signed.roles[role] ?? delegated?.[role] ?? {};
  return { role, version, expires, keyIds: keyIdsOf(publication, role), threshold };
}

async function describeComponents(
  location: Location,
  publication: Publication,
): Promise<DescribedComponent[]> {
  const components: DescribedComponent[] = [];
  for (const kind of CONTENT_KINDS) {
    const role = publication.roles.get(kind);
    for (const target of Object.keys(role?.signed.targets ?? {}).sort()) {
      const name = target.slice(kind.length + 1, -".json".length);
      if (role === undefined) continue;
      // The fault of one that cannot be read is reported among the incomplete ones.
      const releases = await readReleases(location, role, { kind, name }).catch(noneIf("REPOSITORY_INVALID"));
      components.push({ kind, name, releases: (releases ?? []).map(describeRelease) });
    }
  }
  return components;
}

/** Turns an error of one of these codes into undefined. */
function noneIf(...codes: ErrorCode[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof NearsourceError && codes.includes(error.code)) return undefined;
    throw error;
  };
}

function describeRelease(release: Awaited<ReturnType<typeof readReleases>>[number]) {
  const bytes = release.files.reduce((sum, file) => sum + file.length, 0);
  return { release: release.release, version: release.version, files: release.files.length, bytes };
}

function describeDocuments(publication: Publication): DescribedDocument[] {
  const targets = publication.roles.get("settings")?.signed.targets ?? {};
  return Object.values(targets)
    .map((target) => ({
      name: target.path.slice("settings/".length, -".json".length),
      bytes: target.length,
      sha256: target.hashes.sha256 ?? "",
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function firstToExpire(roles: DescribedRole[], now: Date): RepositoryDescription["nextExpiry"] {
  const [first] = [...roles].sort((a, b) => (a.expires < b.expires ? -1 : 1));
  if (first === undefined) throw new Error("a repository has roles");
  return { role: first.role, expires: first.expires, expired: new Date(first.expires) <= now };
}
