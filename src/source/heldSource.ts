import { NearsourceError } from "../errors.ts";
import type { Fetcher } from "../http/fetcher.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";
import type { Source } from "./source.ts";

/**
 * A set as a source that has the set's files, and nothing else: a refresh from it verifies the set, from the
 * shipped root on, by the same code that verifies files from the network.
 */
export function heldSource({ files }: TrustedSet): { source: Source; fetcher: Fetcher } {
  const get: Fetcher["get"] = async (url) => {
    const bytes = files.get(url.slice(url.lastIndexOf("/") + 1));
    if (bytes === undefined) throw new NearsourceError("HTTP_NOT_FOUND", `${url} is not held`);
    const read = async function* () {
      yield bytes;
    };
    const answer = { status: 200, headers: {}, url: new URL(url), address: undefined };
    return { ...answer, read, discard: async () => {} };
  };
  return {
    source: { url: "http://held.invalid", viaProxy: false },
    fetcher: { get, limitRate: () => {}, close: () => {} },
  };
}
