import { promises as fs } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { describeRepository } from "../../src/publisher/describe.ts";
import { publishTargets, removeTarget } from "../../src/publisher/publishTargets.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { withRepository } from "../../src/publisher/repository/session.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import {
  age,
  newFolder,
  newReader,
  newRepository,
  readManifest,
  readRelease,
  treeOf,
  writeTree,
} from "./fixture.ts";

const component = { kind: "components", name: "vp" } as const;
const repository = "content";

let dir = "";
const manifests = () => path.join(dir, "content/targets/components");

beforeEach(async () => {
  dir = await newRepository(repository);
  await add("one", 41);
});

async function add(content: string, release?: number) {
  const folder = await writeTree(await newFolder(), { "data.bin": content });
  return addRelease({ dir, ...component, version: content, path: folder, release });
}

async function loseManifest(): Promise<void> {
  for (const name of await fs.readdir(manifests())) await fs.rm(path.join(manifests(), name));
}

describe("a repository in which something published is missing", () => {
  const losses: Record<string, [() => Promise<void>, string]> = {
    "a manifest": [loseManifest, "vp.json is missing"],
    "the bytes of a manifest": [
      async () => {
        for (const name of await fs.readdir(manifests()))
          await fs.appendFile(path.join(manifests(), name), " ");
      },
      "vp.json is missing or was altered",
    ],
    "an object": [
      () => fs.rm(path.join(dir, "content/objects"), { recursive: true }),
      "data.bin in release 41 is missing",
    ],
    "the end of an object": [
      async () => {
        const [name = ""] = Object.keys(await treeOf(path.join(dir, "content/objects")));
        await fs.truncate(path.join(dir, "content/objects", name), 1);
      },
      "data.bin in release 41 has 1 bytes instead of 3",
    ],
  };
  test.each(Object.entries(losses))("by %s is not signed anew by refresh", async (_, [lose, message]) => {
    await lose();
    const before = await treeOf(dir);
    await expect(renewRepository({ dir, repository })).rejects.toMatchObject({
      code: "REPOSITORY_INVALID",
      message: expect.stringContaining(message),
      hint: expect.stringContaining("nearsource repo add"),
    });
    expect(await treeOf(dir)).toEqual(before);
    const { incomplete } = await describeRepository({ dir, repository });
    expect(incomplete).toEqual([expect.stringContaining(message)]);
  });

  test("is mended by add, above the releases there were", async () => {
    const reader = await newReader(dir, repository);
    await reader.refresh();
    await loseManifest();
    const added = await add("two");
    expect(added).toMatchObject({ release: 42, warnings: [expect.stringContaining("was missing")] });
    const manifest = await readManifest(dir, "components", "vp", reader);
    if (manifest === undefined) throw new Error("no manifest");
    expect(manifest.releases.map(({ version }) => version)).toEqual(["two"]);
    await readRelease(dir, manifest, 42);
    expect((await renewRepository({ dir, repository })).warnings).toEqual([]);
  });

  test("is mended by remove, and what comes back later goes on above", async () => {
    await loseManifest();
    const { warnings } = await removeTarget({ dir, ...component });
    expect(warnings).toEqual([expect.stringContaining("was missing")]);
    await renewRepository({ dir, repository });
    expect(await add("two")).toMatchObject({ release: 42 });
  });

  test("of which several things are missing is mended one by one", async () => {
    const folder = await writeTree(await newFolder(), { "data.bin": "other" });
    await addRelease({ dir, kind: "components", name: "other", version: "1", path: folder });
    await loseManifest();
    const { warnings } = await add("two");
    expect(warnings).toContainEqual(expect.stringContaining("old files could not be deleted"));
    await expect(renewRepository({ dir, repository })).rejects.toMatchObject({
      message: expect.stringContaining("components/other"),
    });
    await removeTarget({ dir, kind: "components", name: "other" });
    await renewRepository({ dir, repository });
  });

  test("by an object is mended by adding the same file again", async () => {
    await fs.rm(path.join(dir, "content/objects"), { recursive: true });
    await add("one");
    await renewRepository({ dir, repository });
  });

  test("keeps the objects of a manifest that may be put back", async () => {
    const [name = ""] = await fs.readdir(manifests());
    const bytes = await fs.readFile(path.join(manifests(), name));
    await loseManifest();
    await age(dir, 16);
    const folder = await writeTree(await newFolder(), { "data.bin": "other" });
    await addRelease({ dir, kind: "components", name: "other", version: "1", path: folder });
    await fs.writeFile(path.join(manifests(), name), bytes);
    await renewRepository({ dir, repository });
  });

  test("is signed anew after a restore, with a warning, so that what is missing can be added", async () => {
    await fs.rm(path.join(dir, "content/objects"), { recursive: true });
    const { warnings } = await renewRepository({ dir, repository, restored: true });
    expect(warnings).toEqual([expect.stringMatching(/^incomplete: components\/vp: /)]);
  });
});

test("a manifest whose number was not signed beside it, once lost, needs a person's number", async () => {
  const target = "components/vp.json";
  const bytes = Buffer.from(JSON.stringify(await readManifest(dir, "components", "vp")));
  await withRepository({ dir }, repository, async (session) => {
    await publishTargets(session, [{ role: "components", target, bytes }]);
    return {};
  });
  await loseManifest();
  for (const work of [() => add("two"), () => removeTarget({ dir, ...component })]) {
    await expect(work()).rejects.toMatchObject({
      code: "REPOSITORY_INVALID",
      hint: expect.stringContaining("--release N"),
    });
  }
  expect(await add("two", 50)).toMatchObject({ release: 50 });
  await renewRepository({ dir, repository });
});

test("a settings document that is missing is published again by set, and not signed anew by refresh", async () => {
  const web = await newRepository("settings");
  const file = path.join(await writeTree(await newFolder(), { "list.json": '{"entries":[]}' }), "list.json");
  await setDocument({ dir: web, name: "source-list", file });
  const folder = path.join(web, "settings/targets/settings");
  for (const name of await fs.readdir(folder)) await fs.rm(path.join(folder, name));
  const refresh = () => renewRepository({ dir: web, repository: "settings" });
  await expect(refresh()).rejects.toMatchObject({ code: "REPOSITORY_INVALID" });
  expect(await setDocument({ dir: web, name: "source-list", file })).toMatchObject({ changed: true });
  await refresh();
});
