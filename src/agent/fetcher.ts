import { readAuthority } from "../io/authority.ts";
import type { Config } from "../io/config.ts";
import { createFetcher, type Fetcher } from "../io/fetch.ts";
import { createResolver, toLookup } from "../io/resolve.ts";

/**
 * All HTTP of a run, or of an Update Agent, as the configuration wants it.
 *
 * @throws NearsourceError CONFIG_INVALID when `http.ca` cannot be read
 */
export async function openFetcher(config: Pick<Config, "file" | "http" | "dns">): Promise<Fetcher> {
  const { proxy, rateLimit, ca, ...limits } = config.http;
  const options = { ...limits, proxyEnv: proxyEnvOf(proxy, process.env), ca: await readAuthority(config) };
  const fetcher = createFetcher(options, toLookup(createResolver(config.dns)));
  fetcher.limitRate(rateLimit);
  return fetcher;
}

const PROXY_VARIABLES = ["http_proxy", "https_proxy", "no_proxy"];

/** The proxy variables in force: the environment's, those of one configured proxy, or none. */
function proxyEnvOf(proxy: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv | undefined {
  if (proxy === "none") return undefined;
  if (proxy !== "system") return { http_proxy: proxy, https_proxy: proxy };
  const found = PROXY_VARIABLES.flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()];
    return value ? [[name, value]] : [];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
