import { promises as fs } from "node:fs";
import * as v from "valibot";
import { parseSourceUrl } from "../../core/order/sourceList.ts";
import { createResolver, toLookup } from "../../dns/resolver.ts";
import { NearsourceError } from "../../errors.ts";
import { readAuthority } from "../../http/connect/caFile.ts";
import { toStatusError } from "../../http/httpErrors.ts";
import { mayCarrySecret } from "../../http/mayCarrySecret.ts";
import { createExchange, type Request } from "../../http/smallClient.ts";
import { refuseUnsafe } from "../../store/safePath.ts";

/** The server that a command speaks to, and how. */
export interface ServerOptions {
  /** The URL of its administrators' side. */
  server: string;
  /** File of the API token; else NEARSOURCE_API_TOKEN has it. */
  tokenFile?: string;
  /** PEM file of a private authority. */
  ca?: string;
  /** The token may travel over HTTP, unencrypted. */
  insecure?: boolean;
}

/** One call of the API; the body of its answer. */
export type CallServer = (
  method: Request["method"],
  path: string,
  given?: { body?: unknown; ifMatch?: string },
) => Promise<unknown>;

/** Longest time (ms) of one call, in which the whole fleet may be looked at; most bytes of an answer. */
const TIMEOUT = 120_000;
const LIMIT = 16_777_216;

/**
 * Does some work by calls of a server's API.
 *
 * @throws NearsourceError USAGE without a token, or for one that would travel in the open, FILE_UNSAFE,
 *   SERVER_REFUSED for what the server will not do, and of the phases resolve, connect and request
 */
export async function withServer<Result>(
  options: ServerOptions,
  signal: AbortSignal,
  work: (call: CallServer) => Promise<Result>,
): Promise<Result> {
  const server = readServer(options);
  const bearer = await readToken(options.tokenFile);
  const ca = await readAuthority({ file: "the command line", http: { ca: options.ca } });
  const exchange = createExchange(toLookup(createResolver({})), { ca });
  const call: CallServer = async (method, path, { body, ifMatch } = {}) => {
    const url = `${server}/api/v1${path}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = ifMatch === undefined ? {} : { "if-match": ifMatch };
    const request = { method, url, bearer, headers, body: text, timeout: TIMEOUT, limit: LIMIT, signal };
    const reply = await exchange.send(request);
    if (reply.status >= 200 && reply.status < 300) return parse(reply.text);
    throw toRefusal(reply.status, parse(reply.text), new URL(url));
  };
  try {
    return await work(call);
  } finally {
    exchange.close();
  }
}

function readServer({ server: text, insecure }: ServerOptions): string {
  let server: string;
  try {
    server = parseSourceUrl(text);
  } catch (error) {
    throw new NearsourceError("USAGE", `--server: ${(error as Error).message}`);
  }
  if (mayCarrySecret(server, insecure)) return server;
  throw new NearsourceError("USAGE", `${server} would carry the API token unencrypted`, {
    hint: "name the server's https URL; --insecure sends it all the same",
  });
}

async function readToken(file: string | undefined): Promise<string> {
  let token = process.env.NEARSOURCE_API_TOKEN ?? "";
  if (file !== undefined) {
    token = await fs.readFile(file, "utf8").catch((cause) => {
      throw new NearsourceError("USAGE", `cannot read the API token in ${file}`, { cause });
    });
    refuseUnsafe(file, "the API token", { secret: true });
  }
  if (/^[A-Za-z0-9_-]{20,200}$/.test(token.trim())) return token.trim();
  throw new NearsourceError(
    "USAGE",
    token.trim() === "" ? "there is no API token" : "the API token is not whole",
    {
      hint: "make one (POST /api-tokens), and name its file with --token-file, or set NEARSOURCE_API_TOKEN",
    },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * An answer that is as the API's are.
 *
 * @throws NearsourceError SERVER_REFUSED
 */
export function readAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  answer: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, answer);
  if (parsed.success) return parsed.output;
  throw new NearsourceError("SERVER_REFUSED", "what answers there is no Nearsource server", {
    hint: "does --server name the administrators' side, as the console is opened?",
  });
}

/** Faults of an answer that are shown: it may have any number. */
const MOST_FAULTS = 50;

/** The error of an answer that is none of the good ones, in the server's own words where it has some (RFC 9457). */
function toRefusal(status: number, body: unknown, url: URL): NearsourceError {
  const { code, title, detail, errors } = (body ?? {}) as Record<string, unknown>;
  if (typeof code !== "string" || typeof title !== "string" || status >= 500)
    return toStatusError(status, url);
  const said = typeof detail === "string" ? `${title}: ${detail}` : title;
  const listed: unknown[] = Array.isArray(errors) ? errors.slice(0, MOST_FAULTS) : [];
  const faults = listed.map((each) => {
    const { field, message } = (each ?? {}) as Record<string, unknown>;
    return `${String(field)}: ${String(message)}`;
  });
  return new NearsourceError("SERVER_REFUSED", `${url.host} refuses: ${said} (${code})`, {
    faults,
    ...(Object.hasOwn(HINTS, code) && { hint: HINTS[code] }),
  });
}

const HINTS: Record<string, string> = {
  NOT_SIGNED_IN: "the API token is unknown there, was taken back, or has expired",
  NOT_ALLOWED: "the API token needs the role operator",
  CHANGED_MEANWHILE: "look at what was changed there, take it over into the file, and apply it anew",
};
