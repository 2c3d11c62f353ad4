import path from "node:path";
import { sortKinds } from "../core/content/kind.ts";
import { parseComponentName } from "../core/content/manifest.ts";
import { parseAddress } from "../core/order/address.ts";
import { parseSourceUrl } from "../core/order/sourceList.ts";
import { parseUrl } from "../core/order/url.ts";
import { readRateLimit } from "../core/settings/rateLimit.ts";
import type { Config, MqttConfig, Written } from "./config.ts";
import { AGENT_PORT, dataDirOf, MONITOR_PORT } from "./configPath.ts";
import { completeRelay } from "./relayConfig.ts";

/**
 * What an administrator wrote, as its schema has it, with defaults filled in and paths made absolute.
 *
 * @returns also what does not read, in words that begin with its key; where there is something, it is
 *   undefined in the configuration, or a part of a list that is
 */
export function completeConfig(
  written: Written,
  file: string,
  checked: string,
  env: NodeJS.ProcessEnv,
): { config: Config; faults: string[] } {
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
  return { config, faults };
}

/** Reads part after part, and goes on after one that does not read, so that everything wrong is said at once. */
function readingOn() {
  const faults: string[] = [];
  const read = <Part>(part: () => Part): Part => {
    try {
      return part();
    } catch (error) {
      faults.push((error as Error).message);
      // Nobody goes by it: with a fault there is no configuration.
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
