import pMap from "p-map";
import { toNearsourceError } from "../errors.ts";
import type { Resolver } from "./resolver.ts";

/** Names that are asked for at once, and the time (ms) for all of them. */
const AT_ONCE = 32;
const BOUND = 1_500;

/** Whether each of `hosts` has an address by DNS. One that could not be asked for, in time, is left out. */
export async function foundHosts(resolver: Resolver, hosts: Iterable<string>): Promise<Map<string, boolean>> {
  const signal = AbortSignal.timeout(BOUND);
  const found = await pMap(
    hosts,
    async (host): Promise<[string, boolean][]> => {
      try {
        await resolver.resolve(host, signal);
        return [[host, true]];
      } catch (error) {
        return !signal.aborted && toNearsourceError(error).code === "DNS_NOT_FOUND" ? [[host, false]] : [];
      }
    },
    { concurrency: AT_ONCE },
  );
  return new Map(found.flat());
}

/** Those of `hosts` that DNS says have no address. */
export async function unresolvedHosts(resolver: Resolver, hosts: Iterable<string>): Promise<string[]> {
  return [...(await foundHosts(resolver, hosts))].flatMap(([host, isFound]) => (isFound ? [] : [host]));
}
