import { constants, existsSync, promises as fs } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { formatAddress } from "../core/address.ts";
import { policySchema } from "../core/policy.ts";
import { sourceListSchema } from "../core/sourceList.ts";
import { describeFinding, reviewSourceList } from "../core/sourceListReview.ts";
import { type ErrorCode, explainError, NearsourceError } from "../errors.ts";
import { findUnsafeFiles, foundInPath } from "../io/believedFiles.ts";
import { readCertificates, readPair } from "../io/certificateFiles.ts";
import { type Config, readConfig } from "../io/config.ts";
import { parseServer } from "../io/dnsConfig.ts";
import { dataDirAt } from "../io/files.ts";
import { refuseForeign } from "../io/openDataDir.ts";
import { refuseUnsafe } from "../io/safePath.ts";
import { readState } from "../io/state.ts";
import { describeRoot } from "../io/timestampCheck.ts";
import { readTrustedSet } from "../io/trustedSet.ts";
import { kindsOf, ownAddresses } from "./order.ts";
import { remarkOnServer, remarksOnDocuments, remarksOnKinds } from "./remarks.ts";
import { isResident, residentDirOf } from "./residentState.ts";
import { settingsInForce } from "./settings.ts";
import { reviewSettingsFile } from "./settingsFile.ts";

/** What was found of one thing that a configuration names. */
export interface Finding {
  level: "ok" | "note" | "problem";
  /** The key of the configuration, such as `roots.content`. */
  key: string;
  message: string;
}

/** What a check looks at, and where it says what it found. */
interface Check {
  config: Config;
  now: Date;
  env: NodeJS.ProcessEnv;
  found: Finding[];
}

/**
 * Opens everything that a configuration names, as an agent would, and changes nothing.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID when the configuration itself cannot be read
 */
export async function checkConfiguration(
  file: string,
  env: NodeJS.ProcessEnv,
  now = new Date(),
): Promise<Finding[]> {
  const config = await readConfig(file, env, { onlyShown: true });
  const check: Check = { config, now, env, found: [] };
  await checkOwners(check, file);
  await checkRoots(check);
  await checkSettings(check);
  await checkTransport(check);
  await checkHook(check);
  await checkPlaces(check);
  await checkPorts(check);
  return check.found;
}

/** Says what `look` found, or why it failed. */
async function say({ found }: Check, key: string, look: () => Promise<string> | string): Promise<boolean> {
  try {
    found.push({ level: "ok", key, message: await look() });
    return true;
  } catch (error) {
    found.push({ level: "problem", key, message: explainError(error) });
    return false;
  }
}

function note({ found }: Check, key: string, messages: string[]): void {
  found.push(...messages.map((message) => ({ level: "note" as const, key, message })));
}

/** Files that another account can write are believed by nobody (`refuseUnsafe`). */
async function checkOwners(check: Check, file: string): Promise<void> {
  const ours = await say(check, "configuration", () => {
    refuseUnsafe(file, "the configuration");
    return `${file} can be written by nobody else`;
  });
  const unsafe = ours ? findUnsafeFiles(check.config, check.env) : [];
  for (const error of unsafe) await say(check, "owners", () => Promise.reject(error));
}

async function checkRoots(check: Check): Promise<void> {
  const { roots } = check.config;
  for (const repository of ["content", "settings"] as const) {
    const root = roots[repository];
    if (root !== undefined) await say(check, `roots.${repository}`, () => describeRoot(root));
  }
}

/** The list and the policy: those in local files, and what those in force come to. */
async function checkSettings(check: Check): Promise<void> {
  const { config } = check;
  const documents = [
    ["sourceList", sourceListSchema, "SOURCE_LIST_INVALID"],
    ["policy", policySchema, "POLICY_INVALID"],
  ] as const;
  let whole = true;
  for (const [key, schema, code] of documents) {
    const file = config[key];
    if (file === undefined) continue;
    const faults = await faultsOf(file, schema, code);
    whole &&= faults.length === 0;
    if (faults.length === 0) await say(check, key, () => `${file} reads`);
    for (const fault of faults) await say(check, key, () => Promise.reject(new Error(`${file}: ${fault}`)));
  }
  if (whole) await checkOrder(check);
}

async function faultsOf(
  file: string,
  schema: Parameters<typeof reviewSettingsFile>[1],
  code: ErrorCode,
): Promise<string[]> {
  try {
    const { faults } = await reviewSettingsFile(file, schema, code);
    return faults.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`);
  } catch (error) {
    return [explainError(error)];
  }
}

/** What the settings in force come to, for this machine as it is. */
async function checkOrder(check: Check): Promise<void> {
  const { config } = check;
  const dirs = dataDirAt(config.dataDir);
  await say(check, "kinds", async () => {
    const { agentId } = await readState(dirs);
    const trusted = await readTrustedSet(dirs, "settings");
    const settings = await settingsInForce(config, trusted, agentId);
    const run = { config, addresses: ownAddresses(config) };
    const kinds = kindsOf(config, undefined, settings.policy.kinds);
    note(check, "sourceList", reviewSourceList(settings.list).map(describeFinding));
    note(check, "settings", await remarksOnDocuments(config, trusted));
    note(check, "kinds", await remarksOnKinds(run, settings));
    note(check, "kinds", remarkOnServer(config, settings));
    return `${kinds.join(", ")}, for ${run.addresses.map(formatAddress).join(", ") || "no address"}`;
  });
}

async function checkTransport(check: Check): Promise<void> {
  const { http, notify, relay, dns } = check.config;
  for (const server of dns.servers ?? []) await say(check, "dns.servers", () => parseServer(server).label);
  const authorities = { "http.ca": http.ca, "notify.mqtt.ca": notify.mqtt?.ca };
  for (const [key, file] of Object.entries(authorities)) {
    if (file !== undefined) await say(check, key, () => describeAuthority(file, check.now));
  }
  const { tls } = relay;
  if (tls !== undefined) await say(check, "relay.tls", () => readPair(tls.cert, tls.key, check.now));
  const password = notify.mqtt?.passwordFile;
  if (password === undefined) return;
  await say(check, "notify.mqtt.passwordFile", async () => {
    const text = await fs.readFile(password, "utf8").catch((cause) => {
      throw new Error(`cannot read ${password}`, { cause });
    });
    if (text.trim() === "") throw new Error(`${password} is empty`);
    return `${password} can be read`;
  });
}

async function describeAuthority(file: string, now: Date): Promise<string> {
  const { described, expired } = await readCertificates(file, now);
  if (expired) throw new Error(`${file}: ${described}`);
  return described;
}

async function checkHook(check: Check): Promise<void> {
  const [command] = check.config.hooks.afterUpdate ?? [];
  if (command === undefined) return;
  await say(check, "hooks.afterUpdate", async () => {
    const beside = path.resolve(path.dirname(check.config.file), command);
    const program = command.includes(path.sep) ? beside : foundInPath(command, check.env);
    if (program === undefined) throw new Error(`there is no ${command} in PATH`);
    const found = await fs.stat(program);
    if (!found.isFile()) throw new Error(`${program} is not a file`);
    await fs.access(program, constants.X_OK).catch((cause) => {
      throw new Error(`${program} is not executable`, { cause });
    });
    return program;
  });
}

/** Folders that are written to. What is missing is made by the first run. */
async function checkPlaces(check: Check): Promise<void> {
  const { dataDir, log } = check.config;
  await say(check, "dataDir", async () => {
    refuseUnsafe(dataDir, "the data directory", { code: "STORAGE_UNSAFE" });
    const described = await describePlace(dataDir, "folder");
    if (existsSync(dataDir)) await refuseForeign(dataDirAt(dataDir));
    return described;
  });
  const { file } = log;
  if (file !== undefined) await say(check, "log.file", () => describePlace(file, "file"));
}

async function describePlace(place: string, is: "folder" | "file"): Promise<string> {
  const found = await fs.stat(place).catch(() => undefined);
  const fits = found === undefined || (is === "folder" ? found.isDirectory() : !found.isDirectory());
  if (!fits) throw new Error(`${place} is not a ${is}`);
  let there = place;
  while (!existsSync(there)) there = path.dirname(there);
  if (there !== place && !(await fs.stat(there)).isDirectory()) throw new Error(`${there} is not a folder`);
  await fs.access(there, constants.W_OK).catch((cause) => {
    throw new Error(`${there} cannot be written by this account`, { cause });
  });
  return found === undefined ? `${place}, which is yet to be made` : `${place} can be written`;
}

/** The ports, all at once, so that two that are the same are found. */
async function checkPorts(check: Check): Promise<void> {
  const { listen, metrics, dataDir } = check.config;
  const open: Server[] = [];
  const resident = await isResident(residentDirOf(dataDir)).catch(() => undefined);
  for (const [key, { host, port }] of Object.entries({ listen, metrics })) {
    if (port === null || port === 0) continue;
    await say(check, `${key}.port`, async () => {
      try {
        open.push(await bind(host, port));
        return `${host ?? "every address"}, port ${port}, is free`;
      } catch (error) {
        const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (taken && resident === true) return `port ${port} is the running agent's`;
        throw new NearsourceError(
          "CONFIG_INVALID",
          `cannot listen at ${host ?? "every address"}, port ${port}`,
          {
            cause: error,
          },
        );
      }
    });
  }
  for (const server of open) server.close();
}

async function bind(host: string | undefined, port: number): Promise<Server> {
  const server = createServer();
  return await new Promise((bound, fail) => {
    server.once("error", fail).listen({ port, ...(host === undefined ? {} : { host }) }, () => bound(server));
  });
}
