import { promises as fs } from "node:fs";
import path from "node:path";
import { AGENT_PORT } from "../../config/configPath.ts";
import { type EnrolmentToken, type RootPin, readToken } from "../../core/fleet/enrolmentToken.ts";
import { parseAddress, privacyOf } from "../../core/order/address.ts";
import { DOMAIN_NAME } from "../../core/settings/domainName.ts";
import { machineAddresses, machineName } from "../../dns/machine.ts";
import { createResolver, toLookup } from "../../dns/resolver.ts";
import { NearsourceError } from "../../errors.ts";
import { readAuthority } from "../../http/connect/caFile.ts";
import { toStatusError } from "../../http/httpErrors.ts";
import { mayCarrySecret } from "../../http/mayCarrySecret.ts";
import { createExchange, type Exchange, type Reply } from "../../http/smallClient.ts";
import { makePath, replaceDurably, temporaryName } from "../../store/durable.ts";
import { openDataDir } from "../../store/openDataDir.ts";
import { sha256 } from "../../store/sha256.ts";
import { writeDomain } from "../../store/state/givenDomain.ts";
import { writeIdentity } from "../../store/state/identity.ts";
import { guardStorage } from "../../store/storageErrors.ts";
import { ownDnsSuffixes } from "../../update/settings/situation.ts";
import { VERSION } from "../../version.ts";
import { agentFingerprint } from "./fingerprint.ts";
import { freePorts } from "./freePorts.ts";

export interface EnrolOptions {
  /** The server's URL for agents, in one spelling. */
  server: string;
  /** Absent where the server takes every machine: then its roots are those that it names. */
  token?: string | undefined;
  /** The secret may travel over HTTP, by the word of whoever enrols. */
  insecure?: boolean | undefined;
  /** The configuration file to write. */
  configFile: string;
  dataDir: string;
  /** The data directory is not the platform's, so that the machine may have other agents. */
  ownPlace: boolean;
  /** Name by which the server lists the agent; the machine's where there is none. */
  name?: string | undefined;
  /** Port to listen at; by default the usual one, or another where that is taken by another agent of the machine. */
  listen?: number | undefined;
  /** PEM file of a private authority, which the agent goes on to believe beside the system's. */
  ca?: string | undefined;
  signal: AbortSignal;
}

export interface Enrolled {
  id: string;
  config: string;
  dataDir: string;
  /** The port that it listens at, and whether it is the usual one. */
  port: number;
  isUsual: boolean;
}

/** The roots to trust, and what proves that this machine may enrol. */
type Trusted = Pick<EnrolmentToken, "settings" | "content"> & { secret?: string };

/** Longest time (ms) of one request, and most bytes of an answer. */
const TIMEOUT = 30_000;
const LIMIT = 65_536;

/**
 * Makes an agent of this machine: roots that are those of the token, an identity that the server gives, and
 * the configuration last, so that what was cut short is no agent.
 *
 * @throws NearsourceError USAGE for a token that is none or a secret that would travel in the open,
 *   CONFIG_INVALID where there is a configuration already, HASH_MISMATCH for roots that are not the token's
 */
export async function enrol(options: EnrolOptions): Promise<Enrolled> {
  const { server, configFile, dataDir, signal } = options;
  const written = options.token === undefined ? undefined : readToken(options.token);
  if (options.token !== undefined && written === undefined) {
    throw new NearsourceError("USAGE", "the enrolment token is not whole", {
      hint: "copy it anew from where it was made",
    });
  }
  const insecure = written?.insecure ?? options.insecure;
  refuseOpenSecret(server, insecure);
  await refuseSecond(configFile);
  const ca = await readAuthority({ file: "the command line", http: { ca: options.ca } });
  const exchange = createExchange(toLookup(createResolver({})), { ca });
  try {
    const folder = path.dirname(configFile);
    await guardStorage(`cannot write in ${folder}`, () => makePath(folder));
    const token = written ?? (await askRoots(exchange, server, signal));
    const roots = await fetchRoots(exchange, server, token, signal);
    const { id, secret, domain } = await ask(exchange, token, options);
    const dirs = await openDataDir(dataDir);
    if (domain !== undefined) await writeDomain(dirs, domain);
    await writeIdentity(dirs, { id, secret, ...(insecure === true ? { insecure: true } : {}) });
    const port = options.listen ?? (options.ownPlace ? await freePorts() : AGENT_PORT);
    await guardStorage(`cannot write ${configFile}`, () =>
      writeConfig({ ...options, listen: port }, roots, ca),
    );
    return { id, config: configFile, dataDir, port, isUsual: port === AGENT_PORT };
  } finally {
    exchange.close();
  }
}

function refuseOpenSecret(server: string, insecure = false): void {
  if (mayCarrySecret(server, insecure)) return;
  throw new NearsourceError("USAGE", `${server} would carry the agent's secret unencrypted`, {
    hint: 'name the server\'s https URL; only where its server.json says "insecure": true, http will do',
  });
}

/** The roots that a server names which takes every machine. */
async function askRoots(exchange: Exchange, server: string, signal: AbortSignal): Promise<Trusted> {
  const url = `${server}/v1/roots`;
  const { text } = await good(
    exchange.send({ method: "GET", url, timeout: TIMEOUT, limit: LIMIT, signal }),
    url,
  );
  const { settings, content } = JSON.parse(text) as Pick<EnrolmentToken, "settings" | "content">;
  return { settings, content };
}

async function refuseSecond(configFile: string): Promise<void> {
  const found = await fs.lstat(configFile).catch(() => undefined);
  if (found === undefined) return;
  throw new NearsourceError("CONFIG_INVALID", `there is a configuration already: ${configFile}`, {
    hint: "this machine is an agent; to make it one anew, move that file away",
  });
}

async function fetchRoots(exchange: Exchange, server: string, token: Trusted, signal: AbortSignal) {
  const fetchRoot = async (repository: string, { version, sha256: wanted }: RootPin): Promise<string> => {
    const url = `${server}/${repository}/metadata/${version}.root.json`;
    const { text } = await good(
      exchange.send({ method: "GET", url, timeout: TIMEOUT, limit: LIMIT, signal }),
      url,
    );
    if (sha256(Buffer.from(text)) === wanted) return text;
    throw new NearsourceError("HASH_MISMATCH", `${url} is not the root that the token names`, {
      hint: "somebody between this machine and the server gives another, or the token is of another server",
    });
  };
  return {
    settings: await fetchRoot("settings", token.settings),
    content: token.content === undefined ? undefined : await fetchRoot("content", token.content),
  };
}

async function ask(exchange: Exchange, { secret: token }: Trusted, options: EnrolOptions) {
  const { server, signal, dataDir, ownPlace } = options;
  const addresses = machineAddresses().filter(
    (text) => !text.includes("%") && privacyOf(parseAddress(text)) < 2,
  );
  const body = JSON.stringify({
    token,
    name: options.name ?? machineName() ?? "unnamed",
    addresses: addresses.slice(0, 64),
    dnsSuffixes: ownDnsSuffixes({}),
    fingerprint: agentFingerprint(ownPlace ? dataDir : undefined),
    program: VERSION,
  });
  const url = `${server}/v1/enrol`;
  const request = { method: "POST", url, body, timeout: TIMEOUT, limit: LIMIT, signal } as const;
  const { text } = await good(exchange.send(request), url);
  const { id, secret, domain } = JSON.parse(text) as { id: string; secret: string; domain?: string };
  return { id, secret, domain: domain !== undefined && DOMAIN_NAME.test(domain) ? domain : undefined };
}

const PORT = {
  hint: "name the server's port for agents (21111 unless server.json says otherwise), and not that of its console",
};

/** The error where nobody listens, with what to do about it. */
function unreached(error: unknown, url: string): unknown {
  if (!(error instanceof NearsourceError) || error.code !== "CONNECTION_REFUSED") return error;
  const hint = `start the server, and compare the port of ${new URL(url).host} with "agents" of its server.json`;
  return new NearsourceError(error.code, error.message, { cause: error.cause, hint });
}

/** The answer, where it is a good one; else the error with what the server says is wrong. */
async function good(answer: Promise<Reply>, url: string): Promise<Reply> {
  const reply = await answer.catch((error) => {
    throw unreached(error, url);
  });
  // An easy slip is the port of the console, which has its page, or nothing, where agents ask for something.
  const isPage = /^\s*</.test(reply.text);
  if (isPage || reply.status === 404)
    throw new NearsourceError("HTTP_NOT_FOUND", `${url} is not there`, PORT);
  if (reply.status >= 200 && reply.status < 300) return reply;
  const failure = toStatusError(reply.status, new URL(url));
  const said = problemOf(reply.text);
  if (said === undefined) throw failure;
  throw new NearsourceError(failure.code, `${new URL(url).host} refuses: ${said}`);
}

function problemOf(text: string): string | undefined {
  try {
    const { title, detail } = JSON.parse(text);
    const said = detail ?? title;
    return typeof said === "string" ? said : undefined;
  } catch {
    return undefined;
  }
}

async function writeConfig(
  { server, configFile, dataDir, listen }: EnrolOptions & { listen: number },
  { settings, content }: { settings: string; content: string | undefined },
  ca: string | undefined,
): Promise<void> {
  const folder = path.dirname(configFile);
  const files = { settings: "settings-root.json", content: "content-root.json" };
  await place(folder, files.settings, settings);
  if (content !== undefined) await place(folder, files.content, content);
  const roots = { settings: files.settings, ...(content === undefined ? {} : { content: files.content }) };
  const own = path.join(folder, "server-ca.pem");
  if (ca !== undefined) await place(folder, path.basename(own), ca);
  const http = ca === undefined ? {} : { http: { ca: own } };
  const ports = listen === AGENT_PORT ? {} : { listen: { port: listen }, metrics: { port: listen + 1 } };
  const config = { server, dataDir, roots, ...ports, ...http, notify: { poll: true } };
  await place(folder, path.basename(configFile), `${JSON.stringify(config, null, 2)}\n`);
}

/** Writes a file whole, in the place of one that an enrolment before has left. */
async function place(folder: string, name: string, text: string): Promise<void> {
  await replaceDurably(path.join(folder, name), text, { staged: temporaryName(folder, `.${name}`) });
}
