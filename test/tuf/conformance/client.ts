/**
 * The three commands by which the conformance suite for TUF clients drives a client. A thin adapter
 * over the product's own metadata and fetch modules: what the suite proves here holds for an update.
 *
 *     client.ts --metadata-dir D init TRUSTED_ROOT
 *     client.ts --metadata-dir D --metadata-url U refresh
 *     client.ts --metadata-dir D --metadata-url U --target-name N… --target-base-url B --target-dir T download
 *
 * Options may stand before or after the command, and several names after one option or after one each.
 * Exit 0 or 1.
 */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { createResolver, toLookup } from "../../../src/dns/resolver.ts";
import { explainError } from "../../../src/errors.ts";
import { createFetcher } from "../../../src/http/client.ts";
import type { Fetcher } from "../../../src/http/fetcher.ts";
import { refresh } from "../../../src/tuf/refresh.ts";
import type { TrustedSet } from "../../../src/tuf/trustedSet.ts";

const COMMANDS = ["init", "refresh", "download"];

const limits = { connectTimeout: 5_000, responseTimeout: 9_000, stallTimeout: 10_000, minRate: 1_024 };

type Options = ReturnType<typeof readArgs>["values"];

// Not awaited at the top, which CommonJS does not have: in that form it starts in half of the time.
void runCommand().catch((error) => {
  process.stderr.write(`${explainError(error)}\n`);
  process.exitCode = 1;
});

function readArgs() {
  return parseArgs({
    allowPositionals: true,
    options: {
      "metadata-dir": { type: "string" },
      "metadata-url": { type: "string" },
      "target-name": { type: "string", multiple: true, default: [] },
      "target-base-url": { type: "string" },
      "target-dir": { type: "string" },
    },
  });
}

async function runCommand(): Promise<void> {
  const { values, positionals } = readArgs();
  // With the options first, the names that follow the first of --target-name stand before the command.
  const at = COMMANDS.includes(positionals[0] ?? "") ? 0 : positionals.length - 1;
  const command = positionals[at];
  const rest = positionals.toSpliced(at, 1);
  if (command === "init") return await init(values, required(rest[0], "TRUSTED_ROOT"));
  if (command !== "refresh" && command !== "download") throw new Error(`unknown command ${command}`);
  const fetcher = createFetcher(limits, toLookup(createResolver()));
  try {
    await update(values, fetcher, command === "download" ? [...values["target-name"], ...rest] : []);
  } finally {
    fetcher.close();
  }
}

async function init(values: Options, trustedRoot: string): Promise<void> {
  const folder = required(values["metadata-dir"], "--metadata-dir");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "root.json"), await readFile(trustedRoot));
}

async function update(values: Options, fetcher: Fetcher, targets: string[]): Promise<void> {
  const folder = required(values["metadata-dir"], "--metadata-dir");
  const trusted = await readTrusted(folder, values["target-dir"] ?? "", targets);
  const source = {
    fetcher,
    metadataUrl: withSlash(required(values["metadata-url"], "--metadata-url")),
    targetsUrl: withSlash(values["target-base-url"] ?? ""),
  };
  const staged = new Map<string, Buffer>();
  try {
    const refreshed = await refresh(trusted, source, new Date(), staged);
    for (const target of targets) {
      const bytes = await refreshed.document(target);
      if (bytes === undefined) throw new Error(`no target ${target}`);
      // A document that is there already, as signed, stays the file that it is.
      if (bytes === trusted.documents.get(target)) continue;
      await place(
        bytes,
        path.join(required(values["target-dir"], "--target-dir"), encodeURIComponent(target)),
      );
    }
  } finally {
    // The suite looks at each file as it verified, also after a refresh that failed further on.
    await keep(staged, folder);
  }
}

/** The suite's folder as a trusted set: its `root.json` is where trust starts. */
async function readTrusted(folder: string, targetDir: string, targets: string[]): Promise<TrustedSet> {
  const files = new Map<string, Buffer>();
  for (const name of await readdir(folder)) {
    if (name.endsWith(".json")) files.set(name, await readFile(path.join(folder, name)));
  }
  const documents = new Map<string, Buffer>();
  for (const target of targets) {
    const file = path.join(targetDir, encodeURIComponent(target));
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes !== undefined) documents.set(target, bytes);
  }
  return { repository: "content", folder, files, documents };
}

/** Numbered roots become `root.json`, the newest last. */
async function keep(staged: ReadonlyMap<string, Buffer>, folder: string): Promise<void> {
  for (const [name, bytes] of staged) {
    await place(bytes, path.join(folder, name.replace(/^\d+\.root\.json$/, "root.json")));
  }
}

async function place(bytes: Buffer, file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.tmp`, bytes);
  await rename(`${file}.tmp`, file);
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
