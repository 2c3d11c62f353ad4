import { promises as fs } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import type { ContentKind } from "../../src/core/content/kind.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { currentNumber, readGeneration } from "../../src/store/generations/generations.ts";
import type { History } from "./history.ts";
import { type Observed, releasesOf } from "./observe.ts";

/** Installed sets that an agent here keeps. */
export const KEPT_GENERATIONS = 2;

/**
 * Expects the rules that hold after any run, with any end: the installed files are published ones, to the
 * byte, and neither they nor the trusted metadata are older than before.
 *
 * @param held releases that a policy holds, by `kind/name`
 */
export function expectSound(
  history: History,
  before: Observed,
  after: Observed,
  held: Record<string, number>,
): void {
  expectPublished(history, after);
  const [old, now] = [releasesOf(before), releasesOf(after)];
  for (const [key, release] of Object.entries(now)) {
    if (release !== held[key])
      expect(release, `${key} is not older than before`).toBeGreaterThanOrEqual(old[key] ?? 0);
  }
  for (const repository of ["content", "settings"] as const) {
    const [was, is] = [versionOf(before, repository), versionOf(after, repository)];
    expect(is, `the trusted timestamp of ${repository} is not older than before`).toBeGreaterThanOrEqual(was);
  }
}

/** Every installed file, hashed again, is what its release was published with; and there is no other. */
function expectPublished({ publications }: History, { installed, files }: Observed): void {
  const claimed: Observed["files"] = {};
  for (const { kind, name, release } of installed?.components ?? []) {
    const all = publications.flatMap(({ published }) => published[kind as ContentKind][name] ?? []);
    const published = all.find((each) => each.release === release);
    expect(published, `release ${release} of ${kind}/${name} was published`).toBeDefined();
    claimed[`${kind}/${name}`] = published?.files ?? {};
  }
  expect(files, "what is installed is what was published").toEqual(claimed);
}

function versionOf({ trusted }: Observed, repository: "content" | "settings"): number {
  const bytes = trusted[repository].files.get("timestamp.json");
  return bytes === undefined ? 0 : JSON.parse(bytes.toString()).signed.version;
}

/** A run that came to its end leaves no litter; one that delivered everything leaves nothing unneeded. */
export async function expectTidy(dirs: DataDir, after: Observed, complete: boolean): Promise<void> {
  expect(await fs.readdir(dirs.tmp), "tmp is empty").toEqual([]);
  expect((await fs.readdir(dirs.root)).filter((name) => name.includes(".tmp-"))).toEqual([]);
  for (const repository of await fs.readdir(dirs.metadata)) {
    expect(await fs.readdir(path.join(dirs.metadata, repository)), `one set of ${repository}`).toHaveLength(
      1,
    );
  }
  expect(await currentNumber(dirs)).toBe(after.installed?.generation);
  expect(after.generations.length, "old generations are swept").toBeLessThanOrEqual(KEPT_GENERATIONS);
  if (!complete) return;
  expect([...after.partial.keys()], "partial files are swept").toEqual([]);
  const needed = new Set<string>();
  for (const number of after.generations) {
    const generation = await readGeneration(dirs, number);
    expect(generation, `generation ${number} is whole`).toBeDefined();
    for (const file of generation?.components.flatMap(({ files }) => files) ?? []) needed.add(file.sha256);
  }
  expect([...after.store].sort(), "the store has what the generations need").toEqual([...needed].sort());
}
