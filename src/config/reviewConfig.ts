import { existsSync, promises as fs } from "node:fs";
import type { Fault } from "../core/document.ts";
import { completeConfig } from "./completeConfig.ts";
import {
  type Config,
  describeSyntax,
  isObject,
  NO_OBJECT,
  notFound,
  schemaFaults,
  unreadable,
  type Written,
} from "./config.ts";
import { checkedText } from "./configPath.ts";
import { SCHEMA } from "./configSchema.ts";
import { readJsonText } from "./jsonText.ts";
import { standsTwice } from "./settingsFile.ts";

/** What is wrong or odd at one place of a configuration. */
export interface ConfigFault {
  /** The key, such as `http.minRate`; `configuration` for the file as a whole. */
  key: string;
  message: string;
}

/** A configuration as it was written. */
export interface ConfigReview {
  /** What it comes to without the keys that are wrong; undefined where nothing of it can be told. */
  config: Config | undefined;
  faults: ConfigFault[];
  /** Fields that have no effect, since they stand again further down. */
  repeated: ConfigFault[];
}

/** More passes than a configuration needs: the first of them takes away whatever is of the wrong shape. */
const MOST_PASSES = 20;

/**
 * Reads a configuration for whoever is writing it: every fault is named with its line and column, and
 * what is left without them is a configuration, so that the rest of it can be looked at.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID where the file cannot be read
 */
export async function reviewConfig(file: string, env: NodeJS.ProcessEnv): Promise<ConfigReview> {
  if (!existsSync(file)) throw notFound(file);
  const text = await fs.readFile(file, "utf8").catch((error) => {
    throw unreadable(file, error);
  });
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
  const { config, refused } = await withoutFaults(value, file, checkedText(text), env);
  return {
    config,
    faults: [
      ...found,
      ...refused.map(({ key, message }) => ({ key, message: `${at(pathOf(key))}: ${message}` })),
    ],
    repeated: repeated.map(({ line, column, path }) => {
      const place = path.join(".");
      return { key: place, message: `line ${line}, column ${column}: ${standsTwice(place)}` };
    }),
  };
}

const WHOLE = "configuration";

/** What a configuration comes to without what is refused in it, and what that is. */
async function withoutFaults(
  value: Record<string, unknown>,
  file: string,
  checked: string,
  env: NodeJS.ProcessEnv,
): Promise<{ config: Config | undefined; refused: ConfigFault[] }> {
  const refused: ConfigFault[] = [];
  let rest: Record<string, unknown> = value;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const ofShape = await schemaFaults(file, rest);
    const read = ofShape.length > 0 ? undefined : completeConfig(rest as Written, file, checked, env);
    if (read?.faults.length === 0) return { config: read.config, refused };
    const found = (read?.faults ?? ofShape).map(readFault);
    // What is missing or empty once a part was taken away has been said of that part.
    refused.push(...found.filter(({ key }) => !refused.some((each) => isWithin(each.key, key))));
    rest = found.reduce((left, { key }) => without(left, pathOf(key)), knownOf(rest, SCHEMA as Sections));
  }
  return { config: undefined, refused };
}

/** A fault in words that begin with its key: `"kinds[0]" must be …`, `"server": …`, or `http.rateLimit: …`. */
function readFault(fault: string): ConfigFault {
  const [, quoted, plain, message] = /^(?:"([^"]*)":?|([\w.[\]]+):) (.*)$/s.exec(fault) ?? [];
  const key = quoted ?? plain;
  return key === undefined || message === undefined ? { key: WHOLE, message: fault } : { key, message };
}

function pathOf(key: string): Fault["path"] {
  const names = key.match(/[^.[\]]+/g) ?? [];
  return names.map((name) => (/^\d+$/.test(name) ? Number(name) : name));
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}

/** `value` without what stands at `path`; of a list, without the whole. */
function without(value: Record<string, unknown>, [first, ...rest]: Fault["path"]): Record<string, unknown> {
  const { [String(first)]: inner, ...left } = value;
  if (inner === undefined || typeof rest[0] !== "string" || !isObject(inner)) return left;
  return { ...left, [String(first)]: without(inner, rest) };
}

type Sections = Record<string, { properties?: Sections }>;

/** `value` without the keys that its schema does not know. */
function knownOf(value: Record<string, unknown>, known: Sections): Record<string, unknown> {
  const entries = Object.entries(value).filter(([key]) => Object.hasOwn(known, key));
  return Object.fromEntries(
    entries.map(([key, inner]) => {
      const { properties } = known[key] ?? {};
      return [key, properties !== undefined && isObject(inner) ? knownOf(inner, properties) : inner];
    }),
  );
}
