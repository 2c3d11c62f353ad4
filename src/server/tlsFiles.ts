import path from "node:path";
import { readCertificates, readPair } from "../config/certificateFiles.ts";
import { explainError, NearsourceError } from "../errors.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import type { ServerConfig } from "./serverConfig.ts";

/** Listeners of a server, as `server.json` names them. */
export const LISTENERS = ["console", "agents"] as const;
export type ListenerName = (typeof LISTENERS)[number];

/**
 * The certificate and key that a listener answers with; undefined for one without TLS. They are checked each time that they
 * are read, which is at the start and when they were replaced.
 */
export function tlsOf(config: ServerConfig, listener: ListenerName) {
  const { tls } = config[listener];
  if (tls === undefined) return undefined;
  const files = { cert: path.resolve(config.dir, tls.cert), key: path.resolve(config.dir, tls.key) };
  return { ...files, check: () => refuseUnusable(files, listener) };
}

/**
 * @throws NearsourceError FILE_UNSAFE for a key that others may read, CONFIG_INVALID for a pair that does not fit, that
 *   is not valid now, or whose key is encrypted
 */
async function refuseUnusable({ cert, key }: { cert: string; key: string }, listener: ListenerName) {
  try {
    refuseUnsafe(key, `the key of ${listener}.tls`, { secret: true });
    await readPair(cert, key, new Date());
  } catch (error) {
    if (error instanceof NearsourceError) throw error;
    throw new NearsourceError("CONFIG_INVALID", `"${listener}.tls": ${explainError(error)}`, {
      hint: "name PEM files: the certificate with those between it and its root, and its key without a passphrase",
    });
  }
}

/** The end (ms since the epoch) of the first of a listener's certificates that ends; undefined without TLS. */
export async function endOfCertificate(
  config: ServerConfig,
  listener: ListenerName,
  now: Date,
): Promise<number | undefined> {
  const tls = tlsOf(config, listener);
  if (tls === undefined) return undefined;
  return (await readCertificates(tls.cert, now)).ends.getTime();
}
