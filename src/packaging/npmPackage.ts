import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "rolldown";
import { dts } from "rolldown-plugin-dts";
import { libraryModule, npmManifest } from "./npmManifest.ts";
import { PROGRAMS } from "./programs.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const LIBRARY = path.join(ROOT, "src", "library.ts");
/** Files that are part of the package as they are. */
const BESIDE = ["README.md", "CHANGELOG.md", "LICENSE"];

/**
 * Makes the npm package: the program, the library and its types, with no dependency.
 *
 * @param folder gets `package/`, and the package as one file beside it
 * @returns the path of that file
 */
export async function makeNpmPackage(folder: string): Promise<string> {
  const place = path.join(folder, "package");
  await fs.rm(place, { recursive: true, force: true });
  const names = await buildInto(place);
  await fs.copyFile(path.join(ROOT, "dist", "console.json"), path.join(place, "console.json"));
  for (const file of BESIDE) await fs.copyFile(path.join(ROOT, file), path.join(place, file));
  await fs.writeFile(path.join(place, "library.js"), libraryModule(names));
  const project = JSON.parse(await fs.readFile(path.join(ROOT, "package.json"), "utf8"));
  await fs.writeFile(path.join(place, "package.json"), JSON.stringify(npmManifest(project), undefined, 2));
  const packed = ["pack", "--silent", "--pack-destination", folder];
  const { stdout } = await promisify(execFile)("npm", packed, { cwd: place });
  return path.join(folder, stdout.trim());
}

/**
 * Builds the program with the library, which share their pieces, the server, and the types.
 *
 * @returns the names that the library exports
 */
async function buildInto(dir: string): Promise<string[]> {
  const names: string[] = [];
  const common = { cwd: ROOT, logLevel: "silent" } as const;
  for (const { input, output, ...rest } of PROGRAMS) {
    const isProgram = input === "src/main.ts";
    const built = await build({
      ...common,
      ...rest,
      input: isProgram ? { main: input, library: LIBRARY } : input,
      output: { ...output, dir, ...(isProgram ? { entryFileNames: "[name].cjs" } : {}) },
    });
    const library = built.output.find(({ fileName }) => fileName === "library.cjs");
    if (library?.type === "chunk") names.push(...library.exports);
  }
  await build({
    ...common,
    input: LIBRARY,
    plugins: [dts({ emitDtsOnly: true })],
    output: { dir, format: "esm" },
  });
  return names;
}

if (import.meta.main) console.log(await makeNpmPackage(path.join(ROOT, "dist", "npm")));
