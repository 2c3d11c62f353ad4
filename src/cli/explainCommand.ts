import { isResident, readResidentState, residentDirOf } from "../agent/residentState.ts";
import { readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import type { Config } from "../config/configSchema.ts";
import { describeHeldBack } from "../core/content/chooseRelease.ts";
import type { Kind } from "../core/content/kind.ts";
import { formatMoment } from "../core/moment.ts";
import { AddressSyntaxError, formatAddress, parseAddress } from "../core/order/address.ts";
import { canonicalName, isHostName } from "../core/order/hostNames.ts";
import type { PassedOver, Step, UpdateOrder } from "../core/order/plan.ts";
import type { HeldComponent, Report } from "../core/report.ts";
import { DEFAULT_POLICY } from "../core/settings/policy.ts";
import { NearsourceError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { readState } from "../store/state/state.ts";
import { readTrustedSet } from "../tuf/trustedSet.ts";
import { heldBackNow } from "../update/settings/heldBack.ts";
import { remarkOnServer, remarksOnKinds } from "../update/settings/remarks.ts";
import { readSourceListFile, type Settings, settingsInForce } from "../update/settings/settings.ts";
import { kindsOf, NO_ADDRESS, orderOf, standingOf, uncoveredOf } from "../update/settings/situation.ts";
import { paint, print, printJson } from "./terminal/output.ts";
import { ifReadable } from "./terminal/readable.ts";
import { warnOfRefusals } from "./terminal/refusals.ts";

export interface ExplainOptions {
  ip?: string[];
  dnsSuffix?: string[];
  sourceList?: string;
  kind?: Kind[];
  config?: string;
  json?: boolean;
}

/** `nearsource explain`: prints exactly the plan that `update` would walk, and asks nobody for it. */
export async function explainCommand(options: ExplainOptions): Promise<number> {
  const config = await asItListens(await configFor(options));
  if (config.dataDir !== "") await warnOfRefusals(config);
  const hidden: string[] = [];
  const settings = await settingsFor(config, options, hidden);
  const own = standingOf(config);
  const run = {
    config,
    addresses: options.ip?.map(parseIp) ?? own.addresses,
    dnsSuffixes: options.dnsSuffix?.map(parseSuffix) ?? own.dnsSuffixes,
  };
  const { addresses, dnsSuffixes } = run;
  const kinds = hasRoots(config)
    ? kindsOf(config, options.kind, settings.policy.kinds)
    : (options.kind ?? ["settings", "components", "programs"]);
  const order = orderOf(run, settings, [...kinds]);
  const shown = addresses.map(formatAddress);
  const remarks = hasRoots(config)
    ? [
        ...((await ifReadable(hidden, "metadata", () => remarksOnKinds(run, settings, options.kind))) ?? []),
        ...remarkOnServer(config, settings),
      ]
    : uncoveredOf(run, settings, kinds).remarks;
  const heldBack =
    config.dataDir === ""
      ? []
      : await ifReadable(hidden, "metadata", () =>
          heldBackNow(config, dataDirAt(config.dataDir), settings.policy, new Date()),
        );
  const unknown = describeHidden(hidden);
  if (addresses.length === 0) remarks.unshift(NO_ADDRESS);
  if (options.json === true) {
    const { role, sourceList } = settings;
    printJson({
      addresses: shown,
      dnsSuffixes,
      role,
      domain: config.domain,
      sourceList,
      kinds,
      ...order,
      heldBack: heldBack ?? [],
      remarks,
      unknown,
    });
  } else {
    printOrder(order, settings, { addresses: shown, dnsSuffixes }, config.domain);
    printHeldBack(heldBack ?? []);
    if (remarks.length > 0) print();
    for (const remark of remarks) print(`${paint("yellow", "note")} ${remark}`);
    for (const each of unknown) print(`\n${paint("yellow", "Not known")} to this account: ${each}.`);
  }
  return 0;
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

/** The configuration with the port at which the resident agent listens now, where there is one: it may have none. */
async function asItListens(config: Config): Promise<Config> {
  if (config.dataDir === "" || config.listen.port === null) return config;
  const dir = residentDirOf(config.dataDir);
  if ((await isResident(dir).catch(() => undefined)) !== true) return config;
  const state = await readResidentState(dir);
  return state === undefined ? config : { ...config, listen: { ...config.listen, port: state.port ?? 0 } };
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

/** The facts that cannot be known without files that this account may not read. */
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

const FROM = {
  server: "from the server",
  cache: "the last one that was verified",
  file: "from a local file",
  none: "none, so the standard source is used",
} as const;

/** Origin of the list in force, with its version if it has one: `version 7, from a local file`. */
export function describeSourceList({ version, from }: Report["sourceList"]): string {
  return version === 0 ? FROM[from] : `version ${version}, ${FROM[from]}`;
}

function printOrder(
  order: UpdateOrder,
  settings: Settings,
  { addresses, dnsSuffixes }: { addresses: string[]; dnsSuffixes: readonly string[] },
  domain: string,
): void {
  const role = settings.role === "agent" ? "agent" : "Update Agent";
  print(`This ${role} (domain ${domain}) has ${addresses.join(", ") || "no address"}.`);
  if (settings.list.entries.some(({ dnsSuffix }) => dnsSuffix !== undefined)) {
    print(`Its DNS search list has ${dnsSuffixes.join(", ") || "no domain"}.`);
  }
  print(`Source list: ${describeSourceList(settings.sourceList)}.`);
  print();
  print(order.steps.length === 0 ? "No source would be tried." : "Would be tried, one after the other:");
  for (const [index, step] of order.steps.entries()) printStep(step, index + 1);
  if (order.skipped.length > 0) {
    print();
    print("Passed over:");
    for (const each of order.skipped) print(`  - ${placeOf(each)}: ${each.reason}`);
  }
  if (order.uncovered.length > 0) {
    print();
    print(`${paint("yellow", "Not covered")}: nobody in this order delivers ${order.uncovered.join(", ")}.`);
  }
}

function printHeldBack(held: HeldComponent[]): void {
  if (held.length > 0) print("\nHeld back:");
  for (const each of held) print(`  - ${each.component}: ${describeHeldBack(each, formatMoment)}`);
}

function printStep(step: Step, number: number): void {
  print(`  ${number}. ${paint("bold", placeOf(step))}`);
  print(`     for ${step.kinds.join(", ")}`);
  print(`     because ${step.why} ${paint("dim", `(clause ${step.clause})`)}`);
}

function placeOf({ rule, entry, name, url }: Omit<PassedOver, "reason">): string {
  const source = { custom: `entries[${entry}]`, server: "server", "active-update": "ActiveUpdate" }[rule];
  return [source, name, url].filter((part) => part !== undefined).join("  ");
}
