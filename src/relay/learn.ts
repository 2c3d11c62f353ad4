import { CONTENT_KINDS, type Kind } from "../core/content/kind.ts";
import { type Repository, repositoryUrls } from "../core/content/layout.ts";
import type { NearsourceError } from "../errors.ts";
import type { Fetcher } from "../http/client.ts";
import { collectManifests } from "../source/manifests.ts";
import type { Source } from "../source/source.ts";
import { type Refreshed, refresh } from "../tuf/refresh.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";
import { sameDocuments } from "../update/learnOffer.ts";

/** What one source had to say of a repository. */
export interface Learned {
  /** What verified, in memory; the set that was given where there is nothing newer. */
  set: TrustedSet;
  /** The kinds that it has whole, and why not the others. */
  kinds: Kind[];
  failures: NearsourceError[];
  etag: string | undefined;
  /** Seconds since the source itself is known to have asked. */
  age: number;
}

/** What a refresh is made with. */
export interface LearnMeans {
  fetcher: Fetcher;
  now: Date;
  signal: AbortSignal;
  /** Under which this source last gave the trusted timestamp. */
  etag: string | undefined;
}

/** The kinds that a repository carries, of those that are granted. */
export function kindsOf(repository: Repository, kinds: readonly Kind[]): Kind[] {
  return kinds.filter((kind) => (kind === "settings") === (repository === "settings"));
}

/**
 * Refreshes a repository from one source, with every document of those of `kinds` that it has whole. Nothing
 * is written: what verified is announced, and kept, once the objects that it names are here.
 *
 * @throws NearsourceError of the phases resolve to content, when it has none of them whole, and storage
 */
export async function learn(
  trusted: TrustedSet,
  source: Source,
  kinds: Kind[],
  { fetcher, now, signal, etag }: LearnMeans,
): Promise<Learned> {
  const { repository } = trusted;
  const reached = {
    ...repositoryUrls(source.url, repository),
    viaProxy: source.viaProxy,
    fetcher,
    signal,
    etag,
  };
  const refreshed = await refresh(trusted, reached, now);
  const collected =
    repository === "settings"
      ? { documents: await collectSettings(refreshed), kinds, failures: [] }
      : await collectContent(refreshed, trusted, kinds);
  const { documents } = collected;
  const isSame = !refreshed.changed && sameDocuments(trusted.documents, documents);
  const set = isSame ? trusted : { ...trusted, files: refreshed.files, documents };
  const { failures } = collected;
  return { set, kinds: collected.kinds, failures, etag: refreshed.etag, age: refreshed.age ?? 0 };
}

async function collectContent(refreshed: Refreshed, trusted: TrustedSet, kinds: Kind[]) {
  const wanted = CONTENT_KINDS.filter((kind) => kinds.includes(kind));
  const { documents, manifests, failures } = await collectManifests(refreshed, trusted, wanted);
  return { documents, kinds: [...manifests.keys()], failures: [...failures.values()] };
}

/** Names that can stand as files; the publisher makes no others. */
const DOCUMENT = /^settings\/(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99}\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.json$/;

/** All documents of the site: an Update Agent serves agents of every domain. */
async function collectSettings(refreshed: Refreshed): Promise<Map<string, Buffer>> {
  const documents = new Map<string, Buffer>();
  for (const target of await refreshed.targets("settings")) {
    const bytes = DOCUMENT.test(target) ? await refreshed.document(target) : undefined;
    if (bytes !== undefined) documents.set(target, bytes);
  }
  return documents;
}
