import pMap from "p-map";
import { toNearsourceError } from "../errors.ts";
import type { Resolver } from "./resolver.ts";

/** Names that are asked for at once, and the time (ms) for all of them. */
const AT_ONCE = 32;
const BOUND = 1_500;

/** Those of `hosts` that DNS says have no address. Of one that could not be asked for, in time, nothing is said. */
export async function unresolvedHosts(resolver: Resolver, hosts: Iterable<string>): Promise<string[]> {
  const signal = AbortSignal.timeout(BOUND);
  const found = await pMap(
    hosts,
    async (host) => {
      try {
        await resolver.resolve(host, signal);
        return [];
      } catch (error) {
        return !signal.aborted && toNearsourceError(error).code === "DNS_NOT_FOUND" ? [host] : [];
      }
    },
    { concurrency: AT_ONCE },
  );
  return found.flat();
}
