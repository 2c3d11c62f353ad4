import path from "node:path";
import * as v from "valibot";
import { KINDS, sortKinds } from "../core/content/kind.ts";
import { parseComponentName } from "../core/content/manifest.ts";
import { findFaults, parsedBy } from "../core/document.ts";
import { parseAddress } from "../core/order/address.ts";
import { parseSourceUrl } from "../core/order/sourceList.ts";
import { parseUrl } from "../core/order/url.ts";
import { DOMAIN_NAME } from "../core/settings/domainName.ts";
import { type RateLimit, rateLimitSchema, SOME_RATE_LIMIT } from "../core/settings/rateLimit.ts";
import { AGENT_PORT, MONITOR_PORT } from "./configPath.ts";
import { LEVELS, type Level } from "./log.ts";
import { isObject, section } from "./section.ts";

// Messages continue after the key: `"dns.timeout" must be 1 or more`. A leading "!" marks the reason of a
// parser, `"server": …`, and a leading ":" one that settings documents give too, `http.rateLimit: …`.

/** No file name, and no word of a command, can hold a NUL. */
const text = v.pipe(
  v.string("must be text"),
  v.minLength(1, "must not be empty"),
  v.excludes("\0", "must not hold a NUL"),
);
const texts = v.array(text, "must be a list");
const someTexts = v.pipe(texts, v.minLength(1, "must not be empty"));
/** The base URL of a source. */
export const sourceUrl = v.pipe(text, parsedBy(parseSourceUrl));
const milliseconds = wholeNumber(1, 3_600_000);
/** `null` is for not listening at all; 0, for any free port. */
const port = v.nullable(wholeNumber(0, 65_535, "must be a whole number from 0 to 65535, or null"));

/**
 * The keys of a configuration (`docs/configuration.md`), each with its rule, its default, and its resulting
 * value. Sizes in bytes, times in ms.
 *
 * @param from makes a path absolute that is relative to the configuration's file
 */
export function configSchema(from: (name: string) => string) {
  const file = v.pipe(text, v.transform(from));
  return section({
    dataDir: v.optional(file),
    server: v.optional(sourceUrl),
    activeUpdate: v.optional(sourceUrl),
    roots: v.optional(section({ content: v.optional(file), settings: v.optional(file) }), {}),
    domain: v.optional(domain, "default"),
    kinds: v.optional(kinds),
    /** Component names; undefined means all. */
    components: v.optional(v.pipe(someTexts, eachParsedBy(checkComponentName))),
    /** Addresses that stand in place of the machine's own. */
    addresses: v.optional(v.pipe(someTexts, eachParsedBy(parseAddress))),
    dns: v.optional(dns, {}),
    http: v.optional(httpSection(file), {}),
    /** The service to other agents, once this one is an Update Agent. */
    relay: v.optional(relaySection(file), {}),
    /** `maxBase`: a file that is longer is no base for a delta. */
    delta: v.optional(section({ maxBase: v.optional(wholeNumber(0), 1_000_000_000) }), {}),
    /** Local files that stand in place of the server's documents. */
    sourceList: v.optional(file),
    policy: v.optional(file),
    keepGenerations: v.optional(wholeNumber(1, 100), 3),
    /**
     * The address on which a resident agent receives notifications; without a host, every address of the
     * machine.
     */
    listen: v.optional(section({ host: v.optional(text), port: v.optional(port, AGENT_PORT) }), {}),
    /** The address on which a resident agent reports its health to monitors. */
    metrics: v.optional(
      section({ host: v.optional(text, "127.0.0.1"), port: v.optional(port, MONITOR_PORT) }),
      {},
    ),
    notify: v.optional(notifySection(file), {}),
    hooks: v.optional(section({ afterUpdate: v.optional(commandFrom(from)) }), {}),
    log: v.optional(section({ level: v.optional(level, "info"), file: v.optional(file) }), {}),
  });
}

const domain = v.pipe(
  v.string("must be text"),
  v.regex(DOMAIN_NAME, "must be 1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"),
);

const kinds = v.pipe(
  v.array(v.picklist(KINDS, `must be one of ${KINDS.join(", ")}`), "must be a list"),
  v.minLength(1, "must not be empty"),
  v.transform((given) => sortKinds(given)),
);

const level = v.picklist(Object.keys(LEVELS) as Level[], `must be one of ${Object.keys(LEVELS).join(", ")}`);

/** Keys of the resolver. */
export const dns = section({
  servers: v.optional(texts),
  search: v.optional(texts),
  timeout: v.optional(milliseconds, 2_000),
  /** Name of the TXT record with the newest versions, such as `_nearsource.corp.example`. */
  versionRecord: v.optional(text),
});

/** A path, made absolute. */
type File = v.GenericSchema<string>;

/** Keys of requests: limits, proxy, authority. */
export function httpSection(file: File) {
  return section({
    connectTimeout: v.optional(milliseconds, 5_000),
    responseTimeout: v.optional(milliseconds, 9_000),
    stallTimeout: v.optional(milliseconds, 10_000),
    minRate: v.optional(wholeNumber(0), 1_024),
    /** `system`, `none`, or the URL of a proxy. */
    proxy: v.optional(v.pipe(text, parsedBy(parseProxy)), "system"),
    /** Undefined: as the policy says. */
    rateLimit: v.optional(rateLimitAt("http.rateLimit")),
    /** PEM file of a private certificate authority, believed beside the system's. */
    ca: v.optional(file),
  });
}

function relaySection(file: File) {
  return section({
    /** Objects that are sent at the same time. */
    maxTransfers: v.optional(wholeNumber(1, 100_000), 250),
    /** The same, to one client: an IPv4 address or an IPv6 /64. */
    maxPerClient: v.optional(wholeNumber(1, 100_000), 10),
    /** Free space below which nothing is served and nothing filled. */
    minFree: v.optional(wholeNumber(0), 300_000_000),
    /** Bytes a second; a reader that is slower is cut off. */
    minRate: v.optional(wholeNumber(0), 4_096),
    /** Age of a confirmation after which a timestamp is confirmed again before it is served. */
    maxStale: v.optional(wholeNumber(0, 3_600_000), 60_000),
    /**
     * Time that a publication may take to be fetched beyond the time its bytes need, before older ones are
     * not answered for.
     */
    maxLag: v.optional(wholeNumber(0, 604_800_000), 3_600_000),
    /** Rate limit for all objects together. */
    rateLimit: v.optional(rateLimitAt("relay.rateLimit")),
    /** PEM files. */
    tls: v.optional(section({ cert: file, key: file })),
    /** URLs under which others reach this Update Agent, where its names and addresses at `listen.port` do not say it. */
    publicUrls: v.optional(
      v.pipe(v.array(sourceUrl, "must be a list"), v.maxLength(8, "must be 8 at most")),
      [],
    ),
  });
}

function notifySection(file: File) {
  return section({
    /** Whether to ask the server for notifications, where it cannot reach this agent. */
    poll: v.optional(v.boolean("must be boolean"), false),
    /** A broker that brings notifications, and how it is reached. */
    mqtt: v.optional(mqttSection(file)),
  });
}

/** Keys of a broker. */
export function mqttSection(file: File) {
  return section({
    /** `mqtt://host:port` or `mqtts://host:port`. */
    url: v.pipe(text, parsedBy(checkBroker)),
    topic: text,
    username: v.optional(text),
    /** File of the password, whose end of line does not count. */
    passwordFile: v.optional(file),
    /** PEM file of the authority that issued the broker's certificate. */
    ca: v.optional(file),
  });
}

const COMMAND = 'must be a command, such as "./reload", or a list of command and arguments';

/** A program with a folder in its name is relative to the file, as all paths; one without is looked for in PATH. */
function commandFrom(from: (name: string) => string) {
  const list = v.pipe(texts, v.minLength(1, COMMAND));
  const program = v.pipe(
    v.custom<string>((given) => v.is(text, given), COMMAND),
    v.transform((name) => [name]),
  );
  return v.pipe(
    v.lazy((given) => (Array.isArray(given) ? list : program)),
    v.transform(([name = "", ...parameters]) => {
      const isPath = name.includes("/") || name.includes(path.sep);
      return [isPath ? from(name) : name, ...parameters];
    }),
  );
}

/** A limit as policies have it too, whose parser reads the hours. */
function rateLimitAt(key: string) {
  const must = `must be ${SOME_RATE_LIMIT}`;
  const plain = v.custom<number>((given) => Number.isInteger(given) && (given as number) >= 1_024, must);
  const withHours = v.pipe(
    section({ bytesPerSecond: v.optional(wholeNumber(1_024)), hours: v.optional(texts) }),
    v.rawCheck(({ dataset, addIssue }) => {
      const isOfShape = dataset.typed && dataset.issues === undefined;
      if (isOfShape && dataset.value.bytesPerSecond === undefined) addIssue({ message: must });
    }),
  );
  const written = v.lazy((given) => (isObject(given) ? withHours : plain));
  const document = v.object({ [key]: rateLimitSchema });
  return v.pipe(
    written,
    v.rawTransform<v.InferOutput<typeof written>, RateLimit>(({ dataset, addIssue, NEVER }) => {
      const [fault] = findFaults(document, { [key]: dataset.value });
      if (fault === undefined) return v.parse(rateLimitSchema, dataset.value);
      const below = fault.path.slice(1).map((each) => ({ key: each }) as v.IssuePathItem);
      addIssue({
        message: `:${fault.error.message.slice(fault.error.place.length + 2)}`,
        ...(below.length === 0 ? {} : { path: below as [v.IssuePathItem] }),
      });
      return NEVER;
    }),
  );
}

export function wholeNumber(min: number, max = Number.POSITIVE_INFINITY, must = "must be a whole number") {
  return v.pipe(
    v.custom<number>(Number.isFinite, must),
    v.integer(must),
    v.minValue(min, `must be ${min} or more`),
    v.maxValue(max, `must be ${max} or less`),
  );
}

/** A list of texts that `parse` must accept; they stay as they are written. */
export function eachParsedBy(parse: (text: string) => unknown) {
  return v.rawTransform<string[], string[]>(({ dataset, addIssue }) => {
    for (const each of dataset.value) {
      try {
        parse(each);
      } catch (error) {
        addIssue({ message: `!${(error as Error).message}` });
      }
    }
    return dataset.value;
  });
}

export function checkComponentName(value: string): void {
  try {
    parseComponentName(value);
  } catch (error) {
    throw new Error(`"${value}" ${(error as Error).message}`);
  }
}

function parseProxy(value: string): string {
  return value === "system" || value === "none" ? value : parseSourceUrl(value);
}

function checkBroker(url: string): string {
  if (url.includes("@")) throw new Error('credentials belong into "username" and "passwordFile"');
  parseUrl(url, ["mqtt", "mqtts"]);
  return url;
}

/** An agent's configuration, complete: defaults filled in, paths absolute. `docs/configuration.md` has each key. */
export type Config = v.InferOutput<ReturnType<typeof configSchema>> & {
  file: string;
  text: string;
  dataDir: string;
  /** The domain is that of the file, whatever the server says. */
  ownDomain?: boolean;
};

/** A broker that brings notifications, and how it is reached. */
export type MqttConfig = NonNullable<Config["notify"]["mqtt"]>;
