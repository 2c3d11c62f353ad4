/** The checks that other updaters do, each against its own folder below the same nginx. */
import { promises as fs } from "node:fs";
import path from "node:path";
import { aptOptions, writeAptHome } from "./apt.ts";
import type { Case } from "./measure.ts";
import type { Bench } from "./outcome.ts";
import { lacking, run } from "./peers.ts";

/** A case ready to be measured, or why there is none. */
type PeerCase = Case | string;

/** The least possible check, with one file and one request: is this the timestamp that I have? */
export async function curlCheck(bench: Bench, site: string): Promise<PeerCase> {
  const missing = lacking("curl");
  if (missing !== undefined) return `left out: ${missing}`;
  const [etag, copy] = [path.join(bench.work, "etag"), path.join(bench.work, "timestamp.json")];
  const url = `${site}/content/metadata/timestamp.json`;
  run("curl", ["-s", "-f", "--etag-save", etag, "-o", copy, url]);
  return { name: "curl, one ETag", command: ["curl", "-s", "-f", "--etag-compare", etag, "-o", copy, url] };
}

/**
 * freshclam with a private mirror. A check reads only the headers of the databases, on both sides, and
 * those carry no signature of themselves: databases with made-up headers do.
 */
export async function freshclamCheck(bench: Bench, url: string): Promise<PeerCase> {
  const missing = lacking("freshclam");
  if (missing !== undefined) return `left out: ${missing}`;
  const [mirror, own] = [path.join(bench.work, "www/clamav"), path.join(bench.work, "clamav")];
  await Promise.all([mirror, own].map((folder) => fs.mkdir(folder)));
  const built = new Date("2026-07-07T07:00:00Z");
  for (const [name, version] of Object.entries({ main: 62, daily: 27_000, bytecode: 335 })) {
    const header = `ClamAV-VDB:07 Jul 2026 07-00 +0000:${version}:1000:90:${"a".repeat(32)}:${"b".repeat(60)}:bench:${built.getTime() / 1_000}`;
    for (const folder of [mirror, own]) {
      const file = path.join(folder, `${name}.cvd`);
      await fs.writeFile(file, header.padEnd(512));
      await fs.utimes(file, built, built);
    }
  }
  const config = path.join(bench.work, "freshclam.conf");
  await fs.writeFile(
    config,
    `DatabaseDirectory ${own}
DatabaseOwner ${process.getuid?.() === 0 ? "root" : "clamav"}
PrivateMirror ${url}/clamav
ScriptedUpdates no
TestDatabases no
MaxAttempts 1
`,
  );
  return { name: "freshclam, private mirror", command: ["freshclam", `--config-file=${config}`, "--quiet"] };
}

/** apt with one source of one package. */
export async function aptCheck(bench: Bench, url: string): Promise<PeerCase> {
  const missing = lacking("apt-get");
  if (missing !== undefined) return `left out: ${missing}`;
  const debian = path.join(bench.work, "www/debian");
  await fs.mkdir(debian);
  await fs.writeFile(path.join(debian, "Packages"), "");
  const home = path.join(bench.work, "apt");
  await writeAptHome(home, debian, `${url}/debian`);
  const command = ["apt-get", ...aptOptions(home), "-q", "update"];
  run("apt-get", command.slice(1));
  return { name: "apt-get update, local mirror", command };
}
