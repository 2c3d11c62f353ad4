import { promises as fs } from "node:fs";
import path from "node:path";
import { CONTENT_KINDS } from "../../core/content/kind.ts";
import { objectPath } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import type { Location } from "./location.ts";
import type { Publication } from "./publication.ts";
import { readReleases, readTarget } from "./releases.ts";

/**
 * The files that a publication names and that the web root does not have: target files that are gone or
 * altered, and files of releases that are gone or of another length. Deltas and compressed files are not
 * looked at, since agents do without them.
 *
 * @returns a line for each target that is not whole
 */
export async function findIncomplete(location: Location, publication: Publication): Promise<string[]> {
  const incomplete: string[] = [];
  for (const [role, metadata] of publication.roles) {
    const kind = CONTENT_KINDS.find((each) => each === role);
    for (const target of Object.keys(metadata.signed.targets)) {
      const name = target.slice(0, -".json".length);
      const reason = await refusal(async () => {
        if (kind === undefined) await readTarget(location, metadata, target);
        else
          await checkFiles(
            location,
            await readReleases(location, metadata, { kind, name: name.slice(kind.length + 1) }),
          );
      });
      if (reason !== undefined) incomplete.push(`${name}: ${reason}`);
    }
  }
  return incomplete;
}

async function checkFiles(
  location: Location,
  releases: Awaited<ReturnType<typeof readReleases>>,
): Promise<void> {
  for (const { release, files } of releases) {
    for (const file of files) {
      const stats = await fs.stat(path.join(location.base, objectPath(file.sha256))).catch(() => undefined);
      if (stats?.isFile() === true && stats.size === file.length) continue;
      const what = stats === undefined ? "is missing" : `has ${stats.size} bytes instead of ${file.length}`;
      throw new NearsourceError(
        "REPOSITORY_INVALID",
        `the object of ${file.path} in release ${release} ${what}`,
      );
    }
  }
}

async function refusal(check: () => Promise<void>): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof NearsourceError && error.code === "REPOSITORY_INVALID") return error.message;
    throw error;
  }
}
