import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { BaseFetcher, Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import { onTestFinished } from "vitest";
import type { ContentKind } from "../../src/core/content/kind.ts";
import {
  hashedTargetPath,
  manifestTarget,
  objectPath,
  type Repository,
} from "../../src/core/content/layout.ts";
import { type Manifest, parseManifest } from "../../src/core/content/manifest.ts";
import { type InitOptions, initRepository } from "../../src/publisher/init.ts";

/** A folder of this test's own. */
export async function newFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "publisher-"));
  onTestFinished(() => fs.rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A web root with one empty repository; its keys are at `<dir>.keys`. */
export async function newRepository(
  repository: Repository,
  options: Partial<InitOptions> = {},
): Promise<string> {
  const dir = path.join(await newFolder(), "www");
  await initRepository({ dir, repository, ...options });
  return dir;
}

/** Writes files by relative path and returns the folder. */
export async function writeTree(folder: string, files: Record<string, string | Uint8Array>): Promise<string> {
  for (const [name, data] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await fs.writeFile(path.join(folder, name), data);
  }
  return folder;
}

/** SHA-256 of every file below `folder`, by relative path: two equal trees are byte-identical. */
export async function treeOf(folder: string): Promise<Record<string, string>> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((each) => path.join(each.parentPath, each.name));
  const tree: Record<string, string> = {};
  for (const file of files.sort()) tree[path.relative(folder, file)] = sha256(await fs.readFile(file));
  return tree;
}

/** Makes every file below `folder` as old as if it had been placed `minutes` ago. */
export async function age(folder: string, minutes: number): Promise<void> {
  const then = new Date(Date.now() - minutes * 60_000);
  for (const name of Object.keys(await treeOf(folder))) await fs.utimes(path.join(folder, name), then, then);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A metadata file as JSON. */
export async function readMetadata(dir: string, repository: Repository, name: string) {
  return JSON.parse(await fs.readFile(path.join(dir, repository, "metadata", name), "utf8"));
}

/** A client that keeps its metadata from one update to the next, as tuf-js does it. */
export interface Reader {
  /** A new refresh on the metadata kept so far; `onFetch` sees each file name before it is read. */
  refresh(onFetch?: (name: string) => Promise<void>): Promise<Updater>;
  /** The bytes of a target, verified; undefined when the repository does not have it. */
  target(name: string): Promise<Buffer | undefined>;
}

/** A client that begins with `1.root.json`, as one does that was shipped with it. */
export async function newReader(dir: string, repository: Repository): Promise<Reader> {
  const metadataDir = await newFolder();
  const base = path.join(dir, repository);
  await fs.copyFile(path.join(base, "metadata", "1.root.json"), path.join(metadataDir, "root.json"));

  async function refresh(onFetch: (name: string) => Promise<void> = async () => undefined) {
    const updater = new Updater({
      metadataDir,
      metadataBaseUrl: pathToFileURL(path.join(base, "metadata")).href,
      targetBaseUrl: pathToFileURL(path.join(base, "targets")).href,
      fetcher: new FileFetcher(onFetch),
    });
    await updater.refresh();
    return updater;
  }

  async function target(name: string) {
    const info = await (await refresh()).getTargetInfo(name);
    if (info === undefined) return undefined;
    const file = path.join(base, "targets", hashedTargetPath(name, info.hashes.sha256 ?? ""));
    const bytes = await fs.readFile(file);
    if (bytes.length !== info.length || sha256(bytes) !== info.hashes.sha256) throw new Error(`bad ${name}`);
    return bytes;
  }

  return { refresh, target };
}

/** A component's manifest, read by a client that verifies. */
export async function readManifest(
  dir: string,
  kind: ContentKind,
  name: string,
  reader?: Reader,
): Promise<Manifest | undefined> {
  const bytes = await (reader ?? (await newReader(dir, "content"))).target(manifestTarget(kind, name));
  return bytes === undefined ? undefined : parseManifest(JSON.parse(bytes.toString("utf8")), { kind, name });
}

/** The files of a release, each held to its length, hash and blocks. */
export async function readRelease(dir: string, manifest: Manifest, release: number) {
  const files: Record<string, Buffer> = {};
  for (const file of manifest.releases.find((each) => each.release === release)?.files ?? []) {
    const bytes = await fs.readFile(path.join(dir, objectPath(file.sha256)));
    if (bytes.length !== file.length || sha256(bytes) !== file.sha256) throw new Error(`bad ${file.path}`);
    const { size, sha256: hashes } = file.blocks ?? { size: 0, sha256: [] };
    for (const [index, hash] of hashes.entries()) {
      const block = bytes.subarray(index * size, (index + 1) * size);
      if (sha256(block) !== hash) throw new Error(`bad block ${index} of ${file.path}`);
    }
    files[file.path] = bytes;
  }
  return files;
}

class FileFetcher extends BaseFetcher {
  readonly #onFetch: (name: string) => Promise<void>;

  constructor(onFetch: (name: string) => Promise<void>) {
    super();
    this.#onFetch = onFetch;
  }

  override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    await this.#onFetch(path.basename(new URL(url).pathname));
    const bytes = await fs.readFile(new URL(url)).catch(() => {
      throw new DownloadHTTPError(`no ${url}`, 404);
    });
    return new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(bytes));
        controller.close();
      },
    });
  }
}
