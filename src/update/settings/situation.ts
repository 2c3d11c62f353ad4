import { AGENT_PORT } from "../../config/configPath.ts";
import type { Config } from "../../config/configSchema.ts";
import type { Kind } from "../../core/content/kind.ts";
import { type Address, parseAddress, privacyOf } from "../../core/order/address.ts";
import type { Self, Situation } from "../../core/order/conditions.ts";
import { type Uncovered, uncoveredKinds } from "../../core/order/coverage.ts";
import { canonicalName, isHostName } from "../../core/order/hostNames.ts";
import type { UpdateOrder } from "../../core/order/plan.ts";
import { updateOrder } from "../../core/order/updateOrder.ts";
import { machineAddresses, machineNames, machineSearch } from "../../dns/machine.ts";
import { NearsourceError } from "../../errors.ts";
import type { Run } from "../run.ts";
import type { Settings } from "./settings.ts";

/** An agent as it stands, which its order depends on beside the settings. */
export type Standing = Pick<Run, "config" | "addresses" | "dnsSuffixes">;

/** The plan for this run: `nearsource explain` prints it, and a run walks it. */
export function orderOf(
  run: Standing,
  settings: Pick<Settings, "list" | "policy" | "role">,
  kinds: Kind[],
): UpdateOrder {
  return updateOrder(situationOf(run, settings, kinds));
}

/** Needed kinds that no run can get as things are set up; see `core/order/coverage.ts`. */
export function uncoveredOf(
  run: Standing,
  settings: Pick<Settings, "list" | "policy" | "role">,
  kinds: Kind[],
): Uncovered {
  const situation = situationOf(run, settings, kinds);
  return uncoveredKinds(situation, updateOrder(situation), asksServerFirst(run.config));
}

/** Whether a run asks the server for the settings before it walks the order. */
export function asksServerFirst({
  server,
  sourceList,
  policy,
  roots,
}: Pick<Config, "server" | "sourceList" | "policy" | "roots">): boolean {
  const fileOnly = sourceList !== undefined && policy !== undefined;
  return server !== undefined && roots.settings !== undefined && !fileOnly;
}

function situationOf(
  run: Standing,
  { list, policy, role }: Pick<Settings, "list" | "policy" | "role">,
  kinds: Kind[],
): Situation {
  const { server, activeUpdate } = run.config;
  return {
    list,
    policy,
    role,
    addresses: run.addresses,
    dnsSuffixes: run.dnsSuffixes,
    self: ownSelf(run.config),
    server,
    activeUpdate,
    kinds,
  };
}

/**
 * The kinds a run needs: asked for, else configured, else the policy's, else all; less those without a root.
 */
export function kindsOf(config: Config, asked: Kind[] | undefined, policy: Kind[] | undefined): Kind[] {
  const explicit = asked ?? config.kinds;
  const wanted = explicit ?? policy ?? ["settings", "components", "programs"];
  const rootFor = (kind: Kind) => (kind === "settings" ? "settings" : "content");
  const possible = wanted.filter((kind) => config.roots[rootFor(kind)] !== undefined);
  const missing = (explicit ?? []).find((kind) => !possible.includes(kind));
  if (missing !== undefined || possible.length === 0) {
    const root = missing === undefined ? "content" : rootFor(missing);
    throw new NearsourceError(
      "CONFIG_INVALID",
      `${config.file} has no roots.${root}, where trust would start`,
      {
        hint: `set roots.${root} to the file of the publisher's root.json`,
      },
    );
  }
  return [...possible];
}

/**
 * The machine's addresses: those of the configuration, else every one that reaches beyond the link.
 * An agent with several matches an entry by any of them (docs/update-order.md).
 */
export function ownAddresses(config: Pick<Config, "addresses">): Address[] {
  if (config.addresses !== undefined) return config.addresses.map(parseAddress);
  const found = machineAddresses().map((address) => parseAddress(address.replace(/%.*$/, "")));
  const reaching = found.filter((address) => privacyOf(address) < 2);
  return reaching.length > 0 ? reaching : found;
}

/** Most search domains that count: what agents say of themselves is bounded. */
const MOST_SUFFIXES = 32;

/** The domains of this machine's search list: those of the configuration, else the system's. */
export function ownDnsSuffixes({ dns }: Partial<Pick<Config, "dns">>): string[] {
  const own = (dns?.search ?? machineSearch()).map(canonicalName).filter(isHostName);
  return [...new Set(own)].slice(0, MOST_SUFFIXES);
}

/** This agent as it stands now. */
export function standingOf(config: Config): Standing {
  return { config, addresses: ownAddresses(config), dnsSuffixes: ownDnsSuffixes(config) };
}

/** The remark where `ownAddresses` finds none: the list is there, and none of its entries can be meant. */
export const NO_ADDRESS =
  'this machine does not say its addresses, so no entry of the source list matches: name them in "addresses" of the configuration';

/** The names of this agent, and the URLs that lead to it: it is never its own source. */
export function ownSelf(config: Partial<Pick<Config, "listen" | "dns" | "relay">>): Self {
  const { listen, dns, relay } = config;
  return {
    names: machineNames(dns?.search),
    port: listen?.port ?? AGENT_PORT,
    ...(relay?.publicUrls?.length ? { urls: relay.publicUrls } : {}),
  };
}
