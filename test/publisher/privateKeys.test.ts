import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { describeRepository } from "../../src/publisher/describe.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { newPrivateKey } from "../../src/publisher/keys.ts";
import { hasPrivateKey, newKeyDetector } from "../../src/publisher/privateKey.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { draftRoot, signRoot } from "../../src/publisher/root/signRoot.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { newFolder, newRepository, treeOf, writeTree } from "./fixture.ts";

const component = { kind: "components", name: "vp", version: "1" } as const;

const ed25519 = newPrivateKey();
const pem = String(ed25519.export({ format: "pem", type: "pkcs8" }));
const rsa = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const cipher = { cipher: "aes-256-cbc", passphrase: "secret" };

const keys: Record<string, string | Buffer> = {
  "PKCS#8": pem,
  "PKCS#8 with a password": rsa.export({ format: "pem", type: "pkcs8", ...cipher }),
  "PKCS#1": rsa.export({ format: "pem", type: "pkcs1" }),
  "PKCS#1 with a password, which has a header": rsa.export({ format: "pem", type: "pkcs1", ...cipher }),
  SEC1: ec.export({ format: "pem", type: "sec1" }),
  "a certificate before it": `-----BEGIN CERTIFICATE-----\n${"QUJD".repeat(16)}\n-----END CERTIFICATE-----\n${pem}`,
  "Windows line ends": pem.replaceAll("\n", "\r\n"),
  "UTF-16": Buffer.from(`\uFEFF${pem}`, "utf16le"),
  "an odd number of bytes before UTF-16": Buffer.concat([Buffer.from("x"), Buffer.from(pem, "utf16le")]),
  JSON: JSON.stringify({ account: "a", private_key: pem }),
  YAML: `tls:\n  key: |\n${pem.replaceAll(/^/gm, "    ")}`,
  "a program's text": pem
    .split("\n")
    .map((line) => `"${line}\\n"`)
    .join("\n  "),
  PuTTY: `PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n${"QUJD".repeat(12)}\n`,
  PGP: `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n${"QUJD".repeat(16)}\n`,
  DER: ed25519.export({ format: "der", type: "pkcs8" }),
  "DER of an elliptic curve": ec.export({ format: "der", type: "sec1" }),
  // A PFX (RFC 7292) as OpenSSL begins it.
  "PKCS#12": Buffer.concat([
    Buffer.from("308203fc020103308203b206092a864886f70d010701a08203a30482039f", "hex"),
    Buffer.alloc(994),
  ]),
  "a JSON Web Key": JSON.stringify(ec.export({ format: "jwk" })),
  "the middle of a large file": Buffer.concat([
    Buffer.alloc(1_048_576 - 60, "x"),
    Buffer.from(pem),
    Buffer.alloc(100_000),
  ]),
};

const harmless: Record<string, string | Buffer> = {
  "a public key": generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey.export({
    format: "pem",
    type: "spki",
  }),
  "a public JSON Web Key": JSON.stringify(generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" })),
  "a program that knows how keys begin":
    'if (text.startsWith("-----BEGIN PRIVATE KEY-----")) throw new Error("a private key")\0',
  "prose about keys":
    "A PRIVATE KEY begins with -----BEGIN RSA PRIVATE KEY----- and ends with -----END RSA PRIVATE KEY-----.",
  nothing: "",
};

describe("a file", () => {
  test.each(Object.entries(keys))("with a private key is known: %s", (_, content) => {
    expect(hasPrivateKey(Buffer.from(content))).toBe(true);
  });

  test.each(Object.entries(harmless))("without one is not taken for one: %s", (_, content) => {
    expect(hasPrivateKey(Buffer.from(content))).toBe(false);
  });

  test("is looked at however its bytes come", () => {
    const bytes = Buffer.concat([Buffer.alloc(10_000, "x"), Buffer.from(pem), Buffer.alloc(10_000, "y")]);
    for (const size of [1, 7, 64, 5_000]) {
      const detector = newKeyDetector();
      let found = false;
      for (let at = 0; at < bytes.length; at += size)
        found ||= detector.update(bytes.subarray(at, at + size));
      expect(found, `pieces of ${size}`).toBe(true);
    }
  });

  test("of marks without keys costs no more than its length", () => {
    // A header that could be read in many ways; exponential, this would never end.
    const text = `-----BEGIN PRIVATE KEY-----\n${"Ab: ".repeat(900)}`;
    expect(hasPrivateKey(Buffer.from(text.repeat(20)))).toBe(false);
  });
});

test("the very program that publishes can be published", () => {
  const node = newKeyDetector();
  return fs.readFile(process.execPath).then((bytes) => {
    expect(node.update(bytes) || node.end()).toBe(false);
  });
});

describe("a release with a private key in a file", () => {
  test("is refused, and no byte of it is left in the web root", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { "a.dat": "a", "key.txt": pem });
    const before = await treeOf(dir);
    await expect(addRelease({ dir, ...component, path: folder })).rejects.toMatchObject({
      code: "REPOSITORY_INPUT_INVALID",
      message: expect.stringContaining("key.txt has a private key in it"),
    });
    expect(await treeOf(dir)).toEqual(before);
  });

  test("is published where a person says that everybody may know it", async () => {
    const dir = await newRepository("content");
    const folder = await writeTree(await newFolder(), { "key.txt": pem });
    expect(await addRelease({ dir, ...component, path: folder, allowPrivateKeys: true })).toMatchObject({
      release: 1,
    });
  });

  test("is refused as a settings document too", async () => {
    const dir = await newRepository("settings");
    const folder = await writeTree(await newFolder(), { "x.json": JSON.stringify({ key: pem }) });
    const set = setDocument({ dir, name: "rings", file: path.join(folder, "x.json") });
    await expect(set).rejects.toMatchObject({ code: "SETTINGS_INVALID" });
  });
});

describe.runIf(process.getuid?.() === 0)("the publisher's keys are refused, naming file and mode,", () => {
  const refresh = (dir: string) => renewRepository({ dir, repository: "content" });

  test.each([0o644, 0o640, 0o604, 0o660])("when others can read them: mode %o", async (mode) => {
    const dir = await newRepository("content");
    const key = path.join(`${dir}.keys/content/timestamp.pem`);
    await fs.chmod(key, mode);
    // A key that belongs to root may be read by its group, as PostgreSQL has it.
    if (mode === 0o640) return void (await refresh(dir));
    await expect(refresh(dir)).rejects.toMatchObject({
      code: "FILE_UNSAFE",
      message: expect.stringMatching(`timestamp\\.pem .*mode 0${mode.toString(8)}`),
    });
    await fs.chmod(key, 0o600);
    await refresh(dir);
  });

  test.each(["publisher.json", "published.json", ""])("when others can write %s", async (name) => {
    const dir = await newRepository("content");
    await fs.chmod(path.join(`${dir}.keys/content`, name), 0o777);
    await expect(refresh(dir)).rejects.toMatchObject({
      code: "FILE_UNSAFE",
      message: expect.stringContaining("0777"),
    });
  });

  test("when another account owns their folder", async () => {
    const dir = await newRepository("content");
    await fs.chown(`${dir}.keys`, 12_345, 12_345);
    await expect(refresh(dir)).rejects.toMatchObject({ code: "FILE_UNSAFE" });
    // Showing acts on nothing.
    expect(await describeRepository({ dir, repository: "content" })).toMatchObject({ incomplete: [] });
  });

  test("when a root is signed with one that others can read", async () => {
    const dir = await newRepository("content");
    const file = path.join(await newFolder(), "draft.json");
    await draftRoot({ dir, repository: "content", out: file });
    const key = `${dir}.keys/content/root.pem`;
    await fs.chmod(key, 0o644);
    await expect(signRoot({ file, key })).rejects.toMatchObject({ code: "FILE_UNSAFE" });
  });

  test("before they are made, in a folder that others can write", async () => {
    const folder = await newFolder();
    await fs.chmod(folder, 0o777);
    const init = initRepository({ dir: path.join(folder, "www"), repository: "content" });
    await expect(init).rejects.toMatchObject({ code: "FILE_UNSAFE" });
    const names = execFileSync("find", [folder, "-name", "*.pem"], { encoding: "utf8" });
    expect(names).toBe("");
  });
});
