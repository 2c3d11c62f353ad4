import { existsSync, promises as fs } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { run } from "./peers.ts";

/** A file in two releases of a package, as they were published to npm. */
interface History {
  name: string;
  package: string;
  from: string;
  to: string;
  /** A file of the package, or a folder whose files are taken as one, in the order of their names. */
  path: string;
}

const HISTORIES: History[] = [
  { name: "mime-db", package: "mime-db", from: "1.53.0", to: "1.54.0", path: "db.json" },
  {
    name: "caniuse-lite",
    package: "caniuse-lite",
    from: "1.0.30001760",
    to: "1.0.30001826",
    path: "data",
  },
  { name: "tldts", package: "tldts", from: "7.5.4", to: "7.5.5", path: "dist/cjs/index.js" },
  ...["asn-ipv4", "asn-ipv6"].map((name) => ({
    name,
    package: "@ip-location-db/asn",
    from: "2.3.2025041118",
    to: "2.3.2026061719",
    path: `${name}.csv`,
  })),
  { name: "esbuild", package: "@esbuild/linux-x64", from: "0.28.1", to: "0.28.2", path: "bin/esbuild" },
];

/** The two files of a history, on disk. */
export interface Releases {
  name: string;
  /** `package from → to: path`. */
  description: string;
  from: string;
  to: string;
}

/**
 * Fetches the histories from the npm registry, those that are not in the cache
 * (`$XDG_CACHE_HOME/nearsource-bench`). Histories that cannot be fetched are left out, with the reason.
 *
 * @param folder takes the files
 */
export async function fetchHistories(folder: string): Promise<{ histories: Releases[]; missing: string[] }> {
  const histories: Releases[] = [];
  const missing: string[] = [];
  for (const history of HISTORIES) {
    try {
      const [from, to] = [`${history.name}.from`, `${history.name}.to`].map((name) =>
        path.join(folder, name),
      );
      if (from === undefined || to === undefined) continue;
      await takeFile(history, history.from, from);
      await takeFile(history, history.to, to);
      const description = `${history.package} ${history.from} → ${history.to}: ${history.path}`;
      histories.push({ name: history.name, description, from, to });
    } catch (error) {
      missing.push(`left out: ${history.name} (${(error as Error).message.split("\n")[0]})`);
    }
  }
  return { histories, missing };
}

async function takeFile(history: History, version: string, to: string): Promise<void> {
  const source = path.join(await fetchPackage(history.package, version), history.path);
  if (!(await fs.stat(source)).isDirectory()) return await fs.copyFile(source, to);
  const entries = await fs.readdir(source, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  const contents = await Promise.all(files.sort().map((file) => fs.readFile(file)));
  await fs.writeFile(to, Buffer.concat(contents));
}

/** The unpacked package. */
async function fetchPackage(name: string, version: string): Promise<string> {
  const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), "nearsource-bench");
  const folder = path.join(cache, `${name.replace(/^@/, "").replace("/", "-")}-${version}`);
  if (existsSync(folder)) return path.join(folder, "package");
  const unpacked = `${folder}.${process.pid}`;
  await fs.mkdir(unpacked, { recursive: true });
  try {
    run("npm", ["pack", "--silent", "--pack-destination", unpacked, `${name}@${version}`]);
    const [archive = ""] = await fs.readdir(unpacked);
    run("tar", ["-xzf", path.join(unpacked, archive), "-C", unpacked]);
    await fs.rename(unpacked, folder);
  } finally {
    await fs.rm(unpacked, { recursive: true, force: true });
  }
  return path.join(folder, "package");
}
