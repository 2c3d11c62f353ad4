import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { Key, Signature } from "@tufjs/models";
import { NearsourceError } from "../errors.ts";
import { readIfThere, syncFolder, writeDurably } from "../store/durable.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { codeOf } from "../store/storageErrors.ts";
import type { Location } from "./repository/location.ts";
import { placeFile } from "./repository/placeFile.ts";

/** A new Ed25519 private key (TUF spec §4.2, scheme `ed25519`). */
export function newPrivateKey(): KeyObject {
  return generateKeyPairSync("ed25519").privateKey;
}

/**
 * The TUF key object of an Ed25519 key, private or public. Its id is the SHA-256 of its canonical JSON (TUF
 * spec §4.2), so one key has one id, in any encoding.
 */
export function tufKey(key: KeyObject): Key {
  return tufKeyOfHex(Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("hex"));
}

/** The TUF key object of a raw public key in lower-case hex. */
export function tufKeyOfHex(hex: string): Key {
  // Fields in alphabetical order and values without anything to escape: this is canonical JSON already.
  const canonical = JSON.stringify({ keytype: "ed25519", keyval: { public: hex }, scheme: "ed25519" });
  return new Key({
    keyID: createHash("sha256").update(canonical).digest("hex"),
    keyType: "ed25519",
    scheme: "ed25519",
    keyVal: { public: hex },
  });
}

/** Adds one signature for each of `keys` to `metadata`, over the canonical JSON of its signed part. */
export function signWith(
  metadata: { sign(signer: (data: Buffer) => Signature): void },
  keys: Iterable<KeyObject>,
): void {
  for (const key of keys) {
    const keyID = tufKey(key).keyID;
    metadata.sign((data) => new Signature({ keyID, sig: sign(null, data, key).toString("hex") }));
  }
}

/**
 * Reads an Ed25519 private key: a PKCS#8 PEM file without a password, which no other account can read.
 *
 * @throws NearsourceError KEY_INVALID, FILE_UNSAFE
 */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  refuseUnsafe(file, "the private key", { secret: true });
  return ed25519(file, createKey(file, await readKeyFile(file), createPrivateKey));
}

/**
 * Reads an Ed25519 public key (SPKI PEM). A private key is refused: it has no business where only the
 * public one is asked for.
 *
 * @throws NearsourceError KEY_INVALID, FILE_UNSAFE
 */
export async function readPublicKey(file: string): Promise<Key> {
  refuseUnsafe(file, "the public key");
  const pem = await readKeyFile(file);
  if (pem.includes("PRIVATE KEY")) {
    throw new NearsourceError("KEY_INVALID", `${file} is a private key, where the public one belongs`, {
      hint: "give the .pub file that stands beside it",
    });
  }
  return tufKey(ed25519(file, createKey(file, pem, createPublicKey)));
}

/**
 * Writes a new private key to `file` (mode 0600) and its public half to `file.pub`. Neither may exist.
 *
 * @throws NearsourceError KEY_INVALID when one is there already
 */
export async function writeKeyPair(file: string): Promise<Key> {
  const key = newPrivateKey();
  const publicPem = createPublicKey(key).export({ format: "pem", type: "spki" });
  for (const [name, data, mode] of [
    [file, pemOf(key), 0o600],
    [`${file}.pub`, publicPem, 0o644],
  ] as const) {
    await writeDurably(name, data, mode).catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") throw error;
      throw new NearsourceError("KEY_INVALID", `${name} exists already`, {
        hint: "keys are never overwritten: choose another name",
      });
    });
  }
  await syncFolder(path.dirname(path.resolve(file)));
  return tufKey(key);
}

/** Path of a role's key; `next` is a key that waits for the root which will name it. */
export function roleKeyFile(location: Location, role: string, which?: "next"): string {
  return path.join(location.keys, which === undefined ? `${role}.pem` : `${role}.next.pem`);
}

/** Puts a role's private key in its place, mode 0600. The caller holds the lock. */
export async function placeRoleKey(file: string, key: KeyObject): Promise<void> {
  await placeFile(file, Buffer.from(pemOf(key)), 0o600);
}

/** The key at `file`, made now if there is none: an `init` that was cut short goes on with its own keys. */
export async function readOrMakeKey(file: string): Promise<KeyObject> {
  if ((await readIfThere(file)) !== undefined) return readPrivateKey(file);
  const key = newPrivateKey();
  await placeRoleKey(file, key);
  return key;
}

/**
 * The keys at hand with which `role` can sign: those of its two files whose ids are among `accepted`.
 *
 * @throws NearsourceError KEY_INVALID when there is a file and it is not a usable key
 */
export async function roleKeysAtHand(
  location: Location,
  role: string,
  accepted: ReadonlySet<string>,
): Promise<KeyObject[]> {
  const keys: KeyObject[] = [];
  for (const file of [roleKeyFile(location, role), roleKeyFile(location, role, "next")]) {
    if ((await readIfThere(file)) === undefined) continue;
    const key = await readPrivateKey(file);
    if (accepted.has(tufKey(key).keyID)) keys.push(key);
  }
  return keys;
}

function pemOf(key: KeyObject): string | Buffer {
  return key.export({ format: "pem", type: "pkcs8" });
}

async function readKeyFile(file: string): Promise<string> {
  try {
    return await fs.readFile(file, "utf8");
  } catch (error) {
    throw new NearsourceError("KEY_INVALID", `cannot read the key ${file}`, { cause: error });
  }
}

function createKey(file: string, pem: string, create: (pem: string) => KeyObject): KeyObject {
  try {
    return create(pem);
  } catch (error) {
    throw new NearsourceError("KEY_INVALID", `${file} is not a key in PEM form`, {
      cause: error,
      hint: "expected is an Ed25519 key without a password, as written by: nearsource repo root keygen",
    });
  }
}

function ed25519(file: string, key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new NearsourceError("KEY_INVALID", `${file} is a key of type ${key.asymmetricKeyType}, not ed25519`, {
    hint: "make one with: nearsource repo root keygen",
  });
}
