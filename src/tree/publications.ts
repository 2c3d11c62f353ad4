import { CONTENT_KINDS, type Kind } from "../core/content/kind.ts";
import type { Repository } from "../core/content/layout.ts";
import type { Manifest } from "../core/content/manifest.ts";
import { readManifests } from "../source/manifests.ts";
import { sha256 } from "../store/sha256.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";
import { type CatalogObject, type CatalogStaging, relayCatalog, type Served } from "./catalog.ts";

/** A small file that is served from memory, with its strong entity tag. */
export type Document = Extract<Served, { bytes: Buffer }> & {
  etag: string;
  /** Headers of an answer with the whole, as Node takes them fastest: names and values in turn. */
  headers: string[];
  /** Seconds since it was known to be the newest, for a timestamp. */
  age?: number;
};

/**
 * The documents and objects served: of the publication that is announced, for a while of those before, and
 * the objects of the next.
 */
export interface Publications {
  /** Makes a catalog of the announced sets, and answers from it. */
  publish(
    announced: Partial<Record<Repository, TrustedSet>>,
    kinds: readonly Kind[],
    staging?: CatalogStaging,
  ): void;
  /** Answers for the objects of content learnt since, and for nothing else of it; undefined for nothing. */
  expect(content: TrustedSet | undefined, kinds: readonly Kind[], staging?: CatalogStaging): void;
  /** Forgets everything. */
  clear(): void;
  lookUp(path: string): Answer | undefined;
  /** Objects of the newest publication, announced or not, and with `all` of all whose names are answered. */
  objects(all: boolean): CatalogObject[];
}

/** `Cache-Control` of a name that is of the same bytes for ever, and of one that is not. */
export const LASTING = "public, max-age=31536000, immutable";
export const CHANGING = "no-cache";

type Answer = Document | { object: CatalogObject };
type Answers = ReadonlyMap<string, Answer>;

/**
 * Time (ms) for which the names of a publication are answered after a newer one, so that an agent in the
 * middle of it can finish.
 */
const GRACE = 900_000;

/** @param now a clock that only goes forward, in ms */
export function createPublications(now: () => number = () => performance.now()): Publications {
  let newest: Answers = new Map();
  let coming: Answers | undefined;
  let older: { answers: Answers; until: number }[] = [];
  const inGrace = () => {
    older = older.filter(({ until }) => until > now());
    return older;
  };
  const find = (path: string) => {
    const found = newest.get(path) ?? coming?.get(path);
    if (found !== undefined || older.length === 0) return found;
    return inGrace()
      .find(({ answers }) => answers.has(path))
      ?.answers.get(path);
  };
  return {
    publish(announced, kinds, staging) {
      if (newest.size > 0) older = [{ answers: newest, until: now() + GRACE }, ...inGrace()];
      const catalog = relayCatalog(announced, kinds, manifestsOf(announced.content), staging);
      newest = new Map([...catalog].map(([path, served]) => [path, withEtag(served)]));
    },
    expect(content, kinds, staging) {
      // A catalog without metadata: documents that are not announced are not answered with.
      const objects = content && relayCatalog({}, kinds, manifestsOf(content), staging);
      coming = objects && new Map([...objects].map(([path, served]) => [path, withEtag(served)]));
    },
    clear() {
      newest = new Map();
      coming = undefined;
      older = [];
    },
    lookUp: find,
    objects(all) {
      const last = coming ?? newest;
      const kept = all ? [last, newest, ...inGrace().map(({ answers }) => answers)] : [last];
      const answers = kept.flatMap((each) => [...each.values()]);
      return answers.flatMap((served) => ("object" in served ? [served.object] : []));
    },
  };
}

function withEtag(served: Served): Answer {
  if ("object" in served) return served;
  const etag = `"${sha256(served.bytes)}"`;
  const headers = {
    etag,
    "cache-control": served.lasting ? LASTING : CHANGING,
    "content-type": "application/json",
    "accept-ranges": "bytes",
    "content-length": String(served.bytes.length),
  };
  return { ...served, etag, headers: Object.entries(headers).flat() };
}

/** A set that this program itself found good; one that no longer reads, after a damage, has none. */
function manifestsOf(content: TrustedSet | undefined): Manifest[] {
  if (content === undefined) return [];
  try {
    return [...readManifests(content.documents, [...CONTENT_KINDS]).values()].flat();
  } catch {
    return [];
  }
}
