import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { gunzipSync } from "node:zlib";

/** The built page (`dist/console.json`): files by their path, gzipped, in base64. */
interface BuiltPage {
  files: Record<string, string>;
}

interface PageFile {
  gzipped: Buffer;
  plain: Buffer;
  etag: string;
  type: string;
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * Everything that a page may do: what it loads is this server's, it stands in no frame, and no text becomes
 * markup but the templates of the framework.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types svelte-trusted-html",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/** The web page, as it was built: all of it is in memory, and nothing else is ever read for a request. */
export class ConsolePage {
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(built: BuiltPage) {
    this.#files = new Map(Object.entries(built.files).map(([name, text]) => [name, toFile(name, text)]));
  }

  /** Whether a request is the page's: all that is neither the API's nor a program's. */
  static isFor(url: string): boolean {
    return !/^\/(?:api\/|healthz\b|metrics\b)/.test(url);
  }

  /** Answers a request. An address without a file is one within the page. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", headers, url = "/" } = request;
    if (method !== "GET" && method !== "HEAD") return void refuse(response, 405);
    const name = url.slice(1).replace(/[?#].*$/, "");
    const isAsset = name.startsWith("assets/");
    const file = this.#files.get(name) ?? (isAsset ? undefined : this.#files.get("index.html"));
    if (file === undefined) return void refuse(response, 404);
    // The name of a file below assets changes with its content.
    response.setHeader("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache");
    response.setHeaders(new Map(Object.entries(HEADERS)));
    response.setHeader("etag", file.etag);
    response.setHeader("vary", "accept-encoding");
    if (headers["if-none-match"]?.includes(file.etag)) return void response.writeHead(304).end();
    const takesGzip = /\bgzip\b/.test(String(headers["accept-encoding"] ?? ""));
    const bytes = takesGzip ? file.gzipped : file.plain;
    if (takesGzip) response.setHeader("content-encoding", "gzip");
    response.writeHead(200, { "content-type": file.type, "content-length": bytes.length });
    response.end(method === "HEAD" ? undefined : bytes);
  }
}

/** Reads the page from within the executable or from beside the program; undefined where there is none. */
export async function readConsolePage(): Promise<ConsolePage | undefined> {
  const { isSea, getAsset } = await import("node:sea");
  if (isSea()) return new ConsolePage(JSON.parse(getAsset("console.json", "utf8")));
  // Beside the bundle, or in a checkout below the folder of what is built.
  for (const place of ["console.json", "../../dist/console.json"]) {
    const text = await fs.readFile(path.join(import.meta.dirname, place), "utf8").catch(() => undefined);
    if (text !== undefined) return new ConsolePage(JSON.parse(text));
  }
  return undefined;
}

function toFile(name: string, text: string): PageFile {
  const gzipped = Buffer.from(text, "base64");
  const plain = gunzipSync(gzipped);
  const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
  return { gzipped, plain, etag, type: TYPES[path.extname(name)] ?? "application/octet-stream" };
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...HEADERS }).end();
}
