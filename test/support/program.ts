import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import type { InputOptions, OutputOptions } from "rolldown";
import { takeLock } from "../../src/store/lock.ts";

const PROJECT = path.resolve(import.meta.dirname, "..", "..");
const CACHE = path.join(PROJECT, "node_modules", ".cache");
const BUILDS = path.join(CACHE, "nearsource");

/** Compiled code that the processes of tests share: thousands of them start, and each would compile it again. */
export const COMPILED = { NODE_COMPILE_CACHE: path.join(CACHE, "compiled") };

/** The program's file in the sources, for tests of parts that only the sources have. */
export const SOURCES = path.join(PROJECT, "src", "main.ts");

/**
 * The program as it is installed, but for being made small: it starts with little more than half the CPU that
 * the sources take. Made of the sources as they are now, by whichever test file first needs it.
 */
export const PROGRAM = await build(SOURCES, {
  entryFileNames: "main.cjs",
  chunkFileNames: "[name]-[hash].cjs",
});

/**
 * A program of the tests' own as one file, so that hundreds of them start quickly.
 *
 * @param input its file, of which no import leads elsewhere than to the sources and its own folder
 * @returns the file to start
 */
export function bundle(input: string): Promise<string> {
  return build(input, { entryFileNames: "main.cjs", codeSplitting: false });
}

async function build(input: string, output: OutputOptions): Promise<string> {
  const folder = path.join(BUILDS, await hashOf(input));
  const program = path.join(folder, "main.cjs");
  if (await isThere(program)) return program;
  await fs.mkdir(BUILDS, { recursive: true });
  const lock = await takeLock(BUILDS, { wait: true });
  try {
    if (!(await isThere(program))) await write(input, output, folder);
  } finally {
    lock.release();
  }
  return program;
}

async function isThere(file: string): Promise<boolean> {
  return (await fs.stat(file).catch(() => undefined)) !== undefined;
}

async function write(input: string, output: OutputOptions, folder: string): Promise<void> {
  const { rolldown } = await import("rolldown");
  const { listFormatsWhenUsed } = await import("../../src/packaging/programs.ts");
  const options: InputOptions = { input, cwd: PROJECT, platform: "node", plugins: [listFormatsWhenUsed] };
  await forgetOld();
  const fresh = await fs.mkdtemp(path.join(BUILDS, "new-"));
  const made = await rolldown(options);
  await made.write({ ...output, dir: fresh, format: "cjs" });
  await made.close();
  await fs.chmod(fresh, 0o755);
  await fs.rename(fresh, folder);
}

/** Hash of everything that a build is made of. */
async function hashOf(input: string): Promise<string> {
  const folders = [path.join(PROJECT, "src"), path.dirname(input)];
  const sources = await Promise.all(
    folders.map(async (folder) => {
      const names = (await fs.readdir(folder, { recursive: true })).filter((name) => name.endsWith(".ts"));
      return names.sort().map((name) => path.join(folder, name));
    }),
  );
  const settings = ["src/packaging/programs.ts", "package-lock.json"].map((name) => path.join(PROJECT, name));
  const files = [...settings, ...sources.flat()];
  const texts = await Promise.all(files.map((file) => fs.readFile(file)));
  const hash = createHash("sha256").update(input);
  for (const [index, text] of texts.entries()) hash.update(`${files[index]} ${text.length}\n`).update(text);
  return hash.digest("hex").slice(0, 16);
}

/** Takes those away that were made more than a day ago. */
async function forgetOld(): Promise<void> {
  for (const name of (await fs.readdir(BUILDS)).filter((each) => each !== "lock")) {
    const folder = path.join(BUILDS, name);
    const { mtimeMs } = await fs.stat(folder);
    if (Date.now() - mtimeMs > 86_400_000) await fs.rm(folder, { recursive: true, force: true });
  }
}
