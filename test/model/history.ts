import { existsSync, promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { CONTENT_KINDS, type ContentKind, KINDS } from "../../src/core/content/kind.ts";
import type { Repository } from "../../src/core/content/layout.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { removeTarget } from "../../src/publisher/publishTargets.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { noise, readTree, sha256, writeJson } from "../support/world.ts";

/**
 * The publications of the vendor and the site in the course of a sequence: random ones, made by the real
 * publisher in a folder of its own, and kept in memory as the web root was after each.
 */
export interface History {
  folder: string;
  roots: Record<Repository, string>;
  publications: Publication[];
}

export interface Publication {
  /** When it was signed. */
  at: Date;
  /** The files of the web root by relative path. */
  tree: ReadonlyMap<string, Buffer>;
  /**
   * The releases given to the publisher, by kind and name, newest first: the truth that installed files are
   * compared with.
   */
  published: Readonly<Record<ContentKind, Readonly<Record<string, PublishedRelease[]>>>>;
}

export interface PublishedRelease {
  release: number;
  /** SHA-256 by path. */
  files: Record<string, string>;
}

export const SERVER = "http://server.test";
export const ACTIVE_UPDATE = "https://active-update.test/root";
export const URLS = [
  SERVER,
  "http://ua-1.test:21112",
  "http://10.1.9.9:21112",
  "https://mirror.test/updates",
];
export const ADDRESS = "10.1.2.3";

const NAMES: Record<ContentKind, string[]> = { components: ["pattern", "rules"], programs: ["agent"] };
const BEGAN = Date.parse("2030-01-01T00:00:00Z");
const INTERVAL = 6 * 3_600_000;
/** In memory where there is such a place: a kill loses nothing that was written, so syncing proves nothing here. */
const HOME = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** Releases that a manifest keeps. */
const KEPT = 3;

type Edit =
  | {
      what: "release";
      kind: ContentKind;
      name: string;
      files: { path: string; seed: number; length: number }[];
    }
  | { what: "withdraw"; kind: ContentKind; name: string }
  | { what: "refresh"; repository: Repository }
  | { what: "settings"; document: string; value: unknown };

const component = fc.constantFrom(
  ...CONTENT_KINDS.flatMap((kind) => NAMES[kind].map((name) => ({ kind, name }))),
);

/** Few seeds, so that files of different releases and components are at times the same object. */
const file = fc.record({
  path: fc.constantFrom("a.dat", "b.dat", "lists/c.txt"),
  seed: fc.nat({ max: 40 }),
  length: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(0, 1) },
    { weight: 6, arbitrary: fc.nat({ max: 4_000 }) },
  ),
});
const files = fc.uniqueArray(file, { minLength: 1, maxLength: 3, selector: ({ path }) => path });

/** Often one kind alone, so that a run gathers its kinds from several sources. */
const kinds = fc.oneof(
  fc.constantFrom(...KINDS).map((kind) => [kind]),
  fc.uniqueArray(fc.constantFrom(...KINDS), { minLength: 1 }),
);
const entry = fc.record(
  {
    range: fc.constantFrom("10.1.0.0/16", "10.1.2.0-10.1.2.9", "0.0.0.0/0", "192.168.0.0/16"),
    url: fc.constantFrom(...URLS, ACTIVE_UPDATE),
    kinds,
    name: fc.constant("ua"),
  },
  { requiredKeys: ["range", "url", "kinds"] },
);
const list = fc.record({
  mode: fc.oneof({ weight: 5, arbitrary: fc.constant("customized") }, fc.constant("standard")),
  entries: fc.array(entry, { minLength: 3, maxLength: 7, size: "max" }),
  serverFallback: fc.record({ enabled: fc.boolean(), kinds: fc.uniqueArray(fc.constantFrom(...KINDS)) }),
});
const policy = fc.record(
  {
    activeUpdate: fc.boolean(),
    activeUpdateRule: fc.constantFrom("documented", "privilege"),
    activeUpdateAfterServer: fc.boolean(),
    activeUpdateKinds: kinds,
    kinds,
    holds: fc.dictionary(
      fc.constantFrom("components/rules", "components/pattern"),
      fc.integer({ min: 1, max: 4 }),
      {
        maxKeys: 1,
      },
    ),
  },
  { requiredKeys: ["activeUpdateKinds"] },
);

const setList = list.map((value) => ({ what: "settings" as const, document: "source-list", value }));
const releaseOf = (of: typeof component) =>
  fc.record({ what: fc.constant("release" as const), files, of }).map(flat);

/** Something of everything, so that the first run that has the list has something to do. */
const beginning: fc.Arbitrary<Edit[]> = fc.tuple(
  setList,
  releaseOf(fc.constant({ kind: "components", name: "rules" })),
  releaseOf(fc.constant({ kind: "programs", name: "agent" })),
);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 6,
    arbitrary: releaseOf(component),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("withdraw" as const), of: component }).map(flat) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant("refresh" as const),
      repository: fc.constantFrom<Repository>("content", "settings"),
    }),
  },
  {
    weight: 2,
    arbitrary: setList,
  },
  {
    weight: 1,
    arbitrary: policy.map((value) => ({ what: "settings" as const, document: "policies/default", value })),
  },
);

function flat<Rest extends object>({ of, ...rest }: Rest & { of: { kind: ContentKind; name: string } }) {
  return { ...rest, ...of };
}

/** Makes a history of `length` publications; equal seeds publish equal things. */
export async function makeHistory(seed: number, length: number): Promise<History> {
  const folder = await fs.mkdtemp(path.join(HOME, "nearsource-model-"));
  const dir = path.join(folder, "www");
  const now = new Date(BEGAN);
  await initRepository({ dir, repository: "content", now });
  await initRepository({ dir, repository: "settings", now });
  const history: History = {
    folder,
    roots: {
      content: path.join(dir, "content", "metadata", "1.root.json"),
      settings: path.join(dir, "settings", "metadata", "1.root.json"),
    },
    publications: [{ at: now, tree: await treeOf(dir), published: { components: {}, programs: {} } }],
  };
  const [first = []] = fc.sample(beginning, { seed, numRuns: 1 });
  const edits = fc.sample(fc.array(edit, { minLength: 1, maxLength: 2 }), { seed, numRuns: length - 1 });
  for (const each of [first, ...edits]) await publish(history, dir, each);
  return history;
}

async function publish(history: History, dir: string, edits: Edit[]): Promise<void> {
  const before = history.publications.at(-1) as Publication;
  const at = new Date(before.at.getTime() + INTERVAL);
  const published = structuredClone(before.published) as Record<
    ContentKind,
    Record<string, PublishedRelease[]>
  >;
  for (const each of edits) await applyEdit(history, dir, each, at, published);
  history.publications.push({ at, tree: await treeOf(dir), published });
}

async function applyEdit(
  history: History,
  dir: string,
  edit: Edit,
  now: Date,
  published: Record<ContentKind, Record<string, PublishedRelease[]>>,
): Promise<void> {
  if (edit.what === "refresh") await renewRepository({ dir, repository: edit.repository, now });
  if (edit.what === "settings") {
    const file = path.join(history.folder, "document.json");
    await writeJson(file, { version: history.publications.length, ...(edit.value as object) });
    await setDocument({ dir, name: edit.document, file, now });
  }
  if (edit.what === "withdraw" && published[edit.kind][edit.name] !== undefined) {
    await removeTarget({ dir, kind: edit.kind, name: edit.name, now });
    delete published[edit.kind][edit.name];
  }
  if (edit.what !== "release") return;
  const { kind, name } = edit;
  const folder = await fs.mkdtemp(path.join(history.folder, "release-"));
  const hashes: Record<string, string> = {};
  for (const { path: place, seed, length } of edit.files) {
    const bytes = noise(`file ${seed}`, length);
    await fs.mkdir(path.dirname(path.join(folder, place)), { recursive: true });
    await fs.writeFile(path.join(folder, place), bytes);
    hashes[place] = sha256(bytes);
  }
  const version = `${history.publications.length}.0`;
  // The model does not know files that a delta of a killed run leads to without a request.
  const how = { keep: KEPT, deltas: 0, now };
  const { release } = await addRelease({ dir, kind, name, version, path: folder, ...how });
  published[kind][name] = [{ release, files: hashes }, ...(published[kind][name] ?? [])].slice(0, KEPT);
}

async function treeOf(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  return new Map(Object.entries(await readTree(dir)));
}
