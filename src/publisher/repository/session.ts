import { isDeepStrictEqual } from "node:util";
import type { Metadata, Root } from "@tufjs/models";
import type { Repository } from "../../core/content/layout.ts";
import { explainError, NearsourceError } from "../../errors.ts";
import { guardStorage } from "../../store/storageErrors.ts";
import { readPrivateKey, roleKeyFile, tufKey } from "../keys.ts";
import { type HighestVersions, readChoices, readHighest, writeHighest } from "./choices.ts";
import { type Location, locate, type RepositoryPlace, refuseKeysInside, refuseMissing } from "./location.ts";
import { exists, type OnFile, removeTemporaries, renameDurably } from "./placeFile.ts";
import { keyIdsOf, loadPublication, type Publication, versionsOf } from "./publication.ts";
import type { Publisher } from "./publish.ts";
import { withLocks } from "./repositoryLock.ts";
import { onlineRoles } from "./signedParts.ts";
import { sweep } from "./sweep.ts";

/** The options of every publishing function. */
export interface PublisherOptions extends RepositoryPlace {
  /** The time of signing; now by default. */
  now?: Date | undefined;
  /** Waits for another publisher, for as long as it takes; otherwise LOCKED. */
  wait?: boolean | undefined;
  onFile?: OnFile | undefined;
  /**
   * The web root is a copy of a state that is kept elsewhere: it may be older than what was signed here last, which
   * nobody has seen then. Versions go on above that.
   */
  isCopy?: boolean | undefined;
}

/** A repository opened for publishing: locked, read and verified. */
export interface Session extends Publisher {
  publication: Publication;
  /** The files that this command has put in place. */
  placed: Set<string>;
  /** Remarks for the publisher although all went well. */
  warnings: string[];
}

/** Differences between a repository that is opened and the last publication from here that are accepted. */
export interface Tolerance {
  /** Roles signed by this root's keys are accepted too: a root publication may have been cut short. */
  nextRoot?: Metadata<Root> | undefined;
  /** The web root was put back to an older state, and that is meant. */
  restored?: boolean | undefined;
}

/**
 * Opens a repository as its only publisher, runs `work`, and afterwards deletes files that nothing needs any
 * more, whether `work` succeeded or not. The result carries the warnings.
 *
 * @throws NearsourceError REPOSITORY_INVALID, LOCKED, storage errors, and the errors of `work`
 */
export async function withRepository<Result extends object>(
  options: PublisherOptions,
  repository: Repository,
  work: (session: Session) => Promise<Result>,
  tolerance: Tolerance = {},
): Promise<Result & { warnings: string[] }> {
  const location = locate(options, repository);
  await refuseKeysInside(location);
  return guardStorage(`cannot publish in ${location.folder}`, async () => {
    await readChoices(location);
    await refuseMissing(location);
    return withLocks(location, options.wait === true, async () => {
      const session = await open(location, options, tolerance);
      let result: Result;
      try {
        result = await work(session);
      } catch (error) {
        await tidy(session).catch(() => undefined);
        throw error;
      }
      await tidyOrWarn(session);
      return { ...result, warnings: session.warnings };
    });
  });
}

async function open(location: Location, options: PublisherOptions, tolerance: Tolerance): Promise<Session> {
  await removeTemporaries(location.keys);
  const choices = await readChoices(location);
  const highest = await readHighest(location);
  const publication = await loadPublication(location, { firstRoot: choices.root, next: tolerance.nextRoot });
  refuseOlder(location, publication, highest, tolerance.restored === true || options.isCopy === true);
  const placed = new Set<string>();
  const onFile = (file: string) => {
    placed.add(file);
    options.onFile?.(file);
  };
  const session: Session = {
    location,
    choices,
    highest,
    publication,
    now: options.now ?? new Date(),
    onFile,
    placed,
    warnings: [],
  };
  warnOfTime(session);
  await settleKeys(location, publication);
  return session;
}

/**
 * A web root that was put back to an older state would be signed as if it were new, with version
 * numbers that agents have seen already. That needs a person's word.
 */
function refuseOlder(
  location: Location,
  publication: Publication,
  highest: HighestVersions,
  restored: boolean,
): void {
  const present = versionsOf(publication);
  const older = Object.keys(highest).find((role) => (present[role] ?? 0) < (highest[role] ?? 0));
  if (older === undefined) return;
  const said = `${older} is at version ${present[older]}, and ${highest[older]} was published from here`;
  if (older === "root" || (present.root ?? 0) < (highest.root ?? 0)) {
    throw new NearsourceError("REPOSITORY_INVALID", `${location.folder} is older than it was: ${said}`, {
      hint: `put the newest root.json back into ${location.metadata}`,
    });
  }
  if (restored) return;
  throw new NearsourceError("REPOSITORY_INVALID", `${location.folder} is older than it was: ${said}`, {
    hint: "put the newer state back; if there is none: nearsource repo refresh DIR --restored",
  });
}

function warnOfTime({ publication, now, warnings }: Session): void {
  const signedAt = publication.timestamp.signed.unrecognizedFields.signed_at;
  if (typeof signedAt === "string" && new Date(signedAt) > now) {
    warnings.push(`the clock is behind: the last publication was signed at ${signedAt}`);
  }
  if (publication.root.signed.isExpired(now)) {
    warnings.push(`the root expired at ${publication.root.signed.expires}: agents refuse this repository`);
  }
}

/** Gives keys that the metadata in force names, and that still wait as `<role>.next.pem`, their place. */
export async function settleKeys(location: Location, publication: Publication): Promise<string[]> {
  const settled: string[] = [];
  for (const role of onlineRoles(location.repository)) {
    const next = roleKeyFile(location, role, "next");
    if (!(await exists(next))) continue;
    const id = tufKey(await readPrivateKey(next)).keyID;
    if (!keyIdsOf(publication, role).includes(id)) continue;
    await renameDurably(next, roleKeyFile(location, role));
    settled.push(role);
  }
  return settled;
}

async function tidyOrWarn(session: Session): Promise<void> {
  try {
    await tidy(session);
  } catch (error) {
    session.warnings.push(`published, but old files could not be deleted: ${explainError(error)}`);
  }
}

/** The files on disk, not the progress of `work`, now tell what is published. */
async function tidy({ location, choices, highest, placed }: Session): Promise<void> {
  const current = await loadPublication(location, { firstRoot: choices.root });
  const versions = versionsOf(current);
  const raised = Object.entries(versions).map(([role, each]) => [role, Math.max(each, highest[role] ?? 0)]);
  const next = Object.fromEntries(raised);
  if (!isDeepStrictEqual(next, highest)) await writeHighest(location, next);
  await sweep(location, current, placed);
}
