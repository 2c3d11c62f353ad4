import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { parseJson } from "../core/document.ts";
import { NearsourceError } from "../errors.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { readDomain } from "../store/state/givenDomain.ts";
import { refuseUnsafeFiles } from "./believedFiles.ts";
import { type ConfigFault, readBySchema } from "./configFaults.ts";
import { dataDirOf } from "./configPath.ts";
import { type Config, configSchema } from "./configSchema.ts";
import type { SyntaxFault } from "./jsonText.ts";
import { isObject } from "./section.ts";

/**
 * Reads and checks a configuration. Every key is known and well-typed, or the error names it. Neither it nor
 * a file that it names may be another account's to write.
 *
 * @param options.onlyShown for commands that only show: any account may use them, and the files need not be
 *   safe for it
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
  const text = await readConfigText(file, () => {
    if (!onlyShown) refuseUnsafe(file, "the configuration");
  });
  const { config, faults } = completeConfig(await parseText(file, text), file, text, env);
  const lines = faults.map(({ line }) => line);
  if (config === undefined) throw invalid(file, lines);
  return await withGivenDomain(config);
}

/** The configuration, with the domain that the server has this agent in where the file names none. */
export async function withGivenDomain(config: Config): Promise<Config> {
  if (config.ownDomain === true) return config;
  return { ...config, domain: (await readDomain(config.dataDir)) ?? config.domain };
}

/**
 * The text of a configuration.
 *
 * @param look is called once it is there, before it is read
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID where the system does not hand it over
 */
export async function readConfigText(file: string, look: () => void = () => {}): Promise<string> {
  if (!existsSync(file)) {
    throw new NearsourceError("CONFIG_NOT_FOUND", `there is no configuration at ${file}`, {
      hint: "name one with --config FILE or NEARSOURCE_CONFIG; docs/configuration.md has an example",
    });
  }
  look();
  return await fs.readFile(file, "utf8").catch((cause) => {
    throw new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid: it cannot be read`, {
      hint: "let it be a file that the account which runs nearsource may read",
      cause,
    });
  });
}

/**
 * A configuration as it was written, with defaults filled in and paths made absolute.
 *
 * @returns undefined instead where it has faults
 */
export function completeConfig(
  written: Record<string, unknown>,
  file: string,
  text: string,
  env: NodeJS.ProcessEnv,
): { config: Config | undefined; faults: ConfigFault[] } {
  const schema = configSchema((name) => path.resolve(path.dirname(file), name));
  const { output, faults } = readBySchema(schema, written);
  if (output === undefined) return { config: undefined, faults };
  const dataDir = dataDirOf(written, file, env);
  const ownDomain = written.domain !== undefined;
  return { config: { ...output, file, text, dataDir, ownDomain }, faults };
}

async function parseText(file: string, text: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    const { readJsonText } = await import("./jsonText.ts");
    throw invalid(file, readJsonText(text).faults.map(describeSyntax));
  }
  if (!isObject(value)) throw invalid(file, [NO_OBJECT]);
  return value;
}

/** The place where a text stops being JSON, for people. */
export function describeSyntax({ line, column, reason }: SyntaxFault): string {
  return `line ${line}, column ${column}: it ${reason}`;
}

export const NO_OBJECT = "it must be an object";

function invalid(file: string, faults: string[]): NearsourceError {
  return new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid`, {
    faults,
    hint: "docs/configuration.md has every key",
  });
}
