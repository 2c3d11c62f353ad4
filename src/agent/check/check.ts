import { constants, existsSync, promises as fs } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { findUnsafeFiles, foundInPath } from "../../config/believedFiles.ts";
import { readCertificates, readPair } from "../../config/certificateFiles.ts";
import { reviewConfig } from "../../config/reviewConfig.ts";
import { parseServer } from "../../dns/systemConfig.ts";
import { NearsourceError } from "../../errors.ts";
import { dataDirAt } from "../../store/dataDir.ts";
import { refuseForeign } from "../../store/openDataDir.ts";
import { refuseUnsafe } from "../../store/safePath.ts";
import { describeRoot } from "../../tuf/timestampCheck.ts";
import { isResident, residentDirOf } from "../residentState.ts";
import { checkSettings } from "./checkSettings.ts";
import { type Check, type Finding, say } from "./finding.ts";

/**
 * Opens everything that a configuration names, as an agent would, and changes nothing. Faults of the
 * configuration itself come first; checks that do not depend on it are made all the same.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID when the file cannot be read
 */
export async function checkConfiguration(
  file: string,
  env: NodeJS.ProcessEnv,
  now = new Date(),
): Promise<Finding[]> {
  const { config, faults, repeated } = await reviewConfig(file, env);
  const found: Finding[] = [
    ...faults.map((fault) => ({ level: "problem" as const, ...fault })),
    ...repeated.map((each) => ({ level: "note" as const, ...each })),
  ];
  if (config !== undefined) {
    const check: Check = { config, now, env, found: [] };
    await checkOwners(check, file);
    await checkRoots(check);
    await checkSettings(check);
    await checkTransport(check);
    await checkHook(check);
    await checkPlaces(check);
    await checkPorts(check);
    // For a key with a fault, the default has been checked, which says nothing about it.
    found.push(...check.found.filter(({ key }) => !faults.some((fault) => isAbout(key, fault.key))));
  }
  return found;
}

function isAbout(key: string, faulty: string): boolean {
  return (
    key !== "configuration" &&
    (key === faulty || faulty.startsWith(`${key}.`) || key.startsWith(`${faulty}.`))
  );
}

/** Files that another account can write are believed by nobody (`refuseUnsafe`). */
async function checkOwners(check: Check, file: string): Promise<void> {
  const ours = await say(check, "configuration", () => {
    refuseUnsafe(file, "the configuration");
    return `${file} can be written by nobody else`;
  });
  const unsafe = ours ? findUnsafeFiles(check.config, check.env) : [];
  for (const { key, error } of unsafe) await say(check, key, () => Promise.reject(error));
}

async function checkRoots(check: Check): Promise<void> {
  const { roots } = check.config;
  for (const repository of ["content", "settings"] as const) {
    const root = roots[repository];
    if (root !== undefined) await say(check, `roots.${repository}`, () => describeRoot(root));
  }
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
    const found = await fs.stat(program).catch((cause) => {
      throw new Error(`${program} cannot be found`, { cause });
    });
    if (!found.isFile()) throw new Error(`${program} is not a file`);
    await fs.access(program, constants.X_OK).catch((cause) => {
      throw new Error(`${program} is not executable`, { cause });
    });
    return program;
  });
}

/** Folders that are written to. Missing ones are made by the first run. */
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
  const there = nearestExisting(place);
  if (there !== place && !(await fs.stat(there)).isDirectory()) throw new Error(`${there} is not a folder`);
  await fs.access(there, constants.W_OK).catch((cause) => {
    throw new Error(`${there} cannot be written by this account`, { cause });
  });
  if (found !== undefined) return `${place} can be written`;
  const folder = path.dirname(place);
  return `${place} is yet to be made${there === folder ? "" : `, and so is ${folder}`}: the first run does so`;
}

/** The place itself, or the folder above it that there is. */
export function nearestExisting(place: string): string {
  return existsSync(place) ? place : nearestExisting(path.dirname(place));
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
            hint: `another program has it, perhaps another agent of this machine: set ${key}.port in ${check.config.file} to a port of its own`,
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
