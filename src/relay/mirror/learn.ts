import { CONTENT_KINDS, type Kind } from "../../core/content/kind.ts";
import type { NearsourceError } from "../../errors.ts";
import { collectManifests } from "../../source/manifests.ts";
import {
  type Brought,
  fetchDocuments,
  type RefreshMeans,
  refreshRepository,
} from "../../source/refreshRepository.ts";
import type { Source } from "../../source/source.ts";
import type { Refreshed } from "../../tuf/refresh.ts";
import type { TrustedSet } from "../../tuf/trustedSet.ts";

/** The content that one source has of a repository. */
export interface Learned extends Brought {
  /** The kinds that it has whole, and why not the others. */
  kinds: Kind[];
  failures: NearsourceError[];
}

/**
 * Refreshes a repository from one source, with every document of those of `kinds` that it has whole. Nothing
 * is written: the verified files are announced, and kept, once the objects that they name are here.
 *
 * @throws NearsourceError of the phases resolve to content, when it has none of them whole, and storage
 */
export async function learn(
  trusted: TrustedSet,
  source: Source,
  kinds: Kind[],
  means: RefreshMeans,
): Promise<Learned> {
  const collect =
    trusted.repository === "settings"
      ? async (refreshed: Refreshed) => ({ documents: await collectSettings(refreshed), kinds, failures: [] })
      : (refreshed: Refreshed) => collectContent(refreshed, trusted, kinds);
  const { found, ...brought } = await refreshRepository(trusted, source, means, collect);
  return { ...brought, kinds: found.kinds, failures: found.failures };
}

async function collectContent(refreshed: Refreshed, trusted: TrustedSet, kinds: Kind[]) {
  const wanted = CONTENT_KINDS.filter((kind) => kinds.includes(kind));
  const { documents, manifests, failures } = await collectManifests(refreshed, trusted, wanted);
  return { documents, kinds: [...manifests.keys()] as Kind[], failures: [...failures.values()] };
}

/** Names that can stand as files; the publisher makes no others. */
const DOCUMENT = /^settings\/(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99}\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.json$/;

/** All documents of the site: an Update Agent serves agents of every domain. */
async function collectSettings(refreshed: Refreshed): Promise<Map<string, Buffer>> {
  const targets = await refreshed.targets("settings");
  return await fetchDocuments(
    refreshed,
    targets.filter((target) => DOCUMENT.test(target)),
  );
}
