import { createHash, timingSafeEqual } from "node:crypto";

/** Bytes of randomness in each secret. */
const LENGTH = 32;

/** A secret that somebody is given once: 43 characters of base64url, from 32 random bytes. */
export function newSecret(random: (bytes: number) => Buffer): string {
  return random(LENGTH).toString("base64url");
}

/** Hash of a secret, which is all that is kept of it. A secret is random, so it needs no slow hash. */
export function hashOfSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether `secret` is the one of which `hash` was kept. */
export function isSecret(secret: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashOfSecret(secret)), Buffer.from(hash));
}

/** A name for something new, which is not guessed and stands in URLs: 16 random bytes in base64url. */
export function newId(random: (bytes: number) => Buffer): string {
  return random(16).toString("base64url");
}
