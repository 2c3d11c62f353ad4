import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { BLOCK_SIZE, METADATA_LIMITS } from "../../../src/core/content/layout.ts";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { describeRepository } from "../../../src/publisher/describe.ts";
import { initRepository } from "../../../src/publisher/init.ts";
import { publishTargets, removeTarget } from "../../../src/publisher/publishTargets.ts";
import { withRepository } from "../../../src/publisher/repository/session.ts";
import { setDocument } from "../../../src/publisher/setDocument.ts";
import {
  newFolder,
  newReader,
  newRepository,
  readManifest,
  readMetadata,
  readRelease,
  sha256,
  treeOf,
  writeTree,
} from "../fixture.ts";

const component = { kind: "components", name: "virus-pattern" } as const;

describe("a new repository", () => {
  test.each(["content", "settings"] as const)("of %s is accepted by a TUF client", async (repository) => {
    const dir = await newRepository(repository);
    const updater = await (await newReader(dir, repository)).refresh();
    expect(await updater.getTargetInfo(`${repository}/none.json`)).toBeUndefined();
  });

  test("turns consistent snapshots on, and delegates the paths that the layout gives each role", async () => {
    const dir = await newRepository("content");
    const root = await readMetadata(dir, "content", "1.root.json");
    const targets = await readMetadata(dir, "content", "1.targets.json");
    expect(root.signed).toMatchObject({ consistent_snapshot: true, spec_version: "1.0.31", version: 1 });
    const roles = targets.signed.delegations.roles.map((role: { name: string; paths: string[] }) => [
      role.name,
      role.paths,
    ]);
    expect(roles).toEqual([
      ["components", ["components/*"]],
      ["programs", ["programs/*"]],
    ]);
  });

  test("has its keys beside it, each in a file that only its owner reads", async () => {
    const dir = await newRepository("settings", { rootKeys: 2, rootThreshold: 2 });
    const keys = path.join(`${dir}.keys`, "settings");
    expect((await fs.stat(keys)).mode & 0o777).toBe(0o700);
    const files = (await fs.readdir(keys)).filter((name) => name.endsWith(".pem"));
    expect(files.sort()).toEqual(
      ["root-1.pem", "root-2.pem", "settings.pem", "snapshot.pem", "targets.pem", "timestamp.pem"].sort(),
    );
    for (const file of files) {
      expect((await fs.stat(path.join(keys, file))).mode & 0o777, file).toBe(0o600);
      expect(await fs.readFile(path.join(keys, file), "utf8")).toContain("BEGIN PRIVATE KEY");
    }
    for (const name of Object.keys(await treeOf(dir))) {
      expect(await fs.readFile(path.join(dir, name), "utf8"), name).not.toContain("PRIVATE");
    }
  });

  test("expires when its maker chose, and keeps to that when it is published to", async () => {
    const now = new Date(Date.now() - 3_600_000);
    const dir = await newRepository("content", { now, lifetimes: { timestamp: 3, snapshot: 30 } });
    await addRelease({ dir, ...component, version: "1", path: await oneFile("a"), now });
    const { roles } = await describeRepository({ dir, repository: "content" });
    const days = Object.fromEntries(
      roles.map(({ role, expires }) => [role, Math.round((Date.parse(expires) - +now) / 86_400_000)]),
    );
    expect(days).toEqual({
      root: 730,
      timestamp: 3,
      snapshot: 30,
      targets: 365,
      components: 365,
      programs: 365,
    });
  });

  test("carries length and hash of every metadata file, whole-second expiry, and the time of signing", async () => {
    const now = new Date("2026-05-06T07:08:09.987Z");
    const dir = await newRepository("content", { now });
    const timestamp = await readMetadata(dir, "content", "timestamp.json");
    const snapshot = await readMetadata(dir, "content", "1.snapshot.json");
    expect(timestamp.signed).toMatchObject({
      signed_at: "2026-05-06T07:08:09Z",
      expires: "2026-05-20T07:08:09Z",
    });
    const listed = { ...timestamp.signed.meta, ...snapshot.signed.meta };
    expect(Object.keys(listed).sort()).toEqual([
      "components.json",
      "programs.json",
      "snapshot.json",
      "targets.json",
    ]);
    for (const [name, { version, length, hashes }] of Object.entries<Listed>(listed)) {
      const bytes = await fs.readFile(path.join(dir, "content/metadata", `${version}.${name}`));
      expect({ length, hashes }).toEqual({ length: bytes.length, hashes: { sha256: sha256(bytes) } });
    }
  });

  test("goes to the keys folder it is told", async () => {
    const keysDir = path.join(await newFolder(), "vault");
    const dir = await newRepository("content", { keysDir });
    await expect(fs.stat(`${dir}.keys`)).rejects.toThrow("ENOENT");
    await addRelease({ dir, keysDir, ...component, version: "1", path: await oneFile("a") });
    expect(await readManifest(dir, "components", "virus-pattern")).toBeDefined();
  });

  test("does not take the place of one that is there", async () => {
    const dir = await newRepository("content");
    const before = await treeOf(path.dirname(dir));
    await expect(initRepository({ dir, repository: "content" })).rejects.toMatchObject({
      code: "REPOSITORY_EXISTS",
    });
    expect(await treeOf(path.dirname(dir))).toEqual(before);
  });

  test("is not made in an empty folder when its keys belong to a repository that was published", async () => {
    const dir = await newRepository("content");
    await fs.rename(dir, `${dir}.unmounted`);
    await expect(initRepository({ dir, repository: "content" })).rejects.toMatchObject({
      code: "REPOSITORY_EXISTS",
      hint: expect.stringContaining("mounted"),
    });
  });
});

describe("a release", () => {
  test("comes back byte for byte through a TUF client, folders and large files included", async () => {
    const dir = await newRepository("content");
    const large = Buffer.alloc(BLOCK_SIZE * 2 + 5, "0123456789abcdef!");
    const folder = await writeTree(await newFolder(), {
      "lpt.dat": large,
      "deep/er/rules.txt": "rule 1\n",
      empty: "",
    });
    const added = await addRelease({ dir, ...component, version: "17.1", path: folder });
    const bytes = large.length + 7;
    expect(added).toEqual({ release: 1, files: 3, bytes, bytesFromPrevious: bytes, warnings: [] });

    const manifest = await readManifest(dir, "components", "virus-pattern");
    if (manifest === undefined) throw new Error("no manifest");
    expect(manifest.releases[0]).toMatchObject({ release: 1, version: "17.1" });
    const files = await readRelease(dir, manifest, 1);
    expect(Object.keys(files)).toEqual(["deep/er/rules.txt", "empty", "lpt.dat"]);
    expect(files["lpt.dat"]?.equals(large)).toBe(true);
    expect(manifest.releases[0]?.files.map(({ blocks }) => blocks?.sha256.length)).toEqual([
      undefined,
      undefined,
      3,
    ]);
  });

  test("counts on from the highest, leaves gaps where it is told, and never goes back", async () => {
    const dir = await newRepository("content");
    const add = async (release?: number) =>
      (await addRelease({ dir, ...component, version: "v", path: await oneFile("x"), release })).release;
    expect([await add(), await add(), await add(40), await add()]).toEqual([1, 2, 40, 41]);
    for (const release of [41, 40, 3]) {
      await expect(add(release)).rejects.toMatchObject({ code: "REPOSITORY_INPUT_INVALID" });
    }
  });

  test("goes on above the last number of a component that was removed", async () => {
    const dir = await newRepository("content");
    await addRelease({ dir, ...component, version: "1", path: await oneFile("x"), release: 7 });
    await removeTarget({ dir, ...component });
    expect(await readManifest(dir, "components", "virus-pattern")).toBeUndefined();
    const again = await addRelease({ dir, ...component, version: "2", path: await oneFile("y") });
    expect(again.release).toBe(8);
  });

  test("pushes out the oldest: five stay, or as many as asked", async () => {
    const dir = await newRepository("content");
    for (let index = 1; index <= 7; index++) {
      await addRelease({ dir, ...component, version: `${index}`, path: await oneFile(`${index}`) });
    }
    const kept = async () =>
      (await readManifest(dir, "components", "virus-pattern"))?.releases.map(({ release }) => release);
    expect(await kept()).toEqual([7, 6, 5, 4, 3]);
    await addRelease({ dir, ...component, version: "8", path: await oneFile("8"), keep: 2 });
    expect(await kept()).toEqual([8, 7]);
  });

  test("keeps what a newer program wrote beside the older releases", async () => {
    const dir = await newRepository("content");
    await addRelease({ dir, ...component, version: "1", path: await oneFile("one") });
    const target = "components/virus-pattern.json";
    await alterManifest(dir, (manifest) => {
      const file = manifest.releases[0]?.files[0] ?? {};
      file.alternatives = [{ format: "new", length: 1, sha256: "0".repeat(64) }];
    });
    await addRelease({ dir, ...component, version: "2", path: await oneFile("two") });
    const bytes = await (await newReader(dir, "content")).target(target);
    expect(JSON.parse(String(bytes)).releases[1].files[0].alternatives).toHaveLength(1);
  });

  test("of a program is signed by the programs role, and the components role stays as it was", async () => {
    const dir = await newRepository("content");
    await addRelease({ dir, kind: "programs", name: "agent", version: "1", path: await oneFile("exe") });
    expect(await readManifest(dir, "programs", "agent")).toMatchObject({ kind: "programs" });
    expect((await readMetadata(dir, "content", "2.programs.json")).signed.targets).toHaveProperty([
      "programs/agent.json",
    ]);
    await expect(readMetadata(dir, "content", "2.components.json")).rejects.toThrow("ENOENT");
  });

  test("leaves an object that is there already as it is", async () => {
    const dir = await newRepository("content");
    const file = await oneFile("same bytes");
    await addRelease({ dir, ...component, version: "1", path: file });
    const object = path.join(dir, "content/objects", objectNames(await treeOf(dir))[0] ?? "");
    const before = await fs.stat(object);
    await addRelease({ dir, ...component, version: "2", path: file });
    expect((await fs.stat(object)).ino).toBe(before.ino);
  });
});

describe("a settings document", () => {
  test("is published with the bytes of its file, without a byte order mark", async () => {
    const dir = await newRepository("settings");
    const text = '{ "entries": [] , "comment": "ä" }\n';
    const file = path.join(await newFolder(), "list.json");
    await fs.writeFile(file, `\uFEFF${text}`);
    await setDocument({ dir, name: "source-list", file });
    const bytes = await (await newReader(dir, "settings")).target("settings/source-list.json");
    expect(bytes?.toString("utf8")).toBe(text);
  });

  test("of a domain, or of a kind yet unknown, is found under its name", async () => {
    const dir = await newRepository("settings");
    const file = path.join(await newFolder(), "any.json");
    await fs.writeFile(file, "{}");
    for (const name of ["policies/Berlin_2.west", "rollout-rings"]) {
      await setDocument({ dir, name, file });
      expect(await (await newReader(dir, "settings")).target(`settings/${name}.json`)).toBeDefined();
    }
    const { documents } = await describeRepository({ dir, repository: "settings" });
    expect(documents.map(({ name }) => name)).toEqual(["policies/Berlin_2.west", "rollout-rings"]);
  });

  test("that is published already changes nothing", async () => {
    const dir = await newRepository("settings");
    const file = path.join(await newFolder(), "list.json");
    await fs.writeFile(file, "{}");
    expect(await setDocument({ dir, name: "source-list", file })).toMatchObject({ changed: true });
    const before = await treeOf(dir);
    expect(await setDocument({ dir, name: "source-list", file })).toMatchObject({ changed: false });
    expect(await treeOf(dir)).toEqual(before);
  });

  test("that grew large is published with a warning", async () => {
    const dir = await newRepository("settings");
    const file = path.join(await newFolder(), "large.json");
    await fs.writeFile(file, JSON.stringify({ text: "x".repeat(METADATA_LIMITS.targets) }));
    const { warnings } = await setDocument({ dir, name: "large", file });
    expect(warnings).toEqual([
      "agents of this version do not read settings/large",
      expect.stringMatching(/^settings\/large.json is \d+ bytes; beyond 524288 /),
    ]);
    expect(await (await newReader(dir, "settings")).target("settings/large.json")).toBeDefined();
  });

  test("that was removed is gone for clients", async () => {
    const dir = await newRepository("settings");
    const file = path.join(await newFolder(), "list.json");
    await fs.writeFile(file, "{}");
    await setDocument({ dir, name: "source-list", file });
    const reader = await newReader(dir, "settings");
    expect(await reader.target("settings/source-list.json")).toBeDefined();
    await removeTarget({ dir, kind: "settings", name: "source-list" });
    expect(await reader.target("settings/source-list.json")).toBeUndefined();
  });
});

interface Listed {
  version: number;
  length: number;
  hashes: { sha256: string };
}

async function oneFile(content: string): Promise<string> {
  return path.join(await writeTree(await newFolder(), { "file.dat": content }), "file.dat");
}

function objectNames(tree: Record<string, string>): string[] {
  return Object.keys(tree)
    .filter((name) => name.startsWith("content/objects/"))
    .map((name) => name.slice("content/objects/".length));
}

/** Publishes an altered manifest the way a newer program would: signed by the same keys. */
async function alterManifest(
  dir: string,
  alter: (manifest: { releases: { files: Record<string, unknown>[] }[] }) => void,
): Promise<void> {
  const target = "components/virus-pattern.json";
  const bytes = await (await newReader(dir, "content")).target(target);
  const manifest = JSON.parse(String(bytes));
  alter(manifest);
  await withRepository({ dir }, "content", async (session) => {
    const bytes = Buffer.from(JSON.stringify(manifest));
    await publishTargets(session, [{ role: "components", target, bytes }]);
    return {};
  });
}
