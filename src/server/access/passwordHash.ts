import { argon2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(argon2);

/** argon2id as OWASP's cheat sheet has it for servers: 19 MiB, two passes, one lane. */
const COST = { parallelism: 1, memory: 19_456, passes: 2, tagLength: 32 };

/** `argon2id$memory$passes$salt$hash`, of a password in NFKC, so that it is the same from every keyboard. */
export async function hashPassword(password: string, random: (bytes: number) => Buffer): Promise<string> {
  const nonce = random(16);
  const hash = await derive("argon2id", { ...COST, nonce, message: password.normalize("NFKC") });
  return ["argon2id", COST.memory, COST.passes, nonce.toString("base64url"), hash.toString("base64url")].join(
    "$",
  );
}

/** Whether a password is the one that was hashed; nobody's is that of a user without one. */
export async function isPassword(password: string, hashed: string): Promise<boolean> {
  if (hashed === "") return false;
  const [, memory, passes, salt = "", hash = ""] = hashed.split("$");
  // Nobody's, of one who comes by OpenID Connect alone.
  if (hash === "") return false;
  const expected = Buffer.from(hash, "base64url");
  const found = await derive("argon2id", {
    ...COST,
    memory: Number(memory),
    passes: Number(passes),
    nonce: Buffer.from(salt, "base64url"),
    message: password.normalize("NFKC"),
  });
  return expected.length === found.length && timingSafeEqual(expected, found);
}
