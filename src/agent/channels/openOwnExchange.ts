import type { Config } from "../../config/configSchema.ts";
import { createResolver, toLookup } from "../../dns/resolver.ts";
import { readAuthority } from "../../http/connect/caFile.ts";
import { createExchange } from "../../http/smallClient.ts";
import { OwnExchange, type OwnExchangeOptions } from "./ownExchange.ts";

/**
 * The connection of an agent to its server, and the URL there under which its own resources are.
 *
 * @throws NearsourceError of the configuration phase for an authority that cannot be read
 */
export async function openOwnExchange(
  server: string,
  {
    config,
    agentId,
    ...rest
  }: { config: Config; agentId: string } & Pick<OwnExchangeOptions, "log" | "onDomain">,
): Promise<{ home: string; exchange: OwnExchange }> {
  const ca = await readAuthority(config);
  const home = `${server}/v1/agents/${encodeURIComponent(agentId)}`;
  const exchange = createExchange(toLookup(createResolver(config.dns)), { ca });
  const own = new OwnExchange({ exchange, dataDir: config.dataDir, home, ...rest });
  return { home, exchange: await own.open() };
}
