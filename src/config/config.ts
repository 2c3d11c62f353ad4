import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import type { Kind } from "../core/content/kind.ts";
import { parseJson } from "../core/document.ts";
import type { RateLimit } from "../core/settings/rateLimit.ts";
import { NearsourceError } from "../errors.ts";
import { loadConf } from "../store/conf.ts";
import { readIfThere, rename, temporaryName, writeDurably } from "../store/files.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { refuseUnsafeFiles } from "./believedFiles.ts";
import { completeConfig } from "./completeConfig.ts";
import { checkedPath, checkedText, dataDirOf } from "./configPath.ts";
import type { SyntaxFault } from "./jsonText.ts";
import type { RelayConfig, WrittenRelay } from "./relayConfig.ts";

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

/** What an administrator may write; `completeConfig` makes a `Config` of it. */
export type Written = Partial<Omit<Config, "file" | "checked" | Section>> & {
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
  if (!existsSync(file)) throw notFound(file);
  if (!onlyShown) refuseUnsafe(file, "the configuration");
  const { text, value } = await readSyntax(file);
  const checked = checkedText(text);
  const noted = await notedAt(dataDirOf(value, file, env));
  const wrong = noted === checked ? [] : await schemaFaults(file, value);
  if (wrong.length > 0) throw invalid(file, wrong);
  const { config, faults } = completeConfig(value, file, checked, env);
  if (faults.length > 0) throw invalid(file, faults);
  return config;
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

/** What the schema of configurations refuses in `value`, which was read from `file`: words that begin with the key. */
export async function schemaFaults(file: string, value: unknown): Promise<string[]> {
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
      deserialize: () => value as Written,
      schema: SCHEMA as never,
      rootSchema: { additionalProperties: false },
      // Our own schema needs no checking against JSON Schema's at every start: 0.1 s of CPU.
      ajvOptions: { validateSchema: false, meta: false },
    });
    void conf.store;
    return [];
  } catch (error) {
    return inOurWords((error as Error).message);
  }
}

/** conf does not say where the JSON breaks off, and takes a list, null or a number for an empty configuration. */
async function readSyntax(file: string): Promise<{ text: string; value: Written }> {
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    const { readJsonText } = await import("./jsonText.ts");
    throw invalid(file, readJsonText(text).faults.map(describeSyntax));
  }
  if (!isObject(value)) throw invalid(file, [NO_OBJECT]);
  return { text, value };
}

/** Where a text stops being JSON, in words for people. */
export function describeSyntax({ line, column, reason }: SyntaxFault): string {
  return `line ${line}, column ${column}: it ${reason}`;
}

export const NO_OBJECT = "it must be an object";

/** The error where there is no configuration. */
export function notFound(file: string): NearsourceError {
  return new NearsourceError("CONFIG_NOT_FOUND", `there is no configuration at ${file}`, {
    hint: "name one with --config FILE or NEARSOURCE_CONFIG; docs/configuration.md has an example",
  });
}

/** The error for a configuration that the system does not hand over. */
export function unreadable(file: string, cause: unknown): NearsourceError {
  return new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid: it cannot be read`, {
    hint: "let it be a file that the account which runs nearsource may read",
    cause,
  });
}

/** Whether JSON text was an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(file: string, faults: string[]): NearsourceError {
  return new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid`, {
    faults,
    hint: "docs/configuration.md has every key",
  });
}
