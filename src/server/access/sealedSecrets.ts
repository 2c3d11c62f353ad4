import { createCipheriv, createDecipheriv } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../../errors.ts";
import { makePath, readIfThere, syncFolder, temporaryName, writeDurably } from "../../store/durable.ts";
import { refuseUnsafe } from "../../store/safePath.ts";
import type { Context } from "../context.ts";

/** AES-256-GCM (NIST SP 800-38D): bytes of its key, nonce and tag. */
const CIPHER = "aes-256-gcm";
const LENGTH = { key: 32, nonce: 12, tag: 16 };

type Means = Pick<Context, "config" | "random">;

/**
 * Encrypts a secret that the server itself has to use later. The key is a file of the server's folder, so that a
 * copy of the database alone tells nobody.
 *
 * @param place the row that it is kept in: a text that was moved to another row is refused
 */
export async function seal(means: Means, place: string, secret: string): Promise<string> {
  const nonce = means.random(LENGTH.nonce);
  const cipher = createCipheriv(CIPHER, await keyOf(means), nonce);
  cipher.setAAD(Buffer.from(place));
  const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64url");
}

/** @throws NearsourceError KEY_INVALID for what was sealed with another key, or for another place */
export async function unseal(means: Means, place: string, sealed: string): Promise<string> {
  const bytes = Buffer.from(sealed, "base64url");
  const textAt = LENGTH.nonce + LENGTH.tag;
  try {
    const decipher = createDecipheriv(CIPHER, await keyOf(means), bytes.subarray(0, LENGTH.nonce), {
      authTagLength: LENGTH.tag,
    });
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(bytes.subarray(LENGTH.nonce, textAt));
    return Buffer.concat([decipher.update(bytes.subarray(textAt)), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new NearsourceError("KEY_INVALID", `the secret of ${place} cannot be decrypted`, {
      cause,
      hint: `put ${fileOf(means)} back as it was, the same on each server, or make the secret anew`,
    });
  }
}

function fileOf({ config }: Means): string {
  return path.join(config.dir, "keys", "secrets.key");
}

/**
 * Makes the key where there is none, so that it is in the folder from which another server's is copied.
 *
 * @throws NearsourceError FILE_UNSAFE for one that others can read, and of the storage phase
 */
export async function makeSecretsKey(means: Means): Promise<void> {
  await keyOf(means);
}

/** The key, which is made when it is first needed. Of two servers that make it at once, one does. */
async function keyOf(means: Means): Promise<Buffer> {
  const file = fileOf(means);
  const found = await readIfThere(file);
  if (found !== undefined) {
    refuseUnsafe(file, "the key of webhooks' secrets", { secret: true });
    return found;
  }
  const folder = path.dirname(file);
  await makePath(folder, 0o700);
  const fresh = temporaryName(folder, "secrets");
  await writeDurably(fresh, means.random(LENGTH.key), 0o600);
  await fs.link(fresh, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await fs.rm(fresh, { force: true });
  await syncFolder(folder);
  return (await readIfThere(file)) ?? Buffer.alloc(0);
}
