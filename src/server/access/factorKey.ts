import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import path from "node:path";
import { makePath, readIfThere, writeDurably } from "../../store/durable.ts";
import { refuseUnsafe } from "../../store/safePath.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";

/** File below the server's folder: secrets of second factors are needed in clear text, and a stolen database has none. */
const PLACE = ["keys", "second-factor.key"];
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/**
 * Refuses a key that others can read before anybody needs it.
 *
 * @throws NearsourceError FILE_UNSAFE
 */
export async function checkFactorKey({ config }: Pick<Context, "config">): Promise<void> {
  const file = path.join(config.dir, ...PLACE);
  if ((await readIfThere(file)) !== undefined)
    refuseUnsafe(file, "the key of second factors", { secret: true });
}

/** The server's key, which the first use makes. */
async function keyOf({ config }: Pick<Context, "config">, make: boolean): Promise<Buffer> {
  const file = path.join(config.dir, ...PLACE);
  const found = await readIfThere(file);
  if (found !== undefined) {
    refuseUnsafe(file, "the key of second factors", { secret: true });
    return found;
  }
  if (!make)
    throw new Problem("UNAVAILABLE", `the key of second factors is not there: put ${PLACE.join("/")} back`);
  const fresh = randomBytes(KEY_LENGTH);
  await makePath(path.dirname(file), 0o700);
  await writeDurably(file, fresh, 0o600);
  return fresh;
}

/** A secret of a user, encrypted (AES-256-GCM), and bound to the user. */
export async function sealSecret(context: Context, userId: string, secret: Buffer): Promise<string> {
  const nonce = context.random(NONCE_LENGTH);
  const cipher = createCipheriv("aes-256-gcm", await keyOf(context, true), nonce);
  cipher.setAAD(Buffer.from(userId));
  return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString(
    "base64url",
  );
}

/** @throws Problem UNAVAILABLE where the key is lost, or another */
export async function openSecret(context: Context, userId: string, sealed: string): Promise<Buffer> {
  const bytes = Buffer.from(sealed, "base64url");
  const key = await keyOf(context, false);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_LENGTH));
    decipher.setAAD(Buffer.from(userId));
    decipher.setAuthTag(bytes.subarray(-TAG_LENGTH));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_LENGTH, -TAG_LENGTH)), decipher.final()]);
  } catch (cause) {
    const sentence = `${PLACE.join("/")} is not the key that this second factor was enrolled with`;
    throw new Problem("UNAVAILABLE", sentence, { cause });
  }
}
