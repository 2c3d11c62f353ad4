/** Three tools that go on to another source: each fetches the same bytes from the given ones, in order. */
import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { type Agent, writeAgent } from "./agent.ts";
import { aptOptions, writeAptHome } from "./apt.ts";
import { costOf } from "./measure.ts";
import type { Bench } from "./outcome.ts";

/** Ready to be run once. */
export interface Fetching {
  command: string[];
  /** The folder in which the command is run, with only this run's own files in it. */
  folder: string;
  /** Path of the file afterwards. */
  result: string;
}

export interface Tool {
  name: string;
  /** Sets a run of its own up, from sources in this order. */
  prepare: (name: string, urls: string[]) => Promise<Fetching>;
}

export const BLOCK = 4_194_304;

/** The files that `nearsource`, a metalink and apt each need below one web root. */
export interface Shared {
  www: string;
  payload: Buffer;
  sha256: string;
}

export function nearsourceTool(bench: Bench, { www, sha256 }: Shared): Tool {
  return {
    name: "nearsource",
    prepare: async (name, urls) => {
      const sources = urls.map((url) => `${url}/site`);
      const agent: Agent = await writeAgent(bench, name, { sources, root: path.join(www, "site") });
      const result = path.join(agent.dataDir, "store", sha256.slice(0, 2), sha256);
      return { command: agent.nearsource("update", "--quiet"), folder: path.dirname(agent.config), result };
    },
  };
}

/** aria2 with a metalink that has the hash of each block, and its default time-outs. */
export function aria2Tool(bench: Bench, { payload, sha256 }: Shared): Tool {
  const blocks = Array.from({ length: payload.length / BLOCK }, (_, index) =>
    createHash("sha256")
      .update(payload.subarray(index * BLOCK, (index + 1) * BLOCK))
      .digest("hex"),
  );
  return {
    name: "aria2c, metalink",
    prepare: async (name, urls) => {
      const folder = path.join(bench.work, name);
      await fs.mkdir(folder);
      const places = urls.map((url, index) => `<url priority="${index + 1}">${url}/big.dat</url>`);
      const pieces = blocks.map((hash) => `<hash>${hash}</hash>`);
      const metalink = path.join(folder, "big.meta4");
      await fs.writeFile(
        metalink,
        `<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="big.dat">
<size>${payload.length}</size><hash type="sha-256">${sha256}</hash>
<pieces length="${BLOCK}" type="sha-256">${pieces.join("")}</pieces>
${places.join("\n")}
</file></metalink>`,
      );
      const command = ["aria2c", "--no-conf", "-q", "--file-allocation=none", "-d", folder, "-M", metalink];
      return { command, folder, result: path.join(folder, "big.dat") };
    },
  };
}

/** Writes the package that `aptTool` fetches; apt looks at its length and its hash alone. */
export async function publishPackage({ www, payload, sha256 }: Shared): Promise<void> {
  const packages = `Package: big
Version: 1
Architecture: all
Maintainer: bench <bench@corp.example>
Filename: ./big_1_all.deb
Size: ${payload.length}
SHA256: ${sha256}
Description: bench
`;
  await fs.writeFile(path.join(www, "debian/Packages"), packages);
}

/** apt with a file of mirrors, and its default time-outs. Its lists are there already. */
export function aptTool(bench: Bench, good: string, { www }: Shared): Tool {
  return {
    name: "apt, mirror+file",
    prepare: async (name, urls) => {
      const home = path.join(bench.work, name);
      await fs.mkdir(home);
      const mirrors = path.join(home, "mirrors");
      await writeAptHome(home, path.join(www, "debian"), `mirror+file:${mirrors}`);
      await fs.writeFile(mirrors, `${good}/debian\n`);
      await costOf(["apt-get", ...aptOptions(home), "-q", "update"], home);
      const lines = urls.map((url, index) => `${url}/debian\tpriority:${index + 1}\n`);
      await fs.writeFile(mirrors, lines.join(""));
      const command = ["apt-get", ...aptOptions(home), "-q", "download", "big"];
      return { command, folder: home, result: path.join(home, "big_1_all.deb") };
    },
  };
}
