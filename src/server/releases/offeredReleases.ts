import { CONTENT_KINDS } from "../../core/content/kind.ts";
import { describeReleases } from "../../publisher/describe.ts";
import { readManifests } from "../../source/manifests.ts";
import { readTrustedSet } from "../../tuf/trustedSet.ts";
import type { Context } from "../context.ts";
import { mirrorDirsAt, mirrorPlaceOf } from "../mirror/mirrorPlace.ts";
import { settingsPlace } from "../settings/publishDocument.ts";

/** A release that agents are offered here; the component is `kind/name`. */
export interface OfferedRelease {
  component: string;
  release: number;
  version: string;
}

/**
 * The releases that agents are offered by this server: mirrored ones, else those of the site's own repository.
 * Undefined where nothing is published yet.
 *
 * @throws NearsourceError REPOSITORY_INVALID, MANIFEST_INVALID, storage errors
 */
export async function offeredReleases(context: Context): Promise<OfferedRelease[] | undefined> {
  if (context.trees.versions().content === undefined) return undefined;
  const place = mirrorPlaceOf(context.config);
  const offered = place === undefined ? undefined : await readTrustedSet(mirrorDirsAt(place), "content");
  const components =
    offered === undefined
      ? await describeReleases(settingsPlace(context))
      : [...readManifests(offered.documents, [...CONTENT_KINDS]).values()].flat();
  const wanted = context.config.mirror.components;
  return components
    .filter(({ name }) => wanted === undefined || wanted.includes(name))
    .flatMap(({ kind, name, releases }) =>
      releases.map(({ release, version }) => ({ component: `${kind}/${name}`, release, version })),
    );
}
