import { KINDS, type Kind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import { explainError, NearsourceError } from "../errors.ts";
import type { Fetcher } from "../http/client.ts";
import { timeOfRun } from "../tuf/clock.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";
import { kindsOf, learn } from "./learn.ts";
import type { MirrorParts } from "./mirror.ts";

/**
 * The kinds of which what is on disk verifies, from the shipped root on, as if it came from a source:
 * what was altered or torn since it was written is not served, and what is whole can be served at once,
 * also while nothing upstream can be reached.
 */
export async function provenKinds(
  { log, signal }: Pick<MirrorParts, "log" | "signal">,
  trusted: Partial<Record<Repository, TrustedSet>>,
): Promise<Set<Kind>> {
  const proven = new Set<Kind>();
  for (const set of Object.values(trusted)) {
    if (!set.files.has("timestamp.json")) continue;
    const means = {
      fetcher: fromDisk(set),
      now: timeOfRun(new Date(), undefined),
      signal,
      etag: undefined,
    };
    for (const kind of kindsOf(set.repository, KINDS)) {
      try {
        await learn(set, { url: "http://held.invalid", viaProxy: false }, [kind], means);
        proven.add(kind);
      } catch (error) {
        log.debug(`the ${kind} that are held are not served before a refresh: ${explainError(error)}`);
      }
    }
  }
  return proven;
}

/** A source that has the timestamp that is held, and nothing that is not. */
function fromDisk({ files }: TrustedSet): Fetcher {
  return {
    get: async (url) => {
      const bytes = files.get(url.slice(url.lastIndexOf("/") + 1));
      if (bytes === undefined) throw new NearsourceError("HTTP_NOT_FOUND", `${url} is not held`);
      const read = async function* () {
        yield bytes;
      };
      return {
        status: 200,
        headers: {},
        url: new URL(url),
        address: undefined,
        read,
        discard: async () => {},
      };
    },
    limitRate: () => {},
    close: () => {},
  };
}
