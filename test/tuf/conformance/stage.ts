import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { bundle, COMPILED } from "../../support/program.ts";
import { readTree } from "../../support/world.ts";
import { openRepository, type Repository, takeAsked } from "./repository.ts";

/**
 * The cases of the conformance suite for TUF clients, put to the real adapter as a process, against small
 * repositories over HTTP. The suite itself is Python's and is not part of `npm test`.
 */
let home: string;
const open: Repository[] = [];
/** To be called once by each test file, before its tests. */
export function prepareStages(): void {
  beforeAll(async () => {
    home = await fs.mkdtemp(path.join(tmpdir(), "nearsource-conformance-"));
  });
  afterAll(async () => {
    await Promise.all(open.map((repository) => repository.close()));
    await fs.rm(home, { recursive: true, force: true });
  });
}

const CLIENT = await bundle(path.join(import.meta.dirname, "client.ts"));

/** Exit code of the adapter; a client whose clock is ahead is told so by `ahead`, in days. */
export async function run(args: string[], ahead = 0): Promise<number> {
  const clock = `const real = Date.now, Real = Date; globalThis.Date = class extends Real {
    constructor(...a) { a.length === 0 ? super(real() + ${ahead * 86_400_000}) : super(...a); } };`;
  const preload = ahead === 0 ? [] : ["--import", `data:text/javascript,${encodeURIComponent(clock)}`];
  const env = { ...process.env, ...COMPILED };
  const child = spawn(process.execPath, [...preload, CLIENT, ...args], { env, stdio: "ignore" });
  const [code] = await once(child, "close");
  return code;
}

/** A repository and a client of its own. */
export interface Stage {
  repository: Repository;
  init: (root?: Buffer) => Promise<number>;
  refresh: (ahead?: number) => Promise<number>;
  download: (name: string, ahead?: number) => Promise<number>;
  /** Versions of the trusted roles by file name. */
  trusted: () => Promise<Record<string, number>>;
  file: (name: string) => Promise<Buffer>;
  downloaded: () => Promise<string[]>;
  metadataDir: string;
  targetDir: string;
}

export async function stage(): Promise<Stage> {
  const repository = await openRepository();
  open.push(repository);
  const folder = await fs.mkdtemp(path.join(home, "client-"));
  const [metadataDir, targetDir] = [path.join(folder, "metadata"), path.join(folder, "targets")];
  await fs.mkdir(metadataDir);
  await fs.mkdir(targetDir);
  const online = ["--metadata-url", repository.metadataUrl, "--metadata-dir", metadataDir];
  const places = ["--target-dir", targetDir, "--target-base-url", repository.targetsUrl];
  return {
    repository,
    metadataDir,
    targetDir,
    init: async (root = repository.files.get("metadata/1.root.json") ?? Buffer.alloc(0)) => {
      const file = path.join(folder, "initial_root.json");
      await fs.writeFile(file, root);
      return await run(["--metadata-dir", metadataDir, "init", file]);
    },
    refresh: (ahead) => run([...online, "refresh"], ahead),
    download: (name, ahead) => run([...online, "--target-name", name, ...places, "download"], ahead),
    trusted: async () => {
      const files = Object.entries(await readTree(metadataDir));
      return Object.fromEntries(
        files.map(([name, bytes]) => [name.replace(/\.json$/, ""), JSON.parse(`${bytes}`).signed.version]),
      );
    },
    file: (name) => fs.readFile(path.join(metadataDir, `${name}.json`)),
    downloaded: async () => Object.values(await readTree(targetDir)).map(String),
  };
}

/** A client that has been set up, and has not been online yet; what init does is tested by itself. */
export async function begun(): Promise<Stage> {
  const staged = await stage();
  const root = staged.repository.files.get("metadata/1.root.json") ?? "";
  await fs.writeFile(path.join(staged.metadataDir, "root.json"), root);
  await fs.writeFile(path.join(staged.metadataDir, "../initial_root.json"), root);
  return staged;
}

/** A client that has all of the first publication. */
export async function refreshed(): Promise<Stage> {
  const staged = await begun();
  expect(await staged.refresh()).toBe(0);
  takeAsked(staged.repository);
  return staged;
}
