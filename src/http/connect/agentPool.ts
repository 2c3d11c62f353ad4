import http from "node:http";
import https from "node:https";
import tls from "node:tls";
import { NearsourceError } from "../../errors.ts";
import { forgetIdle } from "./keptConnections.ts";
import { chooseProxy, type ProxyVariables } from "./proxy.ts";

export interface AgentOptions {
  /** The proxy variables (`http_proxy`, …) that count, for sources on the internet. */
  proxies?: ProxyVariables | undefined;
  /** Certificates of a private authority (PEM), believed beside the system's. */
  ca?: string | undefined;
}

/** The connections by one way: Node's agents for both schemes. */
export interface Agents {
  http: http.Agent;
  https: https.Agent;
}

/** A dead first address of several may cost this much before the next is tried. */
const ADDRESS_TIMEOUT = 1_000;

/** The connections that are kept, directly and by each proxy. */
export class AgentPool {
  readonly direct: Agents;
  readonly #options: AgentOptions;
  readonly #proxied = new Map<string, Agents>();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.direct = makeAgents(options.ca, undefined);
  }

  /** @throws NearsourceError PROXY_FAILED */
  of(url: URL, viaProxy: boolean): Agents {
    const proxy = viaProxy ? proxyFor(url, this.#options.proxies) : undefined;
    if (proxy === undefined) return this.direct;
    const agents = this.#proxied.get(proxy) ?? makeAgents(this.#options.ca, proxy);
    this.#proxied.set(proxy, agents);
    return agents;
  }

  close(): void {
    for (const agents of [this.direct, ...this.#proxied.values()]) {
      agents.http.destroy();
      agents.https.destroy();
    }
  }
}

/** The proxy for a URL, if there is one; a variable that cannot be used is a matter of the sources that need it. */
function proxyFor(url: URL, variables: ProxyVariables = {}): string | undefined {
  const choice = chooseProxy(url, variables);
  if (!("variable" in choice)) return choice.proxy;
  throw new NearsourceError(
    "PROXY_FAILED",
    `${url.host} is to be reached through the proxy of ${choice.variable}, which cannot be used: ${choice.reason}`,
    { hint: `set ${choice.variable} to http://host:port, or name ${url.hostname} in no_proxy` },
  );
}

function makeAgents(ca: string | undefined, proxy: string | undefined): Agents {
  const settings = {
    keepAlive: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT,
    ...(proxy === undefined ? {} : { proxyEnv: { http_proxy: proxy, https_proxy: proxy } }),
  };
  // A list of one's own takes the place of the system's, so that has to be in it.
  const believed = ca === undefined ? {} : { ca: [...tls.getCACertificates("default"), ca] };
  return {
    http: forgetIdle(new http.Agent(settings)),
    https: forgetIdle(new https.Agent({ ...settings, ...believed })),
  };
}
