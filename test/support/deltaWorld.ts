import { promises as fs } from "node:fs";
import path from "node:path";
import type { Alternative, ManifestFile } from "../../src/core/content/manifest.ts";
import { type Delta, named } from "./deltas.ts";
import { addTarget, newDraft, newSigners, writeDraft } from "./otherPublisher.ts";
import { startSource, type TestSource } from "./source.ts";
import { type Agent, type AgentOptions, makeAgent, runUpdate, type World } from "./world.ts";

/** A release of a component `rules` as somebody else publishes it: files by path, and the ways to them. */
export interface ForgedRelease {
  files: Record<string, Buffer>;
  /** Alternatives by path, as the manifest lists them, whether our program knows such or not. */
  alternatives?: Record<string, (Alternative | Record<string, unknown>)[]>;
}

/**
 * Web roots of a repository by another publisher, one for each publication; a publication lists its
 * release and those before it.
 *
 * @param deltas whose objects are served
 */
export async function forge(
  world: World,
  releases: ForgedRelease[],
  deltas: Delta[],
): Promise<{ roots: string[]; root: string }> {
  const folder = await fs.mkdtemp(path.join(world.folder, "forged-"));
  const signers = newSigners();
  const roots: string[] = [];
  for (const [index] of releases.entries()) {
    const listed = releases.slice(0, index + 1);
    const draft = newDraft(signers, index + 1);
    draft.root.version = 1;
    addTarget(draft, "components", "components/rules.json", {
      kind: "components",
      name: "rules",
      releases: listed.map((release, at) => ({
        release: at + 1,
        version: `${at + 1}.0`,
        files: filesOf(release),
      })),
    });
    draft.objects.push(...listed.flatMap(({ files }) => Object.values(files)));
    draft.objects.push(...deltas.map(({ object }) => object));
    const www = path.join(folder, `www-${index + 1}`);
    await writeDraft(www, draft, signers);
    roots.push(www);
  }
  return { roots, root: path.join(folder, "www-1", "content", "metadata", "1.root.json") };
}

function filesOf({ files, alternatives = {} }: ForgedRelease): (ManifestFile | Record<string, unknown>)[] {
  return Object.entries(files).map(([file, bytes]) => {
    const ways = alternatives[file];
    return { path: file, ...named(bytes), ...(ways === undefined ? {} : { alternatives: ways }) };
  });
}

/** An agent that has the first publication of a forged repository, and a source that serves the last. */
export async function upgradeOf(
  world: World,
  releases: ForgedRelease[],
  deltas: Delta[],
  { answer, ...options }: Omit<AgentOptions, "sources"> & { answer?: Parameters<typeof startSource>[1] } = {},
): Promise<{ agent: Agent; source: TestSource; roots: string[]; root: string }> {
  const { roots, root } = await forge(world, releases, deltas);
  const source = await startSource(roots[0] ?? "", answer);
  const agent = await makeAgent(world, { sources: { only: source.url }, root, ...options });
  await runUpdate(agent);
  source.root = roots.at(-1) ?? "";
  source.requests.length = 0;
  return { agent, source, roots, root };
}
