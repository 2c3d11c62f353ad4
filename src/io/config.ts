import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { parseAddress } from "../core/address.ts";
import { parseJson } from "../core/document.ts";
import { type Kind, sortKinds } from "../core/kind.ts";
import { parseComponentName } from "../core/manifest.ts";
import { parseSourceUrl } from "../core/sourceList.ts";
import { NearsourceError } from "../errors.ts";
import { inOurWords, SCHEMA } from "./configSchema.ts";

/** An agent's configuration, complete: defaults filled in, paths absolute. `docs/configuration.md` has each key. */
export interface Config {
  /** The file it came from. */
  file: string;
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
  dns: { servers?: string[] | undefined; search?: string[] | undefined; timeout: number };
  http: {
    connectTimeout: number;
    responseTimeout: number;
    stallTimeout: number;
    minRate: number;
    /** `system`, `none`, or the URL of a proxy. */
    proxy: string;
  };
  /** Local files that stand in place of the server's documents. */
  sourceList?: string | undefined;
  policy?: string | undefined;
  keepGenerations: number;
  hooks: { afterUpdate?: string[] | undefined };
  log: { level: "error" | "warn" | "info" | "debug"; file?: string | undefined };
}

/** What an administrator may write; `readConfig` makes a `Config` of it. */
type Written = Partial<Omit<Config, "file" | "dns" | "http" | "hooks" | "log" | "roots">> & {
  roots?: Config["roots"];
  dns?: Partial<Config["dns"]>;
  http?: Partial<Config["http"]>;
  hooks?: { afterUpdate?: string | string[] };
  log?: Partial<Config["log"]>;
};

/** Where the configuration is when nobody says: `--config`, then `NEARSOURCE_CONFIG`, then this place. */
export function configPath(given: string | undefined, env: NodeJS.ProcessEnv): string {
  if (given !== undefined) return path.resolve(given);
  if (env.NEARSOURCE_CONFIG) return path.resolve(env.NEARSOURCE_CONFIG);
  return path.join(placeOf(env, "/etc/nearsource"), "config.json");
}

/**
 * Reads and checks a configuration. Every key is known and well-typed, or the error names it.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID
 */
export async function readConfig(file: string, env: NodeJS.ProcessEnv): Promise<Config> {
  if (!existsSync(file)) {
    throw new NearsourceError("CONFIG_NOT_FOUND", `there is no configuration at ${file}`, {
      hint: "name one with --config FILE or NEARSOURCE_CONFIG; docs/configuration.md has an example",
    });
  }
  const written = await readWritten(file);
  try {
    return complete(written, file, env);
  } catch (error) {
    throw invalid(file, (error as Error).message);
  }
}

async function readWritten(file: string): Promise<Written> {
  await checkSyntax(file);
  const { default: Conf } = await import("conf");
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
async function checkSyntax(file: string): Promise<void> {
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    throw invalid(file, "it cannot be read", error);
  }
  try {
    parseJson(text);
  } catch (error) {
    throw invalid(file, `it ${(error as Error).message}`);
  }
  if (!/^\s*\{/.test(text)) throw invalid(file, "it must be an object");
}

function invalid(file: string, reason: string, cause?: unknown): NearsourceError {
  return new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid: ${reason}`, {
    hint: "docs/configuration.md has every key",
    cause,
  });
}

function complete(written: Written, file: string, env: NodeJS.ProcessEnv): Config {
  const from = (name: string | undefined) =>
    name === undefined ? undefined : path.resolve(path.dirname(file), name);
  const { dns = {}, http = {}, hooks = {}, log = {}, roots = {} } = written;
  const command = hooks.afterUpdate;
  return {
    file,
    dataDir: from(written.dataDir) ?? path.join(placeOf(env, "/var/lib/nearsource"), "data"),
    server: atKey("server", written.server, parseSourceUrl),
    activeUpdate: atKey("activeUpdate", written.activeUpdate, parseSourceUrl),
    roots: { content: from(roots.content), settings: from(roots.settings) },
    domain: written.domain ?? "default",
    kinds: written.kinds === undefined ? undefined : sortKinds(written.kinds),
    components: written.components?.map((name) => atKey("components", name, checkComponentName)),
    addresses: written.addresses?.map((each) => atKey("addresses", each, checkAddress)),
    dns: { servers: dns.servers, search: dns.search, timeout: dns.timeout ?? 2_000 },
    http: {
      connectTimeout: http.connectTimeout ?? 5_000,
      responseTimeout: http.responseTimeout ?? 9_000,
      stallTimeout: http.stallTimeout ?? 10_000,
      minRate: http.minRate ?? 1_024,
      proxy: atKey("http.proxy", http.proxy ?? "system", parseProxy),
    },
    sourceList: from(written.sourceList),
    policy: from(written.policy),
    keepGenerations: written.keepGenerations ?? 3,
    hooks: { afterUpdate: typeof command === "string" ? [command] : command },
    log: { level: log.level ?? "info", file: from(log.file) },
  };
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

/** The platform's place for a service's files. */
function placeOf(env: NodeJS.ProcessEnv, unix: string): string {
  if (process.platform === "win32") return path.join(env.ProgramData ?? "C:\\ProgramData", "nearsource");
  return process.platform === "darwin" ? "/Library/Application Support/nearsource" : unix;
}
