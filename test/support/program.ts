import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(import.meta.dirname, "..", "..");
const BUILDS = path.join(PROJECT, "node_modules", ".cache", "nearsource");

/** Compiled code that the processes of tests share: thousands of them start, and each would compile it again. */
export const COMPILED = { NODE_COMPILE_CACHE: path.join(PROJECT, "node_modules", ".cache", "compiled") };

/** The program's file in the sources, for tests of what they alone have. */
export const SOURCES = path.join(PROJECT, "src", "main.ts");

/**
 * The program as it is installed, but for being made small: it starts with little more than half the CPU that
 * the sources take. Made of the sources as they are now, by whichever test file first needs it.
 */
export const PROGRAM = await build();

async function build(): Promise<string> {
  const folder = path.join(BUILDS, await hashOfSources());
  const program = path.join(folder, "main.cjs");
  if (await fs.stat(program).catch(() => undefined)) return program;
  const { rolldown } = await import("rolldown");
  const { default: installed } = await import("../../rolldown.config.ts");
  const [{ output: _, ...input }] = installed as [Parameters<typeof rolldown>[0] & { output: object }];
  await fs.mkdir(BUILDS, { recursive: true });
  await forgetOld();
  const fresh = await fs.mkdtemp(path.join(BUILDS, "new-"));
  const bundle = await rolldown({ ...input, input: SOURCES, cwd: PROJECT });
  await bundle.write({
    dir: fresh,
    format: "cjs",
    entryFileNames: "main.cjs",
    chunkFileNames: "[name]-[hash].cjs",
  });
  await bundle.close();
  await fs.chmod(fresh, 0o755);
  // Another test file may have been first.
  await fs.rename(fresh, folder).catch(() => fs.rm(fresh, { recursive: true }));
  return program;
}

async function hashOfSources(): Promise<string> {
  const names = (await fs.readdir(path.join(PROJECT, "src"), { recursive: true })).filter((name) =>
    /\.(ts|js)$/.test(name),
  );
  const files = [
    ...names.sort().map((name) => path.join("src", name)),
    "rolldown.config.ts",
    "package-lock.json",
  ];
  const texts = await Promise.all(files.map((file) => fs.readFile(path.join(PROJECT, file))));
  const hash = createHash("sha256");
  for (const [index, text] of texts.entries()) hash.update(`${files[index]} ${text.length}\n`).update(text);
  return hash.digest("hex").slice(0, 16);
}

/** Those that nobody has made for a day. */
async function forgetOld(): Promise<void> {
  for (const name of await fs.readdir(BUILDS)) {
    const folder = path.join(BUILDS, name);
    const { mtimeMs } = await fs.stat(folder);
    if (Date.now() - mtimeMs > 86_400_000) await fs.rm(folder, { recursive: true, force: true });
  }
}
