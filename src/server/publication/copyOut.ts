import { spawn } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../config/log.ts";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import { NearsourceError, onOneLine } from "../../errors.ts";
import { makePath, readIfThere, writeDurably } from "../../store/durable.ts";
import { codeOf } from "../../store/storageErrors.ts";
import type { PublishedTrees } from "../settings/publishedTrees.ts";

/** Pause (ms) after a failure, doubled with each that follows. */
const AGAIN = { first: 2_000, most: 300_000 };
/** Characters of its last line on stderr that are said. */
const LAST_WORDS = 500;

interface Means {
  /** The program and its arguments; no shell. */
  command: readonly string[];
  /** The server's folder. */
  dir: string;
  trees: PublishedTrees;
  log: Log;
}

/**
 * Copies what is published to where agents fetch it: an object store, a CDN's origin, another folder. A program
 * of the administrator's is given the paths on stdin, and run twice for each publication: for the files in the web
 * root, and, once it has ended with 0, for the timestamp that leads to them. That one stands in a folder of its
 * own, since the one in the web root may be of the next publication by then.
 */
export class CopyOut {
  readonly #means: Means;
  readonly #stop = new AbortController();
  readonly #failures = new Map<Repository, string>();
  #loops: Promise<void>[] = [];

  constructor(means: Means) {
    this.#means = means;
  }

  start(): void {
    this.#loops = REPOSITORIES.map((each) => this.#follow(each));
  }

  /** The reason for which a repository is not copied at the moment. */
  failure(): string | undefined {
    return [...this.#failures.values()][0];
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  /** Copies each publication of a repository; those of the other need not wait for it. */
  async #follow(repository: Repository): Promise<void> {
    const { trees } = this.#means;
    const { signal } = this.#stop;
    const copied = new Set<string>();
    let changed = Promise.withResolvers<void>();
    trees.watch(() => changed.resolve());
    signal.addEventListener("abort", () => changed.resolve());
    let done: number | undefined;
    for (let pause = AGAIN.first; !signal.aborted; ) {
      const version = trees.versions()[repository];
      if (version === undefined || version === done) {
        await changed.promise;
        changed = Promise.withResolvers();
        if (signal.aborted) return;
        continue;
      }
      if (await this.#tryOnce(repository, copied)) {
        [done, pause] = [version, AGAIN.first];
        continue;
      }
      await sleep(pause, undefined, { signal }).catch(() => {});
      pause = Math.min(pause * 2, AGAIN.most);
    }
  }

  async #tryOnce(repository: Repository, copied: Set<string>): Promise<boolean> {
    const { log } = this.#means;
    try {
      await this.#copy(repository, copied);
      if (this.#failures.delete(repository)) log.info(`${repository} is copied again`);
      return true;
    } catch (error) {
      if (this.#stop.signal.aborted) return false;
      const { message } = error as Error;
      if (this.#failures.get(repository) !== message)
        log.error(`${repository} could not be copied: ${message}`);
      this.#failures.set(repository, message);
      return false;
    }
  }

  /** @param copied paths that are there already, which are never of another content */
  async #copy(repository: Repository, copied: Set<string>): Promise<void> {
    const { dir, trees } = this.#means;
    const timestamp = `${repository}/metadata/timestamp.json`;
    const bytes = await readIfThere(path.join(trees.www, timestamp));
    if (bytes === undefined) return;
    const last = path.join(dir, "publishing");
    const file = path.join(last, timestamp);
    await makePath(path.dirname(file));
    await fs.rm(file, { force: true });
    await writeDurably(file, bytes);
    const paths = (await pathsOf(trees.www, repository)).filter((each) => !copied.has(each));
    if (paths.length > 0) await this.#run(trees.www, paths);
    for (const each of paths) copied.add(each);
    await this.#run(last, [timestamp]);
  }

  async #run(cwd: string, paths: string[]): Promise<void> {
    const [program = "", ...parameters] = this.#means.command;
    const { signal } = this.#stop;
    const child = spawn(program, parameters, { cwd, stdio: ["pipe", "ignore", "pipe"], signal });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      said = (said + piece).slice(-LAST_WORDS);
    });
    const ended = Promise.withResolvers<number | null>();
    child.on("error", ended.reject).on("close", ended.resolve);
    // One that ends without reading is judged by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(`${paths.join("\n")}\n`);
    const code = await ended.promise;
    if (code === 0) return;
    const words = onOneLine(said.trim().split("\n").at(-1) ?? "");
    throw new NearsourceError(
      "HOOK_FAILED",
      `${program} ended with ${code ?? "a signal"}${words && `: ${words}`}`,
    );
  }
}

/** Objects first, then documents, then metadata. */
const ORDER = ["objects", "targets", "metadata"];

/** Files of a repository below the web root but for its timestamp, each after all that it leads to. */
async function pathsOf(www: string, repository: Repository): Promise<string[]> {
  const paths: string[] = [];
  for (const part of ORDER) {
    const folder = path.join(www, repository, part);
    const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
    const found = files.map((entry) => path.relative(www, path.join(entry.parentPath, entry.name)));
    paths.push(...found.map((each) => each.replaceAll(path.sep, "/")).toSorted());
  }
  return paths.filter((each) => !each.endsWith("/timestamp.json"));
}
