import type { Repository } from "../core/content/layout.ts";
import { NearsourceError } from "../errors.ts";
import { roleKeysAtHand } from "./keys.ts";
import { lifetimeOf } from "./repository/choices.ts";
import { findIncomplete } from "./repository/complete.ts";
import { keyIdsOf, roleOf, versionsOf } from "./repository/publication.ts";
import { keyMissing, publishNext } from "./repository/publish.ts";
import { type PublisherOptions, type Session, withRepository } from "./repository/session.ts";
import { onlineRoles, targetsRoles } from "./repository/signedParts.ts";

export interface RefreshOptions extends PublisherOptions {
  repository: Repository;
  /** The web root was put back to an older state: go on from it, with numbers above all published. */
  restored?: boolean | undefined;
  /** Publications that may have been made since that state, from wherever: their numbers are passed over. */
  ahead?: number | undefined;
}

export interface RenewedRepository {
  /** Roles signed again; the timestamp always is. */
  signed: string[];
  /** Roles that are due and whose key, or the snapshot's, is not at hand. */
  skipped: string[];
  warnings: string[];
}

/**
 * Signs a new timestamp, and again each role that has less than half of its lifetime left, if its key is at
 * hand. To be run by a timer, several times within the timestamp's lifetime.
 *
 * @throws NearsourceError KEY_INVALID when the timestamp's key is missing; REPOSITORY_INVALID, also when a
 *   published file is missing; FILE_UNSAFE, LOCKED, storage errors
 */
export async function renewRepository(options: RefreshOptions): Promise<RenewedRepository> {
  const all = options.restored === true;
  const refresh = async (session: Session) => {
    await refuseIncomplete(session, all);
    const due = onlineRoles(options.repository).filter((role) => all || isDue(session, role));
    const { signed, skipped } = await splitByKeys(session, due);
    // A restored web root counts on from higher numbers, and those have to be in every role.
    if (all && skipped[0] !== undefined) throw keyMissing(session.location, skipped[0]);
    passOver(session, signed, options.ahead ?? 0);
    const roles = targetsRoles(options.repository).filter((role) => signed.includes(role));
    await publishNext(session, {
      roles: new Map(roles.map((role) => [role, roleOf(session.publication, role).signed.toJSON()])),
      snapshot: signed.includes("snapshot"),
    });
    return { signed, skipped };
  };
  return withRepository(options, options.repository, refresh, { restored: all });
}

/** Has the next version of each role follow on numbers that others may have seen. */
function passOver({ publication, highest }: Session, roles: string[], ahead: number): void {
  const present = versionsOf(publication);
  for (const role of roles) highest[role] = Math.max(highest[role] ?? 0, present[role] ?? 0) + ahead;
}

/**
 * Refuses a repository with missing files: as long as its timestamp is renewed, agents take it for current
 * and go on failing. After a restore a person is there to add the missing files, for which there has to be a
 * publication.
 */
async function refuseIncomplete(
  { location, publication, warnings }: Session,
  restored: boolean,
): Promise<void> {
  const incomplete = await findIncomplete(location, publication);
  const hint =
    "publish it again with: nearsource repo add (or set), take it out with: nearsource repo remove, or put the file back from a backup";
  if (restored) warnings.push(...incomplete.map((each) => `incomplete: ${each}; ${hint}`));
  const [first, ...others] = incomplete;
  if (restored || first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more: see nearsource repo show)`;
  throw new NearsourceError("REPOSITORY_INVALID", `${location.folder} is incomplete: ${first}${more}`, {
    hint,
  });
}

/** The due roles that can be signed. Nothing new gets out without a new snapshot. */
async function splitByKeys(
  session: Session,
  due: string[],
): Promise<{ signed: string[]; skipped: string[] }> {
  const wanted = due.some((role) => role !== "timestamp") ? new Set(["timestamp", "snapshot", ...due]) : due;
  const signed: string[] = [];
  const skipped: string[] = [];
  for (const role of wanted) {
    const ids = new Set(keyIdsOf(session.publication, role));
    const atHand = (await roleKeysAtHand(session.location, role, ids)).length > 0;
    const usable = role === "timestamp" || role === "snapshot" || signed.includes("snapshot");
    (atHand && usable ? signed : skipped).push(role);
  }
  if (skipped.includes("timestamp")) throw keyMissing(session.location, "timestamp");
  return { signed, skipped };
}

function isDue({ publication, choices, now }: Session, role: string): boolean {
  if (role === "timestamp") return true;
  const { signed } = role === "snapshot" ? publication.snapshot : roleOf(publication, role);
  const left = new Date(signed.expires).getTime() - now.getTime();
  return left < lifetimeOf(choices.lifetimes, role) / 2;
}
