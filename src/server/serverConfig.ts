import { promises as fs } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import { describeSyntax, NO_OBJECT } from "../config/config.ts";
import {
  checkComponentName,
  dns,
  eachParsedBy,
  httpSection,
  mqttSection,
  sourceUrl,
  wholeNumber,
} from "../config/configSchema.ts";
import { type JsonText, readJsonText } from "../config/jsonText.ts";
import { isObject, section } from "../config/section.ts";
import { parseJson } from "../core/document.ts";
import { parseRange } from "../core/order/address.ts";
import { NearsourceError } from "../errors.ts";
import { AREAS, ROLES } from "./api/roles.ts";
import { DEFAULT_DATABASE } from "./store/database.ts";

const text = v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"));
const port = v.pipe(
  v.number("must be a whole number from 0 to 65535"),
  v.integer("must be a whole number from 0 to 65535"),
  v.minValue(0, "must be a whole number from 0 to 65535"),
  v.maxValue(65_535, "must be a whole number from 0 to 65535"),
);
const listener = (host: string, number: number) =>
  v.optional(
    section({
      /** Connections held at once; by the limit of open files where it is not said. */
      maxConnections: v.optional(wholeNumber(10, 1_000_000)),
      host: v.optional(v.string("must be text"), host),
      port: v.optional(port, number),
      /** PEM files; with them the listener speaks TLS. */
      tls: v.optional(section({ cert: text, key: text })),
    }),
    {},
  );

const ranges = v.pipe(v.array(text, "must be a list"), eachParsedBy(parseRange));
const share = v.pipe(
  v.number("must be a number from 0 to 1"),
  v.minValue(0.001, "must be a number from 0.001 to 1"),
  v.maxValue(1, "must be a number from 0.001 to 1"),
);

/** Keys of the mirror of the vendor's content. */
const mirror = section({
  /** Time (ms) from one look to the next; null for no looks but those that a person asks for. */
  every: v.optional(v.nullable(wholeNumber(1_000, 604_800_000)), 900_000),
  /** Names of the components whose files are mirrored; undefined for all. */
  components: v.optional(
    v.pipe(
      v.array(text, "must be a list"),
      v.minLength(1, "must not be empty"),
      eachParsedBy(checkComponentName),
    ),
  ),
  /** Time (ms) from one time that all files are read through to the next; null for when a person asks for it. */
  verifyEvery: v.optional(v.nullable(wholeNumber(60_000, 31_536_000_000)), 604_800_000),
  /** Space (bytes) that is left free on the disk. */
  minFree: v.optional(wholeNumber(0), 300_000_000),
});

const schema = section({
  /** Listener for administrators; on this machine alone by default. */
  console: listener("127.0.0.1", 21_110),
  /** Listener for agents; an empty host is every address of this machine. */
  agents: listener("", 21_111),
  database: v.optional(text, DEFAULT_DATABASE),
  activeUpdate: v.optional(sourceUrl),
  roots: v.optional(section({ content: v.optional(text) }), {}),
  enrolment: v.optional(
    v.picklist(["token", "open", "closed"], "must be one of token, open, closed"),
    "token",
  ),
  /** Enrolments that are taken in an hour, of all machines together. */
  enrolmentsPerHour: v.optional(wholeNumber(1, 10_000_000), 10_000),
  /** Folder of the two trees, `www` beside the configuration by default: one that servers share, or another disk. */
  trees: v.optional(text),
  /** Program that copies what is published to where agents fetch it. */
  publish: v.optional(
    section({ command: v.pipe(v.array(text, "must be a list"), v.minLength(1, "must not be empty")) }),
  ),
  mirror: v.optional(mirror, {}),
  /** Limits of requests to ActiveUpdate, and its names: as in an agent's configuration. */
  http: v.optional(httpSection(text), {}),
  dns: v.optional(dns, {}),
  /** The broker that agents hear of news from; files are relative to the server's folder. */
  mqtt: v.optional(mqttSection(text)),
  /** Listener for monitors, open to whoever reaches it from these ranges; from anywhere where there are none. */
  metrics: v.optional(
    section({ host: v.optional(v.string("must be text"), "127.0.0.1"), port, allow: v.optional(ranges) }),
  ),
  /** Ranges of addresses off the internet that webhooks may be at. */
  webhooks: v.optional(section({ allow: v.optional(ranges, []) }), {}),
  /** Limits from which on events are raised: a share of the fleet, and an age (ms) of the mirrored content. */
  watch: v.optional(
    section({
      troubledShare: v.optional(share, 0.1),
      mirrorLate: v.optional(wholeNumber(60_000), 21_600_000),
    }),
    {},
  ),
  /** The provider by which people sign in with accounts that they have elsewhere. */
  openId: v.optional(
    section({
      issuer: v.pipe(
        text,
        v.check(
          (issuer) =>
            /^https:\/\/|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:\/|$)/.test(issuer),
          "must be an https URL, or of this machine",
        ),
      ),
      clientId: text,
      /** File with the secret, 0600. */
      clientSecretFile: text,
      scope: v.optional(text, "openid profile email groups"),
      groupsClaim: v.optional(text, "groups"),
      /** Roles of groups; whoever is in none of them does not come in. */
      roles: v.record(text, v.picklist(ROLES, `must be one of ${ROLES.join(", ")}`)),
    }),
  ),
  /** Roles that may do nothing without a second factor but enrol one. */
  requireSecondFactor: v.optional(
    v.array(v.picklist(ROLES, `must be one of ${ROLES.join(", ")}`), "must be a list"),
    [],
  ),
  /** Time (ms) that a session lasts after its last use, and that it lasts at most. */
  sessions: v.optional(
    section({
      idle: v.optional(wholeNumber(60_000, 2_592_000_000), 43_200_000),
      longest: v.optional(wholeNumber(60_000, 31_536_000_000), 604_800_000),
    }),
    {},
  ),
  /** Days for which the audit log is kept; null for ever. */
  audit: v.optional(section({ keep: v.optional(v.nullable(wholeNumber(90, 36_500)), null) }), {}),
  /** Days after which an agent fetches another secret; null for when it is asked to. */
  agentSecrets: v.optional(section({ rotateAfter: v.optional(v.nullable(wholeNumber(1, 36_500)), 90) }), {}),
  /** Reports kept of each agent. */
  reports: v.optional(
    section({
      perAgent: v.optional(wholeNumber(1, 10_000), 50),
      /** Days for which they are kept, and characters of all of them; null for no such limit. */
      days: v.optional(v.nullable(wholeNumber(1, 36_500)), 90),
      maxBytes: v.optional(v.nullable(wholeNumber(1_000_000)), 10_000_000_000),
    }),
    {},
  ),
  /** Days after which an agent that was not heard of is retired; null for never. */
  retireAfter: v.optional(v.nullable(wholeNumber(1, 36_500)), 90),
  /** Parts of the settings that API tokens alone may change: they are kept in a repository of one's own. */
  readOnly: v.optional(
    v.array(v.picklist(AREAS, `must be one of ${AREAS.join(", ")}`), "must be a list"),
    [],
  ),
  /** Changes of releases that reach more than this share of the fleet, with those of one person within the window (ms), wait for a second person. */
  approval: v.optional(
    section({
      share: v.pipe(
        v.number("must be a number from 0 to 1"),
        v.minValue(0, "must be a number from 0 to 1"),
        v.maxValue(1, "must be a number from 0 to 1"),
      ),
      window: v.optional(wholeNumber(60_000, 604_800_000), 3_600_000),
    }),
  ),
  /** Time (ms) from one look at the stages of releases to the next. */
  releases: v.optional(section({ watchEvery: v.optional(wholeNumber(100, 3_600_000), 15_000) }), {}),
  publicUrl: v.optional(text),
  /** Addresses and prefixes of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  proxies: v.optional(ranges, []),
  insecure: v.optional(v.boolean("must be true or false"), false),
});

/** `server.json`, complete (docs/server.md). */
export type ServerConfig = v.InferOutput<typeof schema> & {
  /** The server's folder, absolute. */
  dir: string;
};

/** The folder of the two trees. */
export function treesOf({ dir, trees = "www" }: Pick<ServerConfig, "dir" | "trees">): string {
  return path.resolve(dir, trees);
}

/** The file of a server's configuration in its folder. */
export function serverConfigFile(dir: string): string {
  return path.join(dir, "server.json");
}

/**
 * Reads the configuration of the server whose folder is `dir`.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID
 */
export async function readServerConfig(dir: string): Promise<ServerConfig> {
  const file = serverConfigFile(path.resolve(dir));
  const written = await fs.readFile(file, "utf8").catch((cause) => {
    throw new NearsourceError("CONFIG_NOT_FOUND", `there is no server in ${path.dirname(file)}`, {
      cause,
      hint: "make one: nearsource server init DIR",
    });
  });
  return parseServerConfig(written, file);
}

/** @throws NearsourceError CONFIG_INVALID for all that is wrong */
export function parseServerConfig(written: string, file: string): ServerConfig {
  const invalid = (faults: string[]) =>
    new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid`, {
      faults,
      hint: "docs/server.md has every key",
    });
  let value: unknown;
  try {
    value = parseJson(written);
  } catch {
    throw invalid(readJsonText(written).faults.map(describeSyntax));
  }
  if (!isObject(value)) throw invalid([NO_OBJECT]);
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const { positionOf } = readJsonText(written);
    throw invalid(parsed.issues.map((issue) => describeIssue(issue, positionOf)));
  }
  if (parsed.output.openId !== undefined && parsed.output.publicUrl === undefined)
    throw invalid(['"openId" needs "publicUrl": the provider sends browsers back there']);
  const { http } = parsed.output;
  const dir = path.dirname(file);
  const ca = http.ca === undefined ? {} : { ca: path.resolve(dir, http.ca) };
  return { ...parsed.output, http: { ...http, ...ca }, dir };
}

function describeIssue(issue: v.BaseIssue<unknown>, positionOf: JsonText["positionOf"]): string {
  const key = v.getDotPath(issue);
  const { message } = issue;
  const path = (issue.path ?? []).map((each) => each.key as string | number);
  const { line, column } = positionOf(path);
  const where = `line ${line}, column ${column}:`;
  // A parser's own words, see configSchema.ts.
  if (/^[!:]/.test(message)) return `${where} "${key}": ${message.slice(1)}`;
  return key === null ? `${where} ${message}` : `${where} "${key}" ${message}`;
}
