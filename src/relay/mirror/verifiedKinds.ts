import type { Log } from "../../config/log.ts";
import { KINDS, type Kind } from "../../core/content/kind.ts";
import { kindsIn } from "../../core/content/layout.ts";
import { explainError } from "../../errors.ts";
import { heldSource } from "../../source/heldSource.ts";
import { timeOfRun } from "../../tuf/clock.ts";
import type { TrustedSets } from "../../tuf/roots.ts";
import { learn } from "./learn.ts";

/**
 * The kinds of which the documents on disk verify, from the shipped root on: those altered or torn since they
 * were written are not served, and whole ones can be served at once, also while no source can be reached.
 */
export async function verifiedKinds(
  { log, signal }: { log: Log; signal: AbortSignal },
  trusted: TrustedSets,
): Promise<Set<Kind>> {
  const verified = new Set<Kind>();
  for (const set of Object.values(trusted)) {
    if (!set.files.has("timestamp.json")) continue;
    const { source, fetcher } = heldSource(set);
    const means = { fetcher, now: timeOfRun(new Date(), undefined), signal };
    for (const kind of kindsIn(set.repository, KINDS)) {
      try {
        await learn(set, source, [kind], means);
        verified.add(kind);
      } catch (error) {
        log.debug(`the ${kind} that are held are not served before a refresh: ${explainError(error)}`);
      }
    }
  }
  return verified;
}
