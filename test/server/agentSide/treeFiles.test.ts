import { promises as fs } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { isTreePath, serveTreeFile } from "../../../src/server/agentSide/treeFiles.ts";
import { ask } from "../../support/relay.ts";
import { newFolder, sha256, sharedWorld } from "../../support/world.ts";

const stage = sharedWorld();

const open: http.Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await new Promise((done) => server.close(done));
});

async function serve(www: string): Promise<string> {
  const server = http.createServer((request, response) => {
    serveTreeFile(www, request, response).catch(() => response.destroy());
  });
  open.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Paths of all files below a folder. */
async function filesBelow(folder: string): Promise<string[]> {
  const found = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => path.relative(folder, path.join(each.parentPath, each.name)));
}

describe("the published trees", () => {
  test("are served file by file, each under its strong entity tag, whole and in parts", async () => {
    const www = stage.world.www(2);
    const url = await serve(www);
    // The lock of the publisher is nobody else's to see.
    for (const file of (await filesBelow(www)).filter((each) => !path.basename(each).startsWith("."))) {
      const bytes = await fs.readFile(path.join(www, file));
      const whole = await ask(url, `/${file}`);
      expect([file, whole.status, whole.body.equals(bytes)]).toEqual([file, 200, true]);
      expect(whole.headers.etag).toBe(`"${sha256(bytes)}"`);
      const same = await ask(url, `/${file}`, { headers: { "if-none-match": whole.headers.etag ?? "" } });
      expect(same.status).toBe(304);
      const part = await ask(url, `/${file}`, { headers: { range: "bytes=1-2" } });
      expect([part.status, part.body]).toEqual([206, bytes.subarray(1, 3)]);
    }
  });

  test.for([
    "/settings/../keys/settings/timestamp.pem",
    "/content/metadata/../../../etc/passwd",
    "/content/metadata/%2e%2e/timestamp.json",
    "/content/metadata/timestamp.json%00",
    "/content/metadata//timestamp.json",
    "/content/metadata/timestamp.json/",
    "/content/metadata/0.root.json",
    "/content/metadata/.timestamp.json.tmp",
    "/content/objects/ab/cd",
    `/content/objects/ab/cd${"0".repeat(62)}`,
    "/content",
    "/content/",
    "/content\\metadata\\timestamp.json",
  ])("have nothing by the name %s", async (place) => {
    const folder = await newFolder();
    const www = path.join(folder, "www");
    await fs.cp(stage.world.www(2), www, { recursive: true });
    const url = await serve(www);
    expect((await ask(url, place)).status).toBe(404);
  });

  test("are not changed, and links in them are not followed", async () => {
    const folder = await newFolder();
    const www = path.join(folder, "www");
    await fs.cp(stage.world.www(2), www, { recursive: true });
    await fs.writeFile(path.join(folder, "secret"), "secret");
    const place = path.join(www, "content", "metadata", "9.targets.json");
    await fs.symlink(path.join(folder, "secret"), place);
    const url = await serve(www);
    expect((await ask(url, "/content/metadata/9.targets.json")).status).toBe(404);
    expect((await ask(url, "/content/metadata/timestamp.json", { method: "PUT" })).status).toBe(405);
  });

  test("are told from what else is asked by their first folder", () => {
    expect(["/content/x", "/settings/x", "/v1/enrol", "/contents/x"].map(isTreePath)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
