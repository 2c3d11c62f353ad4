import { type Fault, placeOf } from "../core/document.ts";
import { completeConfig, describeSyntax, NO_OBJECT, readConfigText, withGivenDomain } from "./config.ts";
import type { ConfigFault } from "./configFaults.ts";
import type { Config } from "./configSchema.ts";
import { readJsonText } from "./jsonText.ts";
import { isObject } from "./section.ts";
import { repeatedFieldMessage } from "./settingsFile.ts";

/** A fault or an oddity at one place of a configuration. */
export interface ConfigFinding {
  /** The key, such as `http.minRate`; `configuration` for the file as a whole. */
  key: string;
  message: string;
}

/** A configuration as it was written. */
export interface ConfigReview {
  /** The configuration without the faulty keys; undefined if nothing of it can be determined. */
  config: Config | undefined;
  faults: ConfigFinding[];
  /** Fields that have no effect, since they stand again further down. */
  repeated: ConfigFinding[];
}

/** More passes than a configuration needs: the first of them takes away all values of the wrong shape. */
const MOST_PASSES = 20;

/**
 * Reads a configuration for its author: every fault is named with its line and column, and the rest without
 * them is a configuration, so that it can be looked at, too.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID where the file cannot be read
 */
export async function reviewConfig(file: string, env: NodeJS.ProcessEnv): Promise<ConfigReview> {
  const text = await readConfigText(file);
  const { value, faults, repeated, positionOf } = readJsonText(text);
  const found = faults.map((each) => ({ key: WHOLE, message: describeSyntax(each) }));
  if (!isObject(value)) {
    const rest = value === undefined ? [] : [{ key: WHOLE, message: NO_OBJECT }];
    return { config: undefined, faults: [...found, ...rest], repeated: [] };
  }
  const at = (path: Fault["path"]) => {
    const { line, column } = positionOf(path);
    return `line ${line}, column ${column}`;
  };
  const { config, refused } = withoutFaults(value, file, text, env);
  return {
    config: config && (await withGivenDomain(config)),
    faults: [
      ...found,
      ...refused.map((each) => ({
        key: placeOf(each.path),
        message: `${at(each.path)}: ${each.reason}`,
      })),
    ],
    repeated: repeated.map(({ line, column, path }) => {
      const place = path.join(".");
      return { key: place, message: `line ${line}, column ${column}: ${repeatedFieldMessage(place)}` };
    }),
  };
}

const WHOLE = "configuration";

/** The configuration without its refused parts, and these parts. */
function withoutFaults(
  value: Record<string, unknown>,
  file: string,
  text: string,
  env: NodeJS.ProcessEnv,
): { config: Config | undefined; refused: ConfigFault[] } {
  const refused: ConfigFault[] = [];
  let rest = value;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const { config, faults } = completeConfig(rest, file, text, env);
    if (config !== undefined) return { config, refused };
    // Parts that are missing or empty once a part was taken away were reported with that part.
    refused.push(...faults.filter(({ path }) => !refused.some((each) => isWithin(each.path, path))));
    rest = faults.reduce((left, { path }) => without(left, path), rest);
  }
  return { config: undefined, refused };
}

function isWithin(inner: Fault["path"], outer: Fault["path"]): boolean {
  return outer.every((key, index) => inner[index] === key);
}

/** `value` without the part at `path`; of a list, without the whole. */
function without(value: Record<string, unknown>, [first, ...rest]: Fault["path"]): Record<string, unknown> {
  const { [String(first)]: inner, ...left } = value;
  if (inner === undefined || typeof rest[0] !== "string" || !isObject(inner)) return left;
  return { ...left, [String(first)]: without(inner, rest) };
}
