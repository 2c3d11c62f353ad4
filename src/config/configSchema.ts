import { KINDS } from "../core/content/kind.ts";
import { nearestName } from "../core/settings/unknownFields.ts";

/** No file name, and no word of a command, can hold a NUL. */
const text = { type: "string", minLength: 1, pattern: "^[^\\u0000]*$" } as const;
const texts = { type: "array", items: text } as const;
const milliseconds = { type: "integer", minimum: 1, maximum: 3_600_000 } as const;
/** `null` is for not listening at all; 0, for any free port. */
const port = { type: ["integer", "null"], minimum: 0, maximum: 65_535 } as const;
const section = <Properties extends object>(properties: Properties) =>
  ({ type: "object", additionalProperties: false, properties }) as const;

const rateLimit = {
  anyOf: [
    { type: "integer", minimum: 1_024 },
    {
      ...section({ bytesPerSecond: { type: "integer", minimum: 1_024 }, hours: texts }),
      required: ["bytesPerSecond"],
    },
  ],
} as const;

/** JSON Schema of what an administrator may write, by key. */
export const SCHEMA = {
  dataDir: text,
  server: text,
  activeUpdate: text,
  roots: section({ content: text, settings: text }),
  domain: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$" },
  kinds: { type: "array", items: { enum: [...KINDS] }, minItems: 1 },
  components: { ...texts, minItems: 1 },
  addresses: { ...texts, minItems: 1 },
  dns: section({ servers: texts, search: texts, timeout: milliseconds, versionRecord: text }),
  http: section({
    connectTimeout: milliseconds,
    responseTimeout: milliseconds,
    stallTimeout: milliseconds,
    minRate: { type: "integer", minimum: 0 },
    proxy: text,
    rateLimit,
    ca: text,
  }),
  relay: section({
    maxTransfers: { type: "integer", minimum: 1, maximum: 100_000 },
    maxPerClient: { type: "integer", minimum: 1, maximum: 100_000 },
    minFree: { type: "integer", minimum: 0 },
    minRate: { type: "integer", minimum: 0 },
    maxStale: { type: "integer", minimum: 0, maximum: 3_600_000 },
    maxLag: { type: "integer", minimum: 0, maximum: 604_800_000 },
    rateLimit,
    tls: { ...section({ cert: text, key: text }), required: ["cert", "key"] },
  }),
  delta: section({ maxBase: { type: "integer", minimum: 0 } }),
  sourceList: text,
  policy: text,
  keepGenerations: { type: "integer", minimum: 1, maximum: 100 },
  listen: section({ host: text, port }),
  metrics: section({ host: text, port }),
  notify: section({
    poll: { type: "boolean" },
    mqtt: {
      ...section({ url: text, topic: text, username: text, passwordFile: text, ca: text }),
      required: ["url", "topic"],
    },
  }),
  hooks: section({ afterUpdate: { anyOf: [text, { ...texts, minItems: 1 }] } }),
  log: section({ level: { enum: ["error", "warn", "info", "debug"] }, file: text }),
} as const;

/** What the schema validator says of a value, as a person would say it. */
const IN_WORDS: [said: RegExp, words: string][] = [
  [/must NOT have additional properties/g, "is not a key of the configuration"],
  [/must NOT have fewer than 1 (items|characters)/g, "must not be empty"],
  [/must be integer,null/g, "must be a whole number from 0 to 65535, or null"],
  [/must have required property '([^']*)'/g, 'needs "$1"'],
  [/must be >= (\S+)/g, "must be $1 or more"],
  [/must be <= (\S+)/g, "must be $1 or less"],
  [/must be integer/g, "must be a whole number"],
  [/must be object/g, "must be an object"],
  [/must be array/g, "must be a list"],
  [/must be string/g, "must be text"],
  [/must match pattern "\^\[\^\\u0000\]\*\$"/g, "must not hold a NUL"],
  [/must match pattern "[^"]*"/g, "must be 1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"],
];

/** What a key may be that may be several things, with an example. */
const CHOICES: Record<string, string> = {
  rateLimit:
    '1024 bytes per second or more, such as 500000, or { "bytesPerSecond": 500000, "hours": ["mon-fri 08:00-18:00"] }',
  afterUpdate: 'a command, such as "./reload", or a list of command and arguments',
};

/** Schema violations in our words: each the key as it is written, `http.minRate` or `kinds[0]`, and what it may be. */
export function inOurWords(message: string): string[] {
  const said = message
    .replace(/^Config schema violation: /, "")
    .replaceAll(/`([^`]*)` must be equal to one of the allowed values/g, (_, key: string) => {
      return `\`${key}\` must be one of ${nodeAt(key)?.enum?.join(", ")}`;
    })
    .replaceAll(/`([^`]*)` must NOT have additional properties/g, (whole, key: string) => {
      const [, parent = "", name = key] = /^(.*)\/([^/]*)$/.exec(key) ?? [];
      const meant = nearestName(name, Object.keys(nodeAt(parent)?.properties ?? {}));
      return meant === undefined ? whole : `${whole}, did you mean "${meant}"?`;
    })
    // What the validator says of a key begins with "must"; the key may have a backtick of its own.
    .replaceAll(/`(.*?)`(?= must )/gs, (_, key: string) => {
      return `"${key.replaceAll(/\/(\d+)(?=\/|$)/g, "[$1]").replaceAll("/", ".")}"`;
    });
  return inOneWord(said).map((fault) =>
    IN_WORDS.reduce((text, [pattern, words]) => text.replaceAll(pattern, words), fault),
  );
}

/** Of a key that fits none of several shapes, what is wrong within it, else what it may be: not both, for each shape. */
function inOneWord(said: string): string[] {
  let faults = said.split("; ");
  for (const fault of said.split("; ")) {
    const key = /^"([^"]*)" must match a schema in anyOf$/.exec(fault)?.[1];
    if (key === undefined) continue;
    faults = faults.filter((each) => !each.startsWith(`"${key}" must`));
    const isWithin = (each: string) => each.startsWith(`"${key}.`) || each.startsWith(`"${key}[`);
    if (!faults.some(isWithin)) faults.push(`"${key}" must be ${CHOICES[key.replace(/^.*\./, "")]}`);
  }
  return faults;
}

interface Node {
  properties?: Record<string, Node>;
  anyOf?: Node[];
  items?: Node;
  enum?: string[];
}

/** The part of the schema for a key, such as `log/level` or `kinds/0`; for none, the whole. */
function nodeAt(key: string): Node | undefined {
  const root: Node = { properties: SCHEMA as unknown as Record<string, Node> };
  const down = (node: Node | undefined, part: string): Node | undefined => {
    const shapes = [node, ...(node?.anyOf ?? [])];
    return shapes.map((each) => each?.properties?.[part] ?? each?.items).find((each) => each !== undefined);
  };
  const found = key === "" ? root : key.split("/").reduce<Node | undefined>(down, root);
  return found?.anyOf?.find(({ properties }) => properties !== undefined) ?? found;
}
