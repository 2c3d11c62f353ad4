import { once } from "node:events";
import { promises as fs } from "node:fs";
import http, { type IncomingMessage } from "node:http";
import path from "node:path";
import type { Repository } from "../../src/core/content/layout.ts";

/** Sends a notification as the server does, from an address of this machine; resolves with the status. */
export async function notify(
  port: number,
  body: string,
  options: { from?: string; path?: string; method?: string; agent?: http.Agent } = {},
): Promise<number> {
  const { from = "127.0.0.1", path: place = "/v1/notify", method = "POST", agent } = options;
  const request = http.request({
    ...{ host: "127.0.0.1", port, method, path: place, localAddress: from },
    ...(agent === undefined ? {} : { agent }),
    headers: { "content-length": Buffer.byteLength(body) },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

/** The signed timestamp of a web root, as a notification has it. */
export async function timestampOf(www: string, repository: Repository = "content"): Promise<SignedTimestamp> {
  return JSON.parse(await fs.readFile(path.join(www, repository, "metadata", "timestamp.json"), "utf8"));
}

export interface SignedTimestamp {
  signed: { version: number; expires: string };
  signatures: { keyid: string; sig: string }[];
}

/** A timestamp that looks newer, has the right keys' names on it, and is signed by nobody. */
export function forged(genuine: SignedTimestamp, version = 1_000): SignedTimestamp {
  return { ...genuine, signed: { ...genuine.signed, version } };
}
