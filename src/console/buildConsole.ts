import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PAGE = path.join(ROOT, "dist", "console.json");
/** Files that the page is made of; its packages are those of the lock file. */
const SOURCES = ["src/console", "src/core", "vite.config.ts", "package-lock.json"];

/** The page as one file, which a server reads at its start: from beside the program, or from within it. */
export interface BuiltPage {
  /** SHA-256 (hex) of the sources, by which a checkout notices that they were changed. */
  sources: string;
  /** By path below the page's root: the file, gzipped, in base64. */
  files: Record<string, string>;
}

/** Builds the page where its sources are others than those of the page that is there. */
export async function freshConsole(): Promise<void> {
  const sources = await hashOfSources();
  const built = await fs.readFile(PAGE, "utf8").catch(() => "{}");
  if ((JSON.parse(built) as Partial<BuiltPage>).sources === sources) return;
  await buildConsole(sources);
}

async function buildConsole(sources: string): Promise<void> {
  const environment = process.env.NODE_ENV;
  // The builder goes by this alone, and tests and shells have values of their own for it.
  process.env.NODE_ENV = "production";
  const { build } = await import("vite");
  const folder = path.join(ROOT, "dist", `console-${process.pid}`);
  try {
    await build({ configFile: path.join(ROOT, "vite.config.ts"), build: { outDir: folder } });
    const files: Record<string, string> = {};
    for (const file of await filesBelow(folder)) {
      const bytes = await fs.readFile(path.join(folder, file));
      files[file] = gzipSync(bytes, { level: 9, memLevel: 7 }).toString("base64");
    }
    const page: BuiltPage = { sources, files };
    // Written beside, and put in place whole: a server may start at this moment.
    await fs.writeFile(`${PAGE}.${process.pid}`, JSON.stringify(page));
    await fs.rename(`${PAGE}.${process.pid}`, PAGE);
  } finally {
    if (environment === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = environment;
    await fs.rm(folder, { recursive: true, force: true });
  }
}

async function hashOfSources(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    const place = path.join(ROOT, source);
    const files = (await fs.stat(place)).isDirectory() ? await filesBelow(place) : [""];
    for (const file of files) {
      hash.update(`${source}/${file}\0`).update(await fs.readFile(path.join(place, file)));
    }
  }
  return hash.digest("hex");
}

/** Paths of the files below a folder, relative to it, with slashes, sorted. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .sort();
}

if (import.meta.main) await freshConsole();
