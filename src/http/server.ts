import { once } from "node:events";
import { promises as fs } from "node:fs";
import http, { type RequestListener } from "node:http";
import type https from "node:https";
import type { AddressInfo } from "node:net";
import type { Log } from "../config/log.ts";
import { explainError, NearsourceError } from "../errors.ts";
import { BoundConnections, PATIENCE } from "./boundConnections.ts";

export interface ListenerOptions {
  /** Every address of this machine by default. */
  host?: string | undefined;
  /** 0 for any that is free. */
  port: number;
  /** Key that the port has in which configuration, and the way out, which are said where it cannot be opened. */
  named?: { key: string; hint: string } | undefined;
  /** PEM files; with them the listener speaks TLS. */
  tls?: TlsFiles | undefined;
  log: Log;
  /** Connections held at once; default 12,000. */
  maxConnections?: number;
}

/** PEM files of a certificate, with those between it and its root, and of its key. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** Refuses, by throwing, files that are not to be used. */
  check?(): Promise<void>;
}

/** An HTTP server that strangers may connect to. */
export interface Listener {
  port: number;
  /** Reads the certificate again, if its files changed; a pair that does not fit leaves the old one in use. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** The kernel's queue of connections that nobody has accepted yet. */
const BACKLOG = 4_096;
const MAX_HEADER_SIZE = 8_192;
/** Interval (ms) at which the certificate's files are looked at. */
const CERTIFICATE_INTERVAL = 60_000;

/**
 * Listens for HTTP, or HTTPS, with limits for a client: time, header bytes, connections. CONNECT and methods
 * that HTTP does not know never reach `handle`.
 *
 * @throws NearsourceError CONFIG_INVALID when the port or the certificate cannot be used
 */
export async function openListener(options: ListenerOptions, handle: RequestListener): Promise<Listener> {
  const settings = { ...PATIENCE, maxHeaderSize: MAX_HEADER_SIZE, noDelay: true };
  const certificate = options.tls === undefined ? undefined : await readCertificate(options.tls);
  const server =
    certificate === undefined
      ? http.createServer(settings, handle)
      : await createTlsServer({ ...settings, ...asContext(certificate), handshakeTimeout: 10_000 }, handle);
  // A message that is not HTTP gets no answer, which could only be longer than the message.
  server.on("clientError", (_, socket) => socket.destroy());
  const connections = new BoundConnections(server, options.maxConnections ?? 12_000);
  const { host, port, named } = options;
  server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new NearsourceError(
      "CONFIG_INVALID",
      `cannot listen at ${host === undefined ? "" : `${host} `}port ${port}${named === undefined ? "" : `, ${named.key}`}`,
      {
        cause: error,
        hint: named?.hint ?? "choose another port or address, or end the program that has it",
      },
    );
  }
  // A connection that could not be accepted, for want of descriptors or memory, must not end the process.
  server.on("error", (error) => options.log.debug(`a connection could not be accepted: ${error.message}`));
  const reload = watchCertificate(server, options, certificate);
  const timer = certificate === undefined ? undefined : setInterval(reload, CERTIFICATE_INTERVAL).unref();
  return {
    port: (server.address() as AddressInfo).port,
    reload,
    close: async () => {
      clearInterval(timer);
      const closed = once(server, "close");
      server.close();
      connections.end();
      await closed;
    },
  };
}

/** TLS is loaded only where it is used: it is another 3 MB, in an agent that stays. */
async function createTlsServer(
  settings: https.ServerOptions,
  handle: RequestListener,
): Promise<https.Server> {
  const { createServer } = await import("node:https");
  return createServer(settings, handle);
}

interface Certificate {
  cert: Buffer;
  key: Buffer;
}

const asContext = ({ cert, key }: Certificate) => ({ cert, key, minVersion: "TLSv1.2" }) as const;

async function readCertificate(files: TlsFiles): Promise<Certificate> {
  await files.check?.();
  try {
    return { cert: await fs.readFile(files.cert), key: await fs.readFile(files.key) };
  } catch (error) {
    throw new NearsourceError("CONFIG_INVALID", "cannot read the certificate to serve with", {
      cause: error,
      hint: "correct relay.tls.cert and relay.tls.key in the configuration",
    });
  }
}

function watchCertificate(
  server: http.Server | https.Server,
  { tls, log }: ListenerOptions,
  first: Certificate | undefined,
): () => Promise<void> {
  let used = first;
  let said: string | undefined;
  return async () => {
    if (tls === undefined || used === undefined || !("setSecureContext" in server)) return;
    try {
      const found = await readCertificate(tls);
      if (found.cert.equals(used.cert) && found.key.equals(used.key)) return;
      // Half of a new pair does not fit the other half of the old one, and throws here.
      server.setSecureContext(asContext(found));
      used = found;
      said = undefined;
      log.info(`the certificate ${tls.cert} was replaced`);
    } catch (error) {
      const reason = explainError(error);
      if (reason !== said)
        log.warn(`the certificate ${tls.cert} cannot be used; the one before stays: ${reason}`);
      said = reason;
    }
  };
}
