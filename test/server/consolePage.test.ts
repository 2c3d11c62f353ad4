import { promises as fs } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshConsole } from "../../src/console/buildConsole.ts";
import { ConsolePage, readConsolePage } from "../../src/server/consolePage.ts";

const packed = (text: string) => gzipSync(text).toString("base64");

describe("the page", () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    const page = new ConsolePage({
      files: {
        "index.html": packed("<h1>page</h1>"),
        "assets/a-1.js": packed("1"),
        "icon.svg": packed("<svg/>"),
      },
    });
    server = createServer((request, response) => page.answer(request, response));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test.each(["/", "/agents", "/agents/some-agent", "/update-source?open=new"])("is at %s", async (place) => {
    const answer = await fetch(url + place);
    expect([answer.status, await answer.text()]).toEqual([200, "<h1>page</h1>"]);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
  });

  test("may load nothing but its own, stands in no frame, and makes no markup of text", async () => {
    const policy = (await fetch(url)).headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
  });

  test("has files that never change under their names, and answers 304 for what is there already", async () => {
    const answer = await fetch(`${url}/assets/a-1.js`);
    expect(answer.headers.get("cache-control")).toMatch(/immutable/);
    expect(answer.headers.get("content-type")).toMatch(/^text\/javascript/);
    const etag = answer.headers.get("etag") ?? "";
    const again = await fetch(`${url}/assets/a-1.js`, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test.each(["/assets/a-2.js", "/assets/../index.html", "/assets/%2e%2e/secret"])(
    "has nothing at %s",
    async (place) => {
      const answer = await fetch(url + place);
      expect([200, 404]).toContain(answer.status);
      expect(await answer.text()).not.toMatch(/secret/);
    },
  );

  test("takes no other method, and says as much to HEAD as to GET", async () => {
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
    const head = await fetch(url, { method: "HEAD", headers: { "accept-encoding": "identity" } });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "13", ""]);
  });

  test.each(["/api/v1/session", "/healthz", "/metrics"])("is not what is asked for by %s", (place) => {
    expect(ConsolePage.isFor(place)).toBe(false);
  });
});

test("the built page is one that a server reads, and weighs no more than 150 kB", async () => {
  await freshConsole();
  expect(await readConsolePage()).toBeDefined();
  const built = JSON.parse(await fs.readFile("dist/console.json", "utf8")) as {
    files: Record<string, string>;
  };
  const files = Object.values(built.files).map((text) => Buffer.from(text, "base64"));
  expect(files.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(150_000);
  const html = gunzipSync(Buffer.from(built.files["index.html"] ?? "", "base64")).toString();
  // Whatever the policy would refuse is not there in the first place.
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style| style=| on\w+=/);
});
