/** A word beside the path, by its value when it is left out, which also says its type. */
type Word = string | boolean | number | readonly string[];

interface Link<Path extends string, Words extends Record<string, Word>> {
  path: Path;
  words: Words;
}

type ParamsOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & ParamsOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Record<Name, string>
    : unknown;

type Loose<Value> = Value extends string
  ? string
  : Value extends boolean
    ? boolean
    : Value extends number
      ? number
      : readonly string[];

function link<Path extends string, Words extends Record<string, Word>>(
  path: Path,
  words: Words,
): Link<Path, { [Name in keyof Words]: Loose<Words[Name]> }> {
  return { path, words: words as unknown as { [Name in keyof Words]: Loose<Words[Name]> } };
}

/** Every address of the page: a screen's path, and its words, which are its state. */
export const LINKS = {
  overview: link("/", {}),
  firstSteps: link("/first-steps", {}),
  agents: link("/agents", {
    q: "",
    domain: "",
    state: "",
    role: "",
    source: "",
    deviates: false,
    /** Cursors of the pages up to this one, the last of them its own. */
    pages: [] as string[],
  }),
  agent: link("/agents/:id", {}),
  enrolment: link("/enrolment", {}),
  updateSource: link("/update-source", { q: "", open: "", address: "", range: "" }),
  listHistory: link("/update-source/history", { version: 0 }),
  notification: link("/notifications/:id", {}),
  releases: link("/releases", {}),
  release: link("/releases/:kind/:name", { open: "" }),
  policies: link("/policies", {}),
  policy: link("/policies/:id", {}),
  report: link("/report", { days: 30 }),
  drill: link("/what-if", { without: [] as string[], list: "" }),
  expiries: link("/expiries", {}),
  logs: link("/logs", { pages: [] as string[] }),
  people: link("/people", { tab: "users" }),
  account: link("/account", {}),
  webhooks: link("/webhooks", { open: "" }),
  setUp: link("/setup", {}),
} as const;

export type ScreenName = keyof typeof LINKS;
export type WordsOf<Screen extends ScreenName> = (typeof LINKS)[Screen]["words"];
export type PlaceParams<Screen extends ScreenName> = ParamsOf<(typeof LINKS)[Screen]["path"]>;

/** A screen, in one of its states. */
export interface Place {
  screen: ScreenName;
  params: Record<string, string>;
  words: Record<string, Word>;
}

type Given<Screen extends ScreenName> = Partial<WordsOf<Screen>> &
  (unknown extends PlaceParams<Screen> ? unknown : PlaceParams<Screen>);

/** The address of a screen in a state. Words that are as when left out are left out. */
export function hrefOf<Screen extends ScreenName>(
  screen: Screen,
  ...[given]: unknown extends PlaceParams<Screen> ? [Given<Screen>?] : [Given<Screen>]
): string {
  const values = (given ?? {}) as Record<string, Word>;
  const { path, words } = LINKS[screen] as Link<string, Record<string, Word>>;
  const place = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const query = new URLSearchParams();
  for (const [name, without] of Object.entries(words)) {
    const value = values[name];
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const each of value) query.append(name, each);
    else if (value !== without) query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? place : `${place}?${text}`;
}

/** The screen and state that an address stands for; undefined for an address that is none of them. */
export function placeOf({ pathname, searchParams }: URL): Place | undefined {
  for (const [screen, { path, words }] of Object.entries(LINKS)) {
    const params = match(path, pathname);
    if (params === undefined) continue;
    const read = ([name, without]: [string, Word]) => [name, readWord(searchParams, name, without)];
    const found = Object.fromEntries(Object.entries(words as Record<string, Word>).map(read));
    return { screen: screen as ScreenName, params, words: found };
  }
  return undefined;
}

function match(path: string, pathname: string): Record<string, string> | undefined {
  const [wanted, given] = [path.split("/"), pathname.replace(/(?<=.)\/$/, "").split("/")];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? "";
    if (part.startsWith(":")) {
      const value = decoded(text);
      if (value === undefined || value === "") return undefined;
      params[part.slice(1)] = value;
    } else if (part !== text) return undefined;
  }
  return params;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function readWord(query: URLSearchParams, name: string, without: Word): Word {
  if (Array.isArray(without)) return query.getAll(name);
  const text = query.get(name);
  if (text === null) return without;
  if (typeof without === "boolean") return text === "true";
  if (typeof without !== "number") return text;
  return /^-?\d{1,15}$/.test(text) ? Number(text) : without;
}
