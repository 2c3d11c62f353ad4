import { readConfig } from "../../config/config.ts";
import { configPath } from "../../config/configPath.ts";
import type { Config } from "../../config/configSchema.ts";
import type { Kind } from "../../core/content/kind.ts";
import { AddressSyntaxError, formatAddress, parseAddress } from "../../core/order/address.ts";
import { canonicalName, isHostName } from "../../core/order/hostNames.ts";
import type { UpdateOrder } from "../../core/order/plan.ts";
import type { SourceList } from "../../core/order/sourceList.ts";
import type { HeldComponent, Report } from "../../core/report.ts";
import { DEFAULT_POLICY } from "../../core/settings/policy.ts";
import { NearsourceError } from "../../errors.ts";
import { dataDirAt } from "../../store/dataDir.ts";
import { ifReadable } from "../../store/ifReadable.ts";
import { readState } from "../../store/state/state.ts";
import { readTrustedSet } from "../../tuf/trustedSet.ts";
import { heldBackNow } from "./heldBack.ts";
import { remarkOnServer, remarksOnKinds } from "./remarks.ts";
import { readSourceListFile, type Settings, settingsInForce } from "./settings.ts";
import { kindsOf, NO_ADDRESS, orderOf, standingOf, uncoveredOf } from "./situation.ts";

export interface ExplainOptions {
  /** The configuration file; default: as the command line finds it. */
  config?: string | undefined;
  /** As if the agent had these addresses. */
  addresses?: string[] | undefined;
  /** As if its DNS search list had these domains. */
  dnsSuffixes?: string[] | undefined;
  /** As if this file were the source list; with it, no configuration need be there. */
  sourceList?: string | undefined;
  /** The kinds to explain; default: as an update would need them. */
  kinds?: Kind[] | undefined;
}

/** The order that a run would walk now, and what it is made of; `explain --json` prints it. */
export interface Explanation extends UpdateOrder {
  addresses: string[];
  dnsSuffixes: readonly string[];
  role: "agent" | "update-agent";
  domain: string;
  sourceList: Report["sourceList"];
  kinds: readonly Kind[];
  /** Releases that a run at this moment would hold back. */
  heldBack: HeldComponent[];
  /** Settings that are valid and hardly intended. */
  remarks: string[];
  /** Facts that cannot be known without files that this account may not read. */
  unknown: string[];
}

/**
 * Computes exactly the plan that `update` would walk, and asks nobody for it.
 *
 * @param asItIs is called with the configuration, where there is one, and returns it as the agent goes by it now
 * @throws NearsourceError of the configuration and the settings; USAGE for what is no address, or no domain
 */
export async function explain(
  options: ExplainOptions = {},
  asItIs: (config: Config) => Promise<Config> = async (config) => config,
): Promise<{ explanation: Explanation; list: SourceList }> {
  const found = await configFor(options);
  const config = found.dataDir === "" ? found : await asItIs(found);
  const hidden: string[] = [];
  const settings = await settingsFor(config, options, hidden);
  const own = standingOf(config);
  const run = {
    config,
    addresses: options.addresses?.map(parseIp) ?? own.addresses,
    dnsSuffixes: options.dnsSuffixes?.map(parseSuffix) ?? own.dnsSuffixes,
  };
  const asked = options.kinds;
  const kinds = hasRoots(config)
    ? kindsOf(config, asked, settings.policy.kinds)
    : (asked ?? ["settings", "components", "programs"]);
  const order = orderOf(run, settings, [...kinds]);
  const remarks = hasRoots(config)
    ? [
        ...((await ifReadable(hidden, "metadata", () => remarksOnKinds(run, settings, asked))) ?? []),
        ...remarkOnServer(config, settings),
      ]
    : uncoveredOf(run, settings, kinds).remarks;
  if (run.addresses.length === 0) remarks.unshift(NO_ADDRESS);
  const heldBack = await heldBackFor(config, settings, hidden);
  const explanation: Explanation = {
    addresses: run.addresses.map(formatAddress),
    dnsSuffixes: run.dnsSuffixes,
    role: settings.role,
    domain: config.domain,
    sourceList: settings.sourceList,
    kinds,
    ...order,
    heldBack,
    remarks,
    unknown: describeHidden(hidden),
  };
  return { explanation, list: settings.list };
}

async function heldBackFor(config: Config, { policy }: Settings, hidden: string[]): Promise<HeldComponent[]> {
  if (config.dataDir === "") return [];
  const look = () => heldBackNow(config, dataDirAt(config.dataDir), policy, new Date());
  return (await ifReadable(hidden, "metadata", look)) ?? [];
}

/** With a list of its own, explain works without any configuration: for trying a list out. */
async function configFor({ config, sourceList }: ExplainOptions): Promise<Config> {
  const file = configPath(config, process.env);
  try {
    return await readConfig(file, process.env, { onlyShown: true });
  } catch (error) {
    const optional = config === undefined && sourceList !== undefined;
    if (!optional || !(error instanceof NearsourceError) || error.code !== "CONFIG_NOT_FOUND") throw error;
    return { file, dataDir: "", domain: "default", roots: {} } as unknown as Config;
  }
}

async function settingsFor(
  config: Config,
  { sourceList }: ExplainOptions,
  hidden: string[],
): Promise<Settings> {
  if (config.dataDir === "" && sourceList !== undefined) {
    const list = await readSourceListFile(sourceList);
    const from = { version: list.version, from: "file" } as const;
    return { list, policy: DEFAULT_POLICY, role: "agent", granted: [], sourceList: from };
  }
  const dirs = dataDirAt(config.dataDir);
  const state = await ifReadable(hidden, "state.json", () => readState(dirs));
  const trusted = await ifReadable(hidden, "metadata", () => readTrustedSet(dirs, "settings"));
  return await settingsInForce(
    sourceList === undefined ? config : { ...config, sourceList },
    trusted,
    state?.agentId ?? "",
  );
}

function describeHidden(hidden: string[]): string[] {
  return [
    ...(hidden.includes("state.json") ? ["whether the role of an Update Agent is granted here"] : []),
    ...(hidden.includes("metadata") ? ["the source list and the policy that the server gave"] : []),
  ];
}

function hasRoots({ roots }: Config): boolean {
  return roots.content !== undefined || roots.settings !== undefined;
}

function parseIp(text: string) {
  try {
    return parseAddress(text);
  } catch (error) {
    if (!(error instanceof AddressSyntaxError)) throw error;
    throw new NearsourceError("USAGE", `--ip: ${error.message}`, {
      hint: "give one address, such as 10.1.2.3",
    });
  }
}

function parseSuffix(text: string): string {
  const name = canonicalName(text);
  if (name !== "" && isHostName(name)) return name;
  throw new NearsourceError("USAGE", `--dns-suffix: ${JSON.stringify(text)} is not a domain`, {
    hint: "give one domain of a search list, such as corp.example",
  });
}
