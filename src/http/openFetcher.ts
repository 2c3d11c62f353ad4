import type { Config } from "../config/configSchema.ts";
import { createResolver, toLookup } from "../dns/resolver.ts";
import { createFetcher } from "./client.ts";
import { readAuthority } from "./connect/caFile.ts";
import type { ProxyVariables } from "./connect/proxy.ts";
import type { Fetcher } from "./fetcher.ts";

/**
 * All HTTP of a run, or of an Update Agent, as the configuration wants it.
 *
 * @throws NearsourceError CONFIG_INVALID when `http.ca` cannot be read
 */
export async function openFetcher(
  config: Pick<Config, "file" | "http" | "dns" | "listen">,
): Promise<Fetcher> {
  const { proxy, rateLimit, ca, ...limits } = config.http;
  const proxies = proxiesOf(proxy);
  const options = { ...limits, proxies, listen: config.listen, ca: await readAuthority(config) };
  const fetcher = createFetcher(options, toLookup(createResolver(config.dns)));
  fetcher.limitRate(rateLimit);
  return fetcher;
}

/** The proxy variables in force: the environment's, those of one configured proxy, or none. */
function proxiesOf(proxy: string): ProxyVariables {
  if (proxy === "none") return {};
  return proxy === "system" ? process.env : { http_proxy: proxy, https_proxy: proxy };
}
