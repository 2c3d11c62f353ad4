import { promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../../errors.ts";
import {
  listFolder,
  makePath,
  readIfThere,
  remove,
  rename,
  syncFolder,
  temporaryName,
  writeDurably,
} from "../../store/durable.ts";
import { guardStorage } from "../../store/storageErrors.ts";
import type { Catalog } from "../../tree/catalog.ts";

/** A document of the published tree: where it stands below `www`, and its bytes. */
interface Document {
  place: string;
  bytes: Buffer;
}

const TIMESTAMP = "content/metadata/timestamp.json";
const ROOT = /^content\/metadata\/\d+\.root\.json$/;
/** Places that a document may have: a name in signed metadata leads nowhere else. */
const PLACE =
  /^content\/(?:metadata|targets\/(?:components|programs))\/[A-Za-z0-9][A-Za-z0-9._%~!*'()-]{0,249}\.json$/;

/**
 * Puts the documents of a publication into the tree, of which the objects are there already: manifests, then
 * metadata, the timestamp last. Each step is on disk before the next begins, so that nothing is announced
 * which is not there whole, whenever this is cut short.
 *
 * @param tmp a folder on the same file system
 * @throws NearsourceError of the storage phase
 */
export async function publishMirrored(www: string, tmp: string, catalog: Catalog): Promise<void> {
  const documents = documentsOf(catalog);
  const isMetadata = ({ place }: Document) => place.startsWith("content/metadata/");
  const isTimestamp = ({ place }: Document) => place === TIMESTAMP;
  const steps = [
    documents.filter((each) => !isMetadata(each)),
    documents.filter((each) => isMetadata(each) && !isTimestamp(each)),
    documents.filter(isTimestamp),
  ];
  await guardStorage(`cannot publish in ${www}`, async () => {
    for (const step of steps) await writeStep(www, tmp, step);
  });
}

function documentsOf(catalog: Catalog): Document[] {
  const documents = [...catalog].flatMap(([url, served]) =>
    "bytes" in served ? [{ place: url.slice(1), bytes: served.bytes }] : [],
  );
  return documents.filter(({ place }) => PLACE.test(place));
}

async function writeStep(www: string, tmp: string, documents: Document[]): Promise<void> {
  const folders = new Set<string>();
  for (const { place, bytes } of documents) {
    const file = path.join(www, place);
    if ((await readIfThere(file))?.equals(bytes) === true) continue;
    const folder = path.dirname(file);
    if (!folders.has(folder)) await makeDurably(folder);
    folders.add(folder);
    const staged = temporaryName(tmp, "publish");
    await writeDurably(staged, bytes);
    await rename(staged, file);
  }
  for (const folder of folders) await syncFolder(folder);
}

/** Makes a folder with its parents, whose names last. */
export async function makeDurably(folder: string): Promise<void> {
  const made = await makePath(folder);
  for (let each = folder; made !== undefined && each.length >= made.length; each = path.dirname(each)) {
    await syncFolder(path.dirname(each));
  }
}

/**
 * Refuses to publish over another publisher's repository, and over a newer publication than this one.
 *
 * @throws NearsourceError REPOSITORY_EXISTS, METADATA_OLDER
 */
export async function refuseOther(www: string, catalog: Catalog): Promise<void> {
  const documents = documentsOf(catalog);
  const published = await readIfThere(path.join(www, TIMESTAMP));
  if (published === undefined) return;
  const roots = documents.filter(({ place }) => ROOT.test(place));
  const found = await Promise.all(roots.map(({ place }) => readIfThere(path.join(www, place))));
  const isSame = found.every(
    (bytes, index) => bytes === undefined || bytes.equals(roots[index]?.bytes ?? bytes),
  );
  if (!isSame || found.every((bytes) => bytes === undefined)) {
    throw new NearsourceError("REPOSITORY_EXISTS", `${www}/content is another publisher's repository`, {
      hint: 'move it away, or take "activeUpdate" out of server.json; nothing in it was changed',
    });
  }
  const held = documents.find(({ place }) => place === TIMESTAMP)?.bytes;
  const [before, after] = [versionOf(published), versionOf(held)];
  if (before === undefined || after === undefined || before <= after) return;
  throw new NearsourceError("METADATA_OLDER", `version ${before} is published already, and this is ${after}`);
}

function versionOf(bytes: Buffer | undefined): number | undefined {
  try {
    return JSON.parse(bytes?.toString() ?? "").signed.version;
  } catch {
    return undefined;
  }
}

/**
 * Files of the tree's content that a publication does not name. Roots are none of them: agents that were shipped
 * with an old one follow their chain.
 */
export async function unnamedFiles(www: string, catalog: Catalog): Promise<string[]> {
  const unnamed: string[] = [];
  const visit = async (place: string): Promise<void> => {
    const entries = await fs.readdir(path.join(www, place), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const below = `${place}/${entry.name}`;
      if (entry.isDirectory()) await visit(below);
      else if (!catalog.has(`/${below}`) && !ROOT.test(below)) unnamed.push(below);
    }
  };
  for (const part of ["metadata", "targets", "objects"]) await visit(`content/${part}`);
  return unnamed;
}

/** Deletes files of the tree, and what is left of transfers that nothing waits for. */
export async function sweepMirror(www: string, places: string[]): Promise<void> {
  for (const place of places) await remove(path.join(www, place));
}

/** Deletes all that is in a folder. */
export async function emptyFolder(folder: string): Promise<void> {
  for (const name of await listFolder(folder)) await remove(path.join(folder, name));
}
