import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { parseAddress } from "../core/address.ts";
import { parseJson } from "../core/document.ts";
import { type Kind, sortKinds } from "../core/kind.ts";
import { parseComponentName } from "../core/manifest.ts";
import { type RateLimit, readRateLimit } from "../core/rateLimit.ts";
import { parseSourceUrl } from "../core/sourceList.ts";
import { parseUrl } from "../core/url.ts";
import { NearsourceError } from "../errors.ts";
import { refuseUnsafeFiles } from "./believedFiles.ts";
import { loadConf } from "./conf.ts";
import { AGENT_PORT, checkedPath, checkedText, dataDirOf, MONITOR_PORT } from "./configPath.ts";
import { readIfThere, rename, temporaryName, writeDurably } from "./files.ts";
import { completeRelay, type RelayConfig, type WrittenRelay } from "./relayConfig.ts";
import { refuseUnsafe } from "./safePath.ts";

/** An agent's configuration, complete: defaults filled in, paths absolute. `docs/configuration.md` has each key. */
export interface Config {
  /** The file it came from. */
  file: string;
  /** The file's text, and this program's version; see `noteChecked`. */
  checked: string;
  dataDir: string;
  server?: string | undefined;
  activeUpdate?: string | undefined;
  roots: { content?: string | undefined; settings?: string | undefined };
  domain: string;
  kinds?: Kind[] | undefined;
  /** Component names; undefined means all. */
  components?: string[] | undefined;
  /** Addresses that stand in place of the machine's own. */
  addresses?: string[] | undefined;
  dns: {
    servers?: string[] | undefined;
    search?: string[] | undefined;
    timeout: number;
    /** Name of the TXT record that says what is newest, such as `_nearsource.corp.example`. */
    versionRecord?: string | undefined;
  };
  http: {
    connectTimeout: number;
    responseTimeout: number;
    stallTimeout: number;
    minRate: number;
    /** `system`, `none`, or the URL of a proxy. */
    proxy: string;
    /** Undefined: as the policy says. */
    rateLimit?: RateLimit | undefined;
    /** PEM file of a private certificate authority, believed beside the system's. */
    ca?: string | undefined;
  };
  /** How this agent serves others, once it is an Update Agent. */
  relay: RelayConfig;
  delta: {
    /** Bytes; a file that is longer is no base for a delta. */
    maxBase: number;
  };
  /** Local files that stand in place of the server's documents. */
  sourceList?: string | undefined;
  policy?: string | undefined;
  keepGenerations: number;
  /** Where a resident agent hears notifications; without a host, at every address of the machine. */
  listen: { host?: string | undefined; port: number | null };
  /** Where a resident agent tells monitors how it is. */
  metrics: { host: string; port: number | null };
  notify: {
    /** Whether to ask the server for notifications, where it cannot reach this agent. */
    poll: boolean;
    mqtt?: MqttConfig | undefined;
  };
  hooks: { afterUpdate?: string[] | undefined };
  log: { level: "error" | "warn" | "info" | "debug"; file?: string | undefined };
}

/** A broker that brings notifications, and how it is reached. */
export interface MqttConfig {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  url: string;
  topic: string;
  username?: string | undefined;
  /** File of the password, whose end of line does not count. */
  passwordFile?: string | undefined;
  /** PEM file of the authority that issued the broker's certificate. */
  ca?: string | undefined;
}

/** Keys that hold keys of their own. */
type Section =
  | "dns"
  | "http"
  | "relay"
  | "delta"
  | "listen"
  | "metrics"
  | "notify"
  | "hooks"
  | "log"
  | "roots";

/** What an administrator may write; `readConfig` makes a `Config` of it. */
type Written = Partial<Omit<Config, "file" | "checked" | Section>> & {
  roots?: Config["roots"];
  dns?: Partial<Config["dns"]>;
  http?: Partial<Omit<Config["http"], "rateLimit">> & { rateLimit?: unknown };
  relay?: WrittenRelay;
  delta?: Partial<Config["delta"]>;
  listen?: Partial<Config["listen"]>;
  metrics?: Partial<Config["metrics"]>;
  notify?: Partial<Config["notify"]>;
  hooks?: { afterUpdate?: string | string[] };
  log?: Partial<Config["log"]>;
};

/**
 * Reads and checks a configuration. Every key is known and well-typed, or the error names it. Neither it
 * nor a file that it names may be another account's to write.
 *
 * @param options.onlyShown for commands that show what there is and act on nothing: any account may use
 *   them, and the files need not be safe for it
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID, FILE_UNSAFE
 */
export async function readConfig(
  file: string,
  env: NodeJS.ProcessEnv,
  options: { onlyShown?: boolean } = {},
): Promise<Config> {
  const config = await readWritten(file, env, options.onlyShown === true);
  if (options.onlyShown !== true) refuseUnsafeFiles(config, env);
  return config;
}

async function readWritten(file: string, env: NodeJS.ProcessEnv, onlyShown: boolean): Promise<Config> {
  if (!existsSync(file)) {
    throw new NearsourceError("CONFIG_NOT_FOUND", `there is no configuration at ${file}`, {
      hint: "name one with --config FILE or NEARSOURCE_CONFIG; docs/configuration.md has an example",
    });
  }
  if (!onlyShown) refuseUnsafe(file, "the configuration");
  const { text, value } = await readSyntax(file);
  const checked = checkedText(text);
  const noted = await notedAt(dataDirOf(value, file, env));
  const written = noted === checked ? value : await readChecked(file);
  try {
    return complete(written, file, checked, env);
  } catch (error) {
    throw invalid(file, (error as Error).message);
  }
}

/** What `noteChecked` noted, if anything: no more is known yet of the data directory than that it is a text. */
async function notedAt(dataDir: string): Promise<string | undefined> {
  return (await readIfThere(checkedPath(dataDir)).catch(() => undefined))?.toString();
}

/**
 * Notes in the data directory that this very configuration has passed its schema, so that the next
 * start need not load the validator for it: that would be half of what a run with nothing new costs.
 */
export async function noteChecked({ dataDir, checked }: Config): Promise<void> {
  const file = checkedPath(dataDir);
  if ((await readIfThere(file))?.toString() === checked) return;
  const fresh = temporaryName(path.join(dataDir, "tmp"), "checked");
  try {
    await writeDurably(fresh, checked, 0o600);
    await rename(fresh, file);
  } catch {
    // Where it cannot be noted, the next start checks again.
  }
}

async function readChecked(file: string): Promise<Written> {
  const Conf = await loadConf();
  const { inOurWords, SCHEMA } = await import("./configSchema.ts");
  const extension = path.extname(file);
  try {
    // Without defaults and migrations conf only reads: an administrator's file is never written.
    const conf = new Conf<Written>({
      projectName: "nearsource",
      cwd: path.dirname(file),
      configName: path.basename(file, extension),
      fileExtension: extension.slice(1),
      schema: SCHEMA as never,
      rootSchema: { additionalProperties: false },
      // Our own schema needs no checking against JSON Schema's at every start: 0.1 s of CPU.
      ajvOptions: { validateSchema: false, meta: false },
    });
    return conf.store;
  } catch (error) {
    throw invalid(file, inOurWords((error as Error).message));
  }
}

/** conf does not say where the JSON breaks off, and takes a list, null or a number for an empty configuration. */
async function readSyntax(file: string): Promise<{ text: string; value: Written }> {
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    throw invalid(file, "it cannot be read", error);
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw invalid(file, `it ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(file, "it must be an object");
  }
  return { text, value };
}

function invalid(file: string, reason: string, cause?: unknown): NearsourceError {
  return new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid: ${reason}`, {
    hint: "docs/configuration.md has every key",
    cause,
  });
}

function complete(written: Written, file: string, checked: string, env: NodeJS.ProcessEnv): Config {
  const from = <Name extends string | undefined>(name: Name) =>
    (name === undefined ? undefined : path.resolve(path.dirname(file), name)) as Name;
  const {
    dns = {},
    http = {},
    relay = {},
    delta = {},
    listen = {},
    metrics = {},
    notify = {},
    hooks = {},
    log = {},
    roots = {},
  } = written;
  const command = hooks.afterUpdate;
  const { read, faults } = readingOn();
  const config: Config = {
    file,
    checked,
    dataDir: dataDirOf(written, file, env),
    server: read(() => atKey("server", written.server, parseSourceUrl)),
    activeUpdate: read(() => atKey("activeUpdate", written.activeUpdate, parseSourceUrl)),
    roots: { content: from(roots.content), settings: from(roots.settings) },
    domain: written.domain ?? "default",
    kinds: written.kinds === undefined ? undefined : sortKinds(written.kinds),
    components: written.components?.map((name) => read(() => atKey("components", name, checkComponentName))),
    addresses: written.addresses?.map((each) => read(() => atKey("addresses", each, checkAddress))),
    dns: {
      servers: dns.servers,
      search: dns.search,
      timeout: dns.timeout ?? 2_000,
      versionRecord: dns.versionRecord,
    },
    http: {
      connectTimeout: http.connectTimeout ?? 5_000,
      responseTimeout: http.responseTimeout ?? 9_000,
      stallTimeout: http.stallTimeout ?? 10_000,
      minRate: http.minRate ?? 1_024,
      proxy: read(() => atKey("http.proxy", http.proxy ?? "system", parseProxy)),
      rateLimit: read(() => readRateLimit("http.rateLimit", http.rateLimit)),
      ca: from(http.ca),
    },
    relay: read(() => completeRelay(relay, from)),
    delta: { maxBase: delta.maxBase ?? 1_000_000_000 },
    sourceList: from(written.sourceList),
    policy: from(written.policy),
    keepGenerations: written.keepGenerations ?? 3,
    listen: { host: listen.host, port: listen.port === undefined ? AGENT_PORT : listen.port },
    metrics: {
      host: metrics.host ?? "127.0.0.1",
      port: metrics.port === undefined ? MONITOR_PORT : metrics.port,
    },
    notify: { poll: notify.poll ?? false, mqtt: read(() => completeMqtt(notify.mqtt, from)) },
    hooks: { afterUpdate: completeHook(typeof command === "string" ? [command] : command, from) },
    log: { level: log.level ?? "info", file: from(log.file) },
  };
  if (faults.length > 0) throw new Error(faults.join("; "));
  return config;
}

/** Reads part after part, and goes on after one that does not read, so that everything wrong is said at once. */
function readingOn() {
  const faults: string[] = [];
  const read = <Part>(part: () => Part): Part => {
    try {
      return part();
    } catch (error) {
      faults.push((error as Error).message);
      // Nobody sees it: with a fault there is no configuration.
      return undefined as Part;
    }
  };
  return { read, faults };
}

/** A program with a folder in its name is relative to the file, as all paths; one without is looked for in PATH. */
function completeHook(command: string[] | undefined, from: (name: string) => string): string[] | undefined {
  const [program = "", ...parameters] = command ?? [];
  const isPath = program.includes("/") || program.includes(path.sep);
  return command === undefined ? undefined : [isPath ? from(program) : program, ...parameters];
}

function completeMqtt(
  written: MqttConfig | undefined,
  from: (name: string | undefined) => string | undefined,
): MqttConfig | undefined {
  if (written === undefined) return undefined;
  if (written.url.includes("@")) {
    throw new Error('"notify.mqtt.url": credentials belong into "username" and "passwordFile"');
  }
  atKey("notify.mqtt.url", written.url, (url) => parseUrl(url, ["mqtt", "mqtts"]).href);
  return { ...written, passwordFile: from(written.passwordFile), ca: from(written.ca) };
}

/** `parse(value)`; what it throws comes out naming the key. */
function atKey<Value extends string | undefined>(
  key: string,
  value: Value,
  parse: (value: string) => string,
): Value {
  if (value === undefined) return value;
  try {
    return parse(value) as Value;
  } catch (error) {
    throw new Error(`"${key}": ${(error as Error).message}`);
  }
}

function checkAddress(value: string): string {
  parseAddress(value);
  return value;
}

function checkComponentName(value: string): string {
  try {
    return parseComponentName(value);
  } catch (error) {
    throw new Error(`"${value}" ${(error as Error).message}`);
  }
}

function parseProxy(value: string): string {
  return value === "system" || value === "none" ? value : parseSourceUrl(value);
}
