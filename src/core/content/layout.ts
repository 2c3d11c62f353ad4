import type { ContentKind, Kind } from "./kind.ts";

/** The two TUF repositories of a source: the vendor's content and the site's settings (docs/design.md §3). */
export type Repository = "content" | "settings";

export const REPOSITORIES = ["settings", "content"] as const satisfies Repository[];

/** The repository that carries a kind. */
export function repositoryOf(kind: Kind): Repository {
  return kind === "settings" ? "settings" : "content";
}

/** Those of `kinds` that a repository carries. */
export function kindsIn(repository: Repository, kinds: readonly Kind[]): Kind[] {
  return kinds.filter((kind) => repositoryOf(kind) === repository);
}

/** Roles of each repository beneath the four that every TUF repository has, with the paths they sign. */
export const DELEGATED_ROLES = {
  content: { components: ["components/*"], programs: ["programs/*"] },
  settings: { settings: ["settings/*", "settings/*/*"] },
} as const satisfies Record<Repository, Record<string, string[]>>;

/** Size limits of metadata files in bytes (docs/design.md §3); a larger one is refused unread. */
export const METADATA_LIMITS = {
  root: 16_384,
  timestamp: 4_096,
  snapshot: 65_536,
  targets: 524_288,
} as const;

/** Longest manifest or settings document (bytes), also where its signed length says more. */
export const DOCUMENT_LIMIT = 4_194_304;

/** Files larger than this get block hashes, and this is the size of a block (bytes). */
export const BLOCK_SIZE = 4_194_304;

/** The folders of a repository's metadata and targets below a source's base URL. */
export function repositoryUrls(base: string, repository: Repository) {
  const home = `${withoutSlashes(base)}/${repository}`;
  return { metadataUrl: `${home}/metadata/`, targetsUrl: `${home}/targets/` };
}

/** `text` without the slashes it ends with. A pattern would start again at each slash within. */
export function withoutSlashes(text: string): string {
  let end = text.length;
  while (text.endsWith("/", end)) end--;
  return text.slice(0, end);
}

/** Path of an object below a base URL or folder: `content/objects/ab/abcd…`. */
export function objectPath(sha256: string): string {
  return `content/objects/${sha256.slice(0, 2)}/${sha256}`;
}

/**
 * Path of a target below `targets/`, with its hash before the name (TUF spec §6.2):
 * `components/virus-pattern.json` → `components/<hash>.virus-pattern.json`.
 */
export function hashedTargetPath(target: string, hash: string): string {
  const slash = target.lastIndexOf("/") + 1;
  return `${target.slice(0, slash)}${hash}.${target.slice(slash)}`;
}

/** The TUF target that is a component's manifest. */
export function manifestTarget(kind: ContentKind, name: string): string {
  return `${kind}/${name}.json`;
}

/** The TUF targets of the settings repository that concern an agent of `domain`. */
export function settingsTargets(domain: string) {
  return {
    sourceList: "settings/source-list.json",
    policy: `settings/policies/${domain}.json`,
    releases: "settings/releases.json",
    updateAgents: "settings/update-agents.json",
  };
}

/** Whether a delegation's pattern (TUF spec §4.5) may match something in `folder`, or in a folder below it. */
export function mayLeadTo(pattern: string, folder: string): boolean {
  const [first = ""] = pattern.split("/");
  return first === folder || /[*?[]/.test(first);
}
