import { hostOfUrl, portOfUrl } from "../../order/url.ts";
import { nameOf } from "../sourceName.ts";
import type { ReportedAttempt } from "./reportSummary.ts";

/** An Update Agent, and all by which an attempt is known to have been at it. */
export interface KnownUpdateAgent {
  id: string;
  /** Its names and addresses as hosts stand in URLs, and its port. */
  hosts: ReadonlySet<string>;
  port: number;
  /** Other URLs under which it is reached. */
  urls?: readonly string[] | undefined;
  /** The name that it gives itself in headers. */
  pseudonym: string;
}

type Place = Pick<ReportedAttempt, "rule" | "url" | "address" | "servedBy">;

/** The Update Agents of a fleet by where they are. Names that lists give their entries say nothing here. */
export class UpdateAgentPlaces {
  readonly #byPlace = new Map<string, string[]>();
  readonly #byUrl = new Map<string, string[]>();
  /** By the first label of a name and the port: an agent may not know the domain that a list finds it in. */
  readonly #byLabel = new Map<string, string[]>();
  readonly #byPseudonym = new Map<string, string>();

  constructor(agents: Iterable<KnownUpdateAgent>) {
    for (const { id, hosts, port, urls = [], pseudonym } of agents) {
      for (const url of urls) this.#byUrl.getOrInsertComputed(url, () => []).push(id);
      for (const host of hosts) this.#byPlace.getOrInsertComputed(`${host} ${port}`, () => []).push(id);
      const labels = new Set([...hosts].flatMap((host) => labelOf(host) ?? []));
      for (const label of labels) this.#byLabel.getOrInsertComputed(`${label} ${port}`, () => []).push(id);
      this.#byPseudonym.set(pseudonym, id);
    }
  }

  /**
   * The Update Agent that an attempt was at: by its URL, as a whole or by host and port; where several are called so, or none, by the
   * address that answered, at last by the first label of its name; what the source said of itself decides only between
   * those, and where nothing else is known.
   *
   * @returns its id, where that is known, and whether it was one at all
   */
  of({ rule, url, address, servedBy }: Place): { id?: string; isOne: boolean } {
    if (rule !== "custom") return { isOne: false };
    const host = hostIn(url);
    if (host === undefined) return { isOne: false };
    const port = portOfUrl(url);
    const called = this.#byPlace.get(`${host} ${port}`) ?? [];
    const answered = address === undefined ? [] : (this.#byPlace.get(`${address} ${port}`) ?? []);
    const both = called.filter((id) => answered.includes(id));
    const alike = this.#byLabel.get(`${labelOf(host)} ${port}`) ?? [];
    const meant = this.#byUrl.get(url) ?? [];
    const likely = [meant, both, called, answered, alike].find((ids) => ids.length > 0) ?? [];
    const [only] = likely;
    if (only !== undefined && likely.length === 1) return { id: only, isOne: true };
    const said = servedBy === undefined ? undefined : this.#byPseudonym.get(servedBy);
    if (said !== undefined && (likely.length === 0 || likely.includes(said)))
      return { id: said, isOne: true };
    return { isOne: likely.length > 0 };
  }

  /** The id of the Update Agent that an entry of a list leads to; undefined where it is none, or not known which. */
  led({ url }: { url: string }): string | undefined {
    return this.of({ rule: "custom", url }).id;
  }

  /** Place of the source at a URL of a list, the same for all URLs that lead to it: `@` and the id of an Update Agent, else the URL. */
  placeOf(url: string): string {
    const id = this.led({ url });
    return id === undefined ? url : `@${id}`;
  }

  /**
   * The key by which attempts at a source are summed up: `@` and the id of an Update Agent, else what people call the
   * source, where a first `@` is doubled.
   */
  keyOf(attempt: ReportedAttempt): string {
    const { id } = this.of(attempt);
    if (id !== undefined) return `@${id}`;
    const name = nameOf(attempt);
    return name.startsWith("@") ? `@${name}` : name;
  }
}

/** A source by such a key. */
export function readSourceKey(key: string): { agent: string } | { source: string } {
  if (key.startsWith("@@")) return { source: key.slice(1) };
  return /^@[\w-]{1,100}$/.test(key) ? { agent: key.slice(1) } : { source: key };
}

/** The Update Agent of such a key. */
export function agentOfKey(key: string): string | undefined {
  const read = readSourceKey(key);
  return "agent" in read ? read.agent : undefined;
}

/** The first label of a name; undefined for an address. */
function labelOf(host: string): string | undefined {
  return /^[\d.]+$|:/.test(host) ? undefined : host.split(".", 1)[0];
}

/** Agents may call anything a URL. */
function hostIn(url: string): string | undefined {
  try {
    return hostOfUrl(url);
  } catch {
    return undefined;
  }
}
