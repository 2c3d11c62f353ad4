import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";

/** Makes the folders of an apt of its own that knows one source, and signs nothing. */
export async function writeAptHome(home: string, repository: string, uri: string): Promise<void> {
  for (const folder of ["lists/partial", "archives/partial", "etc", "log"]) {
    await fs.mkdir(path.join(home, folder), { recursive: true });
  }
  await fs.writeFile(path.join(home, "status"), "");
  await fs.writeFile(path.join(home, "etc/sources.list"), `deb [trusted=yes] ${uri} ./\n`);
  await writeRelease(repository);
}

/** Options for an apt that leaves the machine's own alone, and keeps its default time-outs. */
export function aptOptions(home: string): string[] {
  const options = {
    "Dir::State": home,
    "Dir::State::lists": `${home}/lists`,
    "Dir::State::status": `${home}/status`,
    "Dir::Cache": home,
    "Dir::Cache::archives": `${home}/archives`,
    "Dir::Etc::sourcelist": `${home}/etc/sources.list`,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::parts": "/dev/null",
    "Dir::Log": `${home}/log`,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::http::Proxy": "false",
  };
  return Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

/** The `Release` of a folder with its `Packages`. */
async function writeRelease(repository: string): Promise<void> {
  const packages = await fs.readFile(path.join(repository, "Packages"));
  const hash = createHash("sha256").update(packages).digest("hex");
  const release = `Suite: bench\nDate: Tue, 07 Jul 2026 07:00:00 UTC\nSHA256:\n ${hash} ${packages.length} Packages\n`;
  await fs.writeFile(path.join(repository, "Release"), release);
}
