import { execFileSync } from "node:child_process";
import { promises as fs, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { METADATA_LIMITS } from "../../src/core/content/layout.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { type AddReleaseOptions, addRelease } from "../../src/publisher/addRelease.ts";
import { type InitOptions, initRepository } from "../../src/publisher/init.ts";
import { removeTarget } from "../../src/publisher/publishTargets.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { roleOf } from "../../src/publisher/repository/publication.ts";
import { publishNext } from "../../src/publisher/repository/publish.ts";
import { withLock } from "../../src/publisher/repository/repositoryLock.ts";
import { withRepository } from "../../src/publisher/repository/session.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { newFolder, newReader, newRepository, treeOf, writeTree } from "./fixture.ts";

const component = { kind: "components", name: "virus-pattern", version: "1" } as const;

/** Expects `work` to fail with `code` and a message, and to leave web root and keys byte-identical. */
async function expectRefusal(
  dir: string,
  work: () => Promise<unknown>,
  code: ErrorCode,
  message: string | RegExp,
): Promise<void> {
  const before = [await treeOf(dir), await treeOf(`${dir}.keys`)];
  await expect(work()).rejects.toMatchObject({
    code,
    message: expect.stringMatching(typeof message === "string" ? RegExp.escape(message) : message),
  });
  expect([await treeOf(dir), await treeOf(`${dir}.keys`)]).toEqual(before);
}

describe("a release is refused, and nothing changes,", () => {
  const cases: Record<string, [Partial<AddReleaseOptions>, string | RegExp]> = {
    "when its component name leads out of the tree": [{ name: "../x" }, "is not a component name"],
    "when its component name is a device on Windows": [{ name: "nul.txt" }, "reserves for a device"],
    "when its component name is hidden": [{ name: ".x" }, "start or end with a dot"],
    "when its version cannot be read by people": [
      { version: "1\u001b[31m" },
      "releases[0].version: must be 1 to 100 printable",
    ],
    "when its version is empty": [{ version: "" }, "releases[0].version"],
    "when its number is none": [{ release: 0 }, "release 0"],
    "when its number is not whole": [{ release: 1.5 }, "releases[0].release"],
    "when none is to be kept": [{ keep: 0 }, "the number of releases to keep"],
    "when there is nothing at its path": [{ path: "/nonexistent/file" }, "cannot read /nonexistent/file"],
  };
  test.each(Object.entries(cases))("%s", async (_, [options, message]) => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { a: "a" });
    const add = () => addRelease({ dir, ...component, path: folder, ...options });
    await expectRefusal(dir, add, "REPOSITORY_INPUT_INVALID", message);
  });

  test.each([
    ["a hidden file", { good: "1", "sub/.hidden": "2" }, /sub\/\.hidden cannot be published/],
    ["a name with a space", { "a b": "1" }, /a b cannot be published/],
    ["a name with a line break", { "a\nb": "1" }, /cannot be published/],
    ["a name with letters beyond ASCII", { "müll.dat": "1" }, /cannot be published/],
    ["a name that Windows reserves", { "sub/COM1.dat": "1" }, /reserves for a device/],
    [
      "a path longer than agents take",
      { [`${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(90)}`]: "1" },
      /240/,
    ],
    ["names that differ in letter case only", { "a.dat": "1", "A.dat": "2" }, /letter case/],
    ["a file that is a folder elsewhere", { "lib/x": "1", LIB: "2" }, /both as a file and as a folder/],
  ])("when its folder has %s", async (_, files, message) => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), files as Record<string, string>);
    const add = () => addRelease({ dir, ...component, path: folder });
    await expectRefusal(dir, add, "REPOSITORY_INPUT_INVALID", message);
  });

  test("when its folder has a symbolic link, wherever it leads, or is one", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { "sub/a": "a" });
    await fs.symlink("/etc/passwd", path.join(folder, "sub/link"));
    const add = (given: string) => () => addRelease({ dir, ...component, path: given });
    await expectRefusal(dir, add(folder), "REPOSITORY_INPUT_INVALID", "sub/link is a symbolic link");
    const link = path.join(await newFolder(), "link");
    await fs.symlink(path.join(folder, "sub"), link);
    await expectRefusal(dir, add(link), "REPOSITORY_INPUT_INVALID", "is a symbolic link");
  });

  test("when its folder has a special file, which would never end", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { a: "a" });
    execFileSync("mkfifo", [path.join(folder, "pipe")]);
    const add = () => addRelease({ dir, ...component, path: folder });
    await expectRefusal(dir, add, "REPOSITORY_INPUT_INVALID", "pipe is not a file");
  });

  test("when its folder is empty", async () => {
    const dir = await newRepository("content");
    const folder = await newFolder();
    await fs.mkdir(path.join(folder, "sub"));
    const add = () => addRelease({ dir, ...component, path: folder });
    await expectRefusal(dir, add, "REPOSITORY_INPUT_INVALID", "is a folder without files");
  });

  test("when its folder holds the private keys", async () => {
    const dir = await newRepository("content");
    for (const given of [`${dir}.keys`, path.join(`${dir}.keys`, "content")]) {
      const add = () => addRelease({ dir, ...component, path: given });
      await expectRefusal(dir, add, "REPOSITORY_INPUT_INVALID", "would publish the private keys");
    }
  });

  test("when a file vanishes after others were copied already", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { a: "first", b: "second" });
    const add = () =>
      addRelease({ dir, ...component, path: folder, onFile: () => rmSync(path.join(folder, "b")) });
    await expectRefusal(dir, add, "REPOSITORY_INPUT_INVALID", /cannot read .*b/);
  });

  test("when a key that has to sign is elsewhere", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { a: "a" });
    for (const role of ["components", "snapshot", "timestamp"]) {
      const file = path.join(`${dir}.keys/content/${role}.pem`);
      await fs.rename(file, `${file}.away`);
      const add = () => addRelease({ dir, ...component, path: folder });
      await expectRefusal(dir, add, "KEY_INVALID", `the key of the ${role} role`);
      await fs.rename(`${file}.away`, file);
    }
  });

  test("when a key is that of another repository, or no key at all", async () => {
    const dir = await newRepository("content");
    const other = await newRepository("content");
    const folder = await writeTree(await newFolder(), { a: "a" });
    const add = () => addRelease({ dir, ...component, path: folder });
    await fs.copyFile(`${other}.keys/content/components.pem`, `${dir}.keys/content/components.pem`);
    await expectRefusal(dir, add, "KEY_INVALID", "the key of the components role");
    await fs.writeFile(`${dir}.keys/content/components.pem`, "torn");
    await expectRefusal(dir, add, "KEY_INVALID", "is not a key in PEM form");
  });

  test("when metadata would grow beyond what agents accept", async () => {
    const dir = await newRepository("settings");
    const publishMany = () =>
      withRepository({ dir }, "settings", async (session) => {
        const signed = roleOf(session.publication, "settings").signed.toJSON();
        const custom = { text: "x".repeat(METADATA_LIMITS.targets) };
        const targets = { "settings/a.json": { length: 1, hashes: { sha256: "0".repeat(64) }, custom } };
        await publishNext(session, { roles: new Map([["settings", { ...signed, targets }]]) });
        return {};
      });
    await expectRefusal(dir, publishMany, "REPOSITORY_INPUT_INVALID", /settings metadata would be \d+ bytes/);
  });
});

describe("a settings document is refused, and the published one stays,", () => {
  test.each([
    [
      "when an entry's range ends before it begins",
      "source-list",
      '{"entries":[{"range":"10.0.0.1","url":"http://a"},{"range":"10.0.0.9-10.0.0.1","url":"http://a"}]}',
      "SOURCE_LIST_INVALID",
      'entries[1].range: "10.0.0.9-10.0.0.1" ends before it begins',
    ],
    [
      "when an entry's URL carries a password",
      "source-list",
      '{"entries":[{"range":"::1","url":"http://u:p@a"}]}',
      "SOURCE_LIST_INVALID",
      "entries[0].url",
    ],
    ["when it is cut short", "source-list", '{"entries":[', "SOURCE_LIST_INVALID", "is not JSON"],
    ["when it is empty", "source-list", "", "SOURCE_LIST_INVALID", "is not JSON"],
    ["when it is a list", "policies/d", "[]", "POLICY_INVALID", "must be an object, not a list"],
    [
      "when a field has the wrong type",
      "policies/d",
      '{"activeUpdate":"yes"}',
      "POLICY_INVALID",
      "activeUpdate: must be true or false",
    ],
    [
      "when a grant names no known kind",
      "update-agents",
      '{"agents":[{"id":"a","kinds":["virus"]}]}',
      "SETTINGS_INVALID",
      "agents[0].kinds[0]",
    ],
    ["when it is not an object", "other", '"text"', "SETTINGS_INVALID", "must be an object"],
    ["when it is not text", "other", Buffer.from([0x7b, 0xff, 0x7d]), "SETTINGS_INVALID", "is not UTF-8"],
  ] as const)("%s", async (_, name, content, code, message) => {
    const dir = await newRepository("settings");
    const file = path.join(await newFolder(), "doc.json");
    await fs.writeFile(file, content);
    await expectRefusal(dir, () => setDocument({ dir, name, file }), code, message);
  });

  test.each(["", "Source-List", "policies/", "policies/a/b", "policies/..", "../x", "a/b", "source-list\n"])(
    "when its name is %j",
    async (name) => {
      const dir = await newRepository("settings");
      const file = path.join(await newFolder(), "doc.json");
      await fs.writeFile(file, "{}");
      const set = () => setDocument({ dir, name, file });
      await expectRefusal(dir, set, "REPOSITORY_INPUT_INVALID", "is not a settings document");
    },
  );

  test("when its file is missing", async () => {
    const dir = await newRepository("settings");
    const set = () => setDocument({ dir, name: "source-list", file: "/nonexistent.json" });
    await expectRefusal(dir, set, "SETTINGS_INVALID", "cannot read /nonexistent.json");
  });
});

describe("a repository is not made", () => {
  const cases: Record<string, Partial<InitOptions>> = {
    "with no root key": { rootKeys: 0 },
    "with more root keys than fit into a root": { rootKeys: 21 },
    "with a threshold that its root keys cannot meet": { rootKeys: 2, rootThreshold: 3 },
    "with a threshold of none": { rootThreshold: 0 },
    "with metadata that expires at once": { lifetimes: { timestamp: 0 } },
    "with a lifetime that is no number of days": { lifetimes: { snapshot: 1.5 } },
    "with a lifetime beyond any calendar": { lifetimes: { root: 4_000_000 } },
  };
  test.each(Object.entries(cases))("%s", async (_, options) => {
    const folder = await newFolder();
    const init = initRepository({ dir: path.join(folder, "www"), repository: "content", ...options });
    await expect(init).rejects.toMatchObject({ code: "REPOSITORY_INPUT_INVALID" });
    expect(await fs.readdir(folder)).toEqual([]);
  });

  test("with its keys inside the web root, also not by way of a link", async () => {
    const folder = await newFolder();
    const dir = path.join(folder, "www");
    await fs.mkdir(dir);
    await fs.symlink(dir, path.join(folder, "link"));
    for (const keysDir of [dir, path.join(dir, "keys"), path.join(folder, "link", "keys")]) {
      await expect(initRepository({ dir, keysDir, repository: "content" })).rejects.toMatchObject({
        code: "REPOSITORY_INPUT_INVALID",
        message: expect.stringContaining("inside the web root"),
      });
    }
    expect(await fs.readdir(dir)).toEqual([]);
  });
});

describe("a publisher refuses to go on", () => {
  test("when something to remove is not there", async () => {
    const dir = await newRepository("content");
    const remove = () => removeTarget({ dir, kind: "programs", name: "agent" });
    await expectRefusal(dir, remove, "REPOSITORY_INPUT_INVALID", "programs/agent is not published here");
  });

  test.each([
    ["in the same repository", (dir: string) => path.join(dir, "content/.lock")],
    ["with the same keys", (dir: string) => path.join(`${dir}.keys`, "content/lock")],
  ])("while another publisher is at work %s", async (_, lockOf) => {
    const dir = await newRepository("content");
    await withLock(lockOf(dir), false, async () => {
      const refresh = () => renewRepository({ dir, repository: "content" });
      await expectRefusal(dir, refresh, "LOCKED", "another publisher is at work");
    });
    await renewRepository({ dir, repository: "content" });
  });

  test("without the keys folder of the repository", async () => {
    const dir = await newRepository("content");
    const refresh = () => renewRepository({ dir, keysDir: "/nonexistent", repository: "content" });
    await expectRefusal(dir, refresh, "REPOSITORY_INVALID", "no publisher.json");
  });

  test("on metadata that somebody altered: their targets are never signed", async () => {
    const dir = await newRepository("content");
    const refresh = () => renewRepository({ dir, repository: "content" });
    for (const name of ["timestamp.json", "1.snapshot.json", "1.components.json", "1.targets.json"]) {
      const file = path.join(dir, "content/metadata", name);
      const genuine = await fs.readFile(file, "utf8");
      await fs.writeFile(file, genuine.replace('"expires":"2', '"expires":"3'));
      await expectRefusal(dir, refresh, "REPOSITORY_INVALID", `${name} cannot be trusted`);
      await fs.rm(file);
      await expectRefusal(dir, refresh, "REPOSITORY_INVALID", `no ${name}`);
      await fs.writeFile(file, genuine);
    }
    await refresh();
  });

  test("on a repository of somebody else in the place of its own", async () => {
    const dir = await newRepository("content");
    const other = await newRepository("content");
    await fs.rm(dir, { recursive: true });
    await fs.cp(other, dir, { recursive: true });
    const refresh = () => renewRepository({ dir, repository: "content" });
    await expectRefusal(dir, refresh, "REPOSITORY_INVALID", "is not the root this publisher began with");
  });

  test("on an altered manifest of the component it adds to", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { a: "a" });
    await addRelease({ dir, ...component, path: folder });
    const targets = path.join(dir, "content/targets/components");
    const [name = ""] = await fs.readdir(targets);
    await fs.appendFile(path.join(targets, name), " ");
    const add = () => addRelease({ dir, ...component, path: folder });
    await expectRefusal(dir, add, "REPOSITORY_INVALID", "is missing or was altered");
  });

  test("from a web root that was put back to an older state, until a person says so", async () => {
    const dir = await newRepository("content");
    await fs.cp(dir, `${dir}.backup`, { recursive: true });
    const folder = await writeTree(await newFolder(), { a: "a" });
    await addRelease({ dir, ...component, path: folder });
    await renewRepository({ dir, repository: "content" });
    const reader = await newReader(dir, "content");
    await reader.refresh();

    await fs.rm(dir, { recursive: true });
    await fs.rename(`${dir}.backup`, dir);
    const refresh = () => renewRepository({ dir, repository: "content" });
    await expectRefusal(dir, refresh, "REPOSITORY_INVALID", "is older than it was");
    await renewRepository({ dir, repository: "content", restored: true });
    await reader.refresh();
    expect(await reader.target("components/virus-pattern.json")).toBeUndefined();
  });
});
