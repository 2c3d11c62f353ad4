import { generateKeyPairSync } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Repository } from "../../../src/core/content/layout.ts";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { describeRepository } from "../../../src/publisher/describe.ts";
import { writeKeyPair } from "../../../src/publisher/keys.ts";
import { renewRepository } from "../../../src/publisher/renewRepository.ts";
import { publishRoot } from "../../../src/publisher/root/publishRoot.ts";
import { type DraftRootOptions, draftRoot, signRoot } from "../../../src/publisher/root/signRoot.ts";
import { newFolder, newReader, newRepository, readMetadata, treeOf, writeTree } from "../fixture.ts";

const repository: Repository = "content";

/** Drafts the next root of `dir` and returns the draft's path. */
async function draft(dir: string, options: Partial<DraftRootOptions> = {}): Promise<string> {
  const out = path.join(await newFolder(), "next-root.json");
  await draftRoot({ dir, repository, out, ...options });
  return out;
}

/** Drafts, signs with these keys of the keys folder, and publishes. */
async function rotate(dir: string, options: Partial<DraftRootOptions>, signers = ["root"]): Promise<string> {
  const file = await draft(dir, options);
  for (const name of signers) await signRoot({ file, key: keyFile(dir, name) });
  await publishRoot({ dir, file });
  return file;
}

function keyFile(dir: string, name: string): string {
  return path.join(`${dir}.keys`, repository, `${name}.pem`);
}

async function keyIds(dir: string): Promise<Record<string, string[]>> {
  const { roles } = await describeRepository({ dir, repository });
  return Object.fromEntries(roles.map((each) => [each.role, each.keyIds]));
}

async function addOne(dir: string, name = "vp"): Promise<void> {
  const folder = await writeTree(await newFolder(), { a: name });
  await addRelease({ dir, kind: "components", name, version: "1", path: folder });
}

describe("a root rotation", () => {
  test("that renews nothing but the expiry is followed by old and new clients", async () => {
    const dir = await newRepository(repository);
    const reader = await newReader(dir, repository);
    await reader.refresh();
    await rotate(dir, { expires: 900 });
    await reader.refresh();
    await (await newReader(dir, repository)).refresh();
    const root = await readMetadata(dir, repository, "2.root.json");
    expect(Date.parse(root.signed.expires)).toBeGreaterThan(Date.now() + 899 * 86_400_000);
  });

  test.each(["timestamp", "snapshot", "targets", "components"])(
    "gives %s a new key, and clients old and new go on",
    async (role) => {
      const dir = await newRepository(repository);
      await addOne(dir);
      const reader = await newReader(dir, repository);
      await reader.refresh();
      const before = await keyIds(dir);
      await rotate(dir, { rotate: [role] });

      const after = await keyIds(dir);
      expect(after[role]).not.toEqual(before[role]);
      expect({ ...after, [role]: [] }).toEqual({ ...before, [role]: [] });
      for (const each of [reader, await newReader(dir, repository)]) {
        expect(await each.target("components/vp.json")).toBeDefined();
      }
      // The new key alone carries the next publication.
      expect(await fs.readdir(path.join(`${dir}.keys`, repository))).not.toContain(`${role}.next.pem`);
      await addOne(dir, "second");
      expect(await reader.target("components/second.json")).toBeDefined();
    },
  );

  test("of all online keys at once works, also when the old ones are lost", async () => {
    const dir = await newRepository(repository);
    await addOne(dir);
    const file = await draft(dir, { rotate: ["timestamp", "snapshot", "targets", "components", "programs"] });
    for (const role of ["timestamp", "snapshot", "targets", "components", "programs"]) {
      await fs.rm(keyFile(dir, role));
    }
    await signRoot({ file, key: keyFile(dir, "root") });
    await publishRoot({ dir, file });
    const reader = await newReader(dir, repository);
    expect(await reader.target("components/vp.json")).toBeDefined();
    await addOne(dir, "second");
    expect(await reader.target("components/second.json")).toBeDefined();
  });

  test("moves the root keys away, with a threshold, in steps that every client can follow", async () => {
    const dir = await newRepository(repository);
    const reader = await newReader(dir, repository);
    const offline = await newFolder();
    const names = ["alice", "bob", "carol"];
    for (const name of names) await writeKeyPair(path.join(offline, name));
    const old = (await keyIds(dir)).root ?? [];
    const file = await draft(dir, {
      addKeys: names.map((name) => path.join(offline, `${name}.pub`)),
      removeKeys: old.map((id) => id.slice(0, 8)),
      threshold: 2,
    });
    await signRoot({ file, key: keyFile(dir, "root") });
    await signRoot({ file, key: path.join(offline, "alice") });
    expect(await signRoot({ file, key: path.join(offline, "carol") })).toMatchObject({
      complete: true,
      signatures: [
        { root: 1, signed: 1, threshold: 1 },
        { root: 2, signed: 2, threshold: 2 },
      ],
    });
    await publishRoot({ dir, file });
    await reader.refresh();
    expect((await keyIds(dir)).root).toHaveLength(3);

    // From here on the old key is nobody.
    const third = await draft(dir);
    await expect(signRoot({ file: third, key: keyFile(dir, "root") })).rejects.toMatchObject({
      code: "KEY_INVALID",
    });
    await signRoot({ file: third, key: path.join(offline, "bob") });
    await expect(publishRoot({ dir, file: third })).rejects.toMatchObject({ code: "THRESHOLD_NOT_MET" });
    await signRoot({ file: third, key: path.join(offline, "carol") });
    await publishRoot({ dir, file: third });
    await reader.refresh();
    await (await newReader(dir, repository)).refresh();
  });

  test("published twice is published once", async () => {
    const dir = await newRepository(repository);
    const file = await rotate(dir, { rotate: ["timestamp"] });
    const before = await treeOf(dir);
    expect(await publishRoot({ dir, file })).toMatchObject({ version: 2, changed: false });
    expect(await treeOf(dir)).toEqual(before);
  });
});

describe("a root is not published", () => {
  async function expectRefusal(dir: string, file: string, code: string, message: RegExp): Promise<void> {
    const before = [await treeOf(dir), await treeOf(`${dir}.keys`)];
    await expect(publishRoot({ dir, file })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect([await treeOf(dir), await treeOf(`${dir}.keys`)]).toEqual(before);
  }

  test("unsigned", async () => {
    const dir = await newRepository(repository);
    const message = /signed by 0 of the 1 keys that root 1 asks for/;
    await expectRefusal(dir, await draft(dir), "THRESHOLD_NOT_MET", message);
  });

  test("signed by fewer keys than the old root asks for, though one of them signed twice", async () => {
    const dir = await newRepository(repository, { rootKeys: 3, rootThreshold: 2 });
    const file = await draft(dir);
    await signRoot({ file, key: keyFile(dir, "root-1") });
    const state = await signRoot({ file, key: keyFile(dir, "root-1") });
    expect(state.signatures[0]).toEqual({ root: 1, signed: 1, threshold: 2 });
    await expectRefusal(dir, file, "THRESHOLD_NOT_MET", /1 of the 2 keys that root 1 asks for/);
    await signRoot({ file, key: keyFile(dir, "root-3") });
    await publishRoot({ dir, file });
  });

  test("signed by the old keys and not by enough of its own", async () => {
    const dir = await newRepository(repository);
    const added = path.join(await newFolder(), "new");
    await writeKeyPair(added);
    const file = await draft(dir, { addKeys: [`${added}.pub`], threshold: 2 });
    await signRoot({ file, key: keyFile(dir, "root") });
    await expectRefusal(dir, file, "THRESHOLD_NOT_MET", /1 of the 2 keys that root 2 asks for/);
  });

  test("signed by its own keys and not by those of the root before it", async () => {
    const dir = await newRepository(repository);
    const added = path.join(await newFolder(), "new");
    await writeKeyPair(added);
    const old = (await keyIds(dir)).root ?? [];
    const file = await draft(dir, { addKeys: [`${added}.pub`], removeKeys: old });
    await signRoot({ file, key: added });
    await expectRefusal(dir, file, "THRESHOLD_NOT_MET", /0 of the 1 keys that root 1 asks for/);
  });

  test("altered after it was signed", async () => {
    const dir = await newRepository(repository);
    const file = await draft(dir);
    await signRoot({ file, key: keyFile(dir, "root") });
    await edit(file, (json) => {
      json.next.signed.expires = "2099-01-01T00:00:00Z";
    });
    await expectRefusal(dir, file, "THRESHOLD_NOT_MET", /signed by 0 of the 1/);
  });

  test("with one key under two names, which would count twice", async () => {
    const dir = await newRepository(repository);
    const file = await draft(dir);
    await edit(file, (json) => {
      const { root } = json.next.signed.roles;
      json.next.signed.keys["f".repeat(64)] = json.next.signed.keys[root.keyids[0] ?? ""];
      root.keyids.push("f".repeat(64));
    });
    const refused = { code: "REPOSITORY_INPUT_INVALID", message: expect.stringContaining("of that id") };
    await expect(signRoot({ file, key: keyFile(dir, "root") })).rejects.toMatchObject(refused);
    await expectRefusal(dir, file, "REPOSITORY_INPUT_INVALID", /of that id/);
  });

  test("when another one came first", async () => {
    const dir = await newRepository(repository);
    const late = await draft(dir);
    await signRoot({ file: late, key: keyFile(dir, "root") });
    await rotate(dir, { expires: 100 });
    await expectRefusal(dir, late, "REPOSITORY_INPUT_INVALID", /root 2 does not follow root 2/);
  });

  test("when a later draft replaced the keys it names", async () => {
    const dir = await newRepository(repository);
    for (const role of ["timestamp", "components"]) {
      const file = await draft(dir, { rotate: [role] });
      await signRoot({ file, key: keyFile(dir, "root") });
      await draft(dir, { rotate: [role] });
      await expectRefusal(dir, file, "KEY_INVALID", new RegExp(`key .*${role}`));
    }
  });

  test("once it has expired", async () => {
    const dir = await newRepository(repository);
    const file = await draft(dir, { expires: 1, now: new Date(Date.now() - 2 * 86_400_000) });
    await signRoot({ file, key: keyFile(dir, "root") });
    await expectRefusal(dir, file, "REPOSITORY_INPUT_INVALID", /root 2 expired at/);
  });

  test("from a file that is no draft", async () => {
    const dir = await newRepository(repository);
    for (const content of ["", "{}", '{"format":"nearsource root draft 1"}', " ".repeat(70_000)]) {
      const file = path.join(await newFolder(), "file");
      await fs.writeFile(file, content);
      await expectRefusal(dir, file, "REPOSITORY_INPUT_INVALID", /is not a root draft/);
    }
  });
});

describe("a root is not drafted", () => {
  test.each([
    ["for a role that there is not", { rotate: ["settings"] }, "cannot rotate"],
    ["that rotates root as if it were an online role", { rotate: ["root"] }, "cannot rotate"],
    ["with a threshold above its keys", { threshold: 2 }, "role root asks for 2 signatures and has 1"],
    ["with no threshold", { threshold: 0 }, "0 is no threshold"],
    ["without a key that is none of its own", { removeKeys: ["0123456789"] }, "no root key has the id"],
    ["for no time", { expires: 0 }, "the days until expiry"],
  ])("%s", async (_, options, message) => {
    const dir = await newRepository(repository);
    const before = await treeOf(`${dir}.keys`);
    await expect(draft(dir, options)).rejects.toMatchObject({
      code: "REPOSITORY_INPUT_INVALID",
      message: expect.stringContaining(message),
    });
    expect(await treeOf(`${dir}.keys`)).toEqual(before);
  });

  test("without any root key left", async () => {
    const dir = await newRepository(repository);
    const removeKeys = (await keyIds(dir)).root ?? [];
    await expect(draft(dir, { removeKeys })).rejects.toMatchObject({ code: "REPOSITORY_INPUT_INVALID" });
  });

  test("with a private key where a public one belongs, or a key that is there already", async () => {
    const dir = await newRepository(repository);
    const addKeys = [keyFile(dir, "root")];
    await expect(draft(dir, { addKeys })).rejects.toMatchObject({ code: "KEY_INVALID" });
    const key = path.join(await newFolder(), "k");
    await writeKeyPair(key);
    const twice = draft(dir, { addKeys: [`${key}.pub`, `${key}.pub`] });
    await expect(twice).rejects.toMatchObject({ code: "REPOSITORY_INPUT_INVALID" });
  });

  test("with more root keys than fit into a root that everybody signed", async () => {
    const dir = await newRepository(repository, { rootKeys: 20, rootThreshold: 20 });
    await (await newReader(dir, repository)).refresh();
    const folder = await newFolder();
    const names = Array.from({ length: 20 }, (_, index) => path.join(folder, `${index}`));
    for (const name of names) await writeKeyPair(name);
    const addKeys = names.map((name) => `${name}.pub`);
    await expect(draft(dir, { addKeys })).rejects.toMatchObject({
      code: "REPOSITORY_INPUT_INVALID",
      message: expect.stringMatching(/root 2 would be up to \d+ bytes/),
    });
  });

  test("over a draft that may carry signatures", async () => {
    const dir = await newRepository(repository);
    const out = await draft(dir);
    await expect(draftRoot({ dir, repository, out })).rejects.toMatchObject({
      code: "REPOSITORY_INPUT_INVALID",
    });
  });
});

describe("a root key", () => {
  test("signs a draft far away from the repository", async () => {
    const dir = await newRepository(repository);
    const away = await newFolder();
    const file = path.join(away, "draft.json");
    await fs.rename(await draft(dir, { rotate: ["timestamp"] }), file);
    await fs.rename(keyFile(dir, "root"), path.join(away, "root.pem"));
    await fs.rename(dir, `${dir}.away`);
    const state = await signRoot({ file, key: path.join(away, "root.pem") });
    expect(state).toMatchObject({ repository, version: 2, complete: true });
    expect(state.changes).toContainEqual(expect.stringMatching(/^gives timestamp the key [0-9a-f]{64}$/));
    await fs.rename(`${dir}.away`, dir);
    await publishRoot({ dir, file });
    await renewRepository({ dir, repository });
  });

  test("is refused when it is a key of neither root, no ed25519 key, or no key", async () => {
    const dir = await newRepository(repository);
    const file = await draft(dir);
    const before = await fs.readFile(file);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const folder = await writeTree(await newFolder(), {
      "rsa.pem": String(rsa.export({ format: "pem", type: "pkcs8" })),
      "text.pem": "hello",
    });
    for (const name of ["rsa.pem", "text.pem"]) await fs.chmod(path.join(folder, name), 0o600);
    for (const key of [
      keyFile(dir, "timestamp"),
      path.join(folder, "rsa.pem"),
      path.join(folder, "text.pem"),
    ]) {
      await expect(signRoot({ file, key })).rejects.toMatchObject({ code: "KEY_INVALID" });
    }
    expect((await fs.readFile(file)).equals(before)).toBe(true);
  });

  test("is made for its owner only, and never over another one", async () => {
    const file = path.join(await newFolder(), "alice");
    const { keyID } = await writeKeyPair(file);
    expect(keyID).toMatch(/^[0-9a-f]{64}$/);
    expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
    expect(await fs.readFile(`${file}.pub`, "utf8")).toContain("BEGIN PUBLIC KEY");
    await expect(writeKeyPair(file)).rejects.toMatchObject({ code: "KEY_INVALID" });
  });
});

interface DraftJson {
  next: {
    signed: { expires: string; keys: Record<string, unknown>; roles: { root: { keyids: string[] } } };
  };
}

async function edit(file: string, change: (json: DraftJson) => void): Promise<void> {
  const json = JSON.parse(await fs.readFile(file, "utf8"));
  change(json);
  await fs.writeFile(file, JSON.stringify(json));
}
