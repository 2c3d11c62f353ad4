import type { PublishedTrees } from "../settings/publishedTrees.ts";
import { firstRoots } from "../settings/rootPins.ts";

/** Names of the cookies that a server gives to browsers. */
export interface Cookies {
  /** A session that somebody is signed in by. */
  session: string;
  /** Ties the answer of an OpenID provider to the browser that asked. */
  openId: string;
}

/** Characters of the root's hash that tell servers apart. */
const OWN = 8;

/**
 * The cookies of a server. Browsers give a host's cookies to all of its ports, so each server has names of its own; servers
 * of one database, which are one to a browser, have the same: those of the settings root that all of them serve.
 */
export async function cookiesOf({ www }: PublishedTrees): Promise<Cookies> {
  const { settings } = await firstRoots(www);
  const own = settings?.sha256.slice(0, OWN);
  const named = (name: string) => (own === undefined ? name : `${name}-${own}`);
  return { session: named("nearsource-session"), openId: named("nearsource-openid") };
}
