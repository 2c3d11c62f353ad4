import { once } from "node:events";
import { promises as fs } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { newFolder, writeJson } from "../support/world.ts";
import { json, start } from "./commandLine.ts";

const entry = { range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin.corp.example:21112" };
const LIST = { mode: "customized", entries: [{ ...entry, except: ["10.1.9.0/24"] }] };

describe("a source list that is kept in a file", { timeout: 120_000 }, () => {
  let folder: string;
  let server: ServerProcess;
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-test-"));
    server = await startServerProcess(folder);
    for (const role of ["viewer", "operator"]) {
      const { body } = await server.call("POST", "/api-tokens", { name: role, role });
      tokens[role] = body.token;
    }
  }, 120_000);
  afterAll(async () => {
    server.process.kill("SIGKILL");
    await server.ended;
    await fs.rm(folder, { recursive: true, force: true });
  });

  /** Applies a list by the real program, as the operator unless the environment says otherwise. */
  async function apply(list: unknown, options: string[] = [], env: Record<string, string> = {}) {
    const file = path.join(folder, "source-list.json");
    if (list !== undefined) await writeJson(file, list);
    const all = { NEARSOURCE_API_TOKEN: tokens.operator ?? "", ...env };
    return await start(["sources", "apply", file, "--server", server.console, ...options], all).ended;
  }
  const inForce = async () => (await server.call("GET", "/source-list")).body;

  test("is tried without a change, and with --exit-code says by it that there would be one", async () => {
    const tried = await apply(LIST, ["--dry-run"], { NEARSOURCE_API_TOKEN: tokens.viewer ?? "" });
    expect(tried, tried.stderr).toMatchObject({ code: 0 });
    expect(tried.stdout).toContain("entries: 1 added");
    expect(tried.stdout).toContain("nothing was changed: version 0 stays in force");
    expect((await apply(LIST, ["--dry-run", "--exit-code"])).code).toBe(3);
    expect(await inForce()).toMatchObject({ version: 0, list: null });
  });

  test("is applied once, with a note, and then there is nothing to change", async () => {
    const tokenFile = path.join(folder, "token");
    await fs.writeFile(tokenFile, `${tokens.operator}\n`, { mode: 0o600 });
    const options = ["--token-file", tokenFile, "--note", "Berlin & its VPN", "--json"];
    const applied = await apply(LIST, options, { NEARSOURCE_API_TOKEN: "" });
    expect(applied.code, applied.stderr).toBe(0);
    const findings = [{ code: "UPDATE_AGENT_UNKNOWN" }, { code: "HOST_UNRESOLVED" }];
    expect(json(applied)).toMatchObject({ changed: true, applied: true, version: 1, findings });
    expect(await inForce()).toMatchObject({ version: 1, list: { ...LIST, requires: ["except"] } });
    const { items } = (await server.call("GET", "/source-list/versions")).body;
    expect(items[0]).toMatchObject({ author: "operator", note: "Berlin & its VPN" });
    const again = await apply(LIST);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to change") });
    expect((await apply(LIST, ["--dry-run", "--exit-code"])).code).toBe(0);
    expect(await inForce()).toMatchObject({ version: 1 });
  });

  test("is refused with entry, field and reason, and changes nothing", async () => {
    const refused = await apply({ entries: [{ ...entry, range: "10.0.0.9-10.0.0.1" }] });
    expect(refused.code).toBe(6);
    expect(refused.stdout).toContain('error entries[0].range: "10.0.0.9-10.0.0.1" ends before it begins');
    expect(refused.stderr).toContain("source-list.json is refused");
    const asJson = await apply(undefined, ["--json"]);
    expect(json(asJson)).toMatchObject({
      error: { code: "SOURCE_LIST_INVALID" },
      applied: false,
      findings: [{ level: "error", entry: 0 }],
    });
    const broken = path.join(folder, "broken.json");
    await fs.writeFile(broken, '{ "entries": [ }');
    const unread = await start(["sources", "apply", broken, "--server", server.console], {
      NEARSOURCE_API_TOKEN: tokens.operator ?? "",
    }).ended;
    expect(unread).toMatchObject({ code: 6, stderr: expect.stringContaining("line 1, column") });
    expect(await inForce()).toMatchObject({ version: 1 });
  });

  test("is not applied onto a version that somebody else has made meanwhile", async () => {
    const stale = await apply({ ...LIST, entries: [] }, ["--if-version", "7"]);
    expect(stale).toMatchObject({ code: 6, stderr: expect.stringContaining("version 1 is in force, not 7") });
    expect(await inForce()).toMatchObject({ version: 1 });
    expect((await apply({ ...LIST, updateAgentsOnlyFromServer: true }, ["--if-version", "1"])).code).toBe(0);
  });

  test("needs a token that may, which travels in the open to nobody else", async () => {
    const viewer = await apply({ entries: [] }, [], { NEARSOURCE_API_TOKEN: tokens.viewer ?? "" });
    expect(viewer).toMatchObject({ code: 6, stderr: expect.stringContaining("NOT_ALLOWED") });
    const unknown = await apply({ entries: [] }, [], { NEARSOURCE_API_TOKEN: "x".repeat(43) });
    expect(unknown).toMatchObject({ code: 6, stderr: expect.stringContaining("NOT_SIGNED_IN") });
    const none = await apply({ entries: [] }, [], { NEARSOURCE_API_TOKEN: "" });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no API token") });
    const loose = path.join(folder, "loose");
    await fs.writeFile(loose, `${tokens.operator}\n`, { mode: 0o644 });
    const open = await apply({ entries: [] }, ["--token-file", loose]);
    expect(open).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("is a secret that other accounts can read"),
    });
    const plain = await start(
      [
        "sources",
        "apply",
        path.join(folder, "source-list.json"),
        "--server",
        "http://nearsource.corp.example",
      ],
      { NEARSOURCE_API_TOKEN: tokens.operator ?? "" },
    ).ended;
    expect(plain).toMatchObject({ code: 2, stderr: expect.stringContaining("unencrypted") });
    for (const { stdout, stderr } of [viewer, unknown, open, plain]) {
      for (const token of Object.values(tokens)) expect(stdout + stderr).not.toContain(token);
    }
    expect(await inForce()).toMatchObject({ version: 2 });
  });

  test("is applied to no server that is not there", async () => {
    const { code, stderr } = await start(
      ["sources", "apply", path.join(folder, "source-list.json"), "--server", "http://127.0.0.1:9"],
      { NEARSOURCE_API_TOKEN: tokens.operator ?? "" },
    ).ended;
    expect(code).toBe(4);
    expect(stderr).toContain("refused the connection");
  });
});

describe("a server that is hostile", { timeout: 120_000 }, () => {
  /** Applies a list at a server that answers in its own way; the program's end, and the requests that came. */
  async function applyAt(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    const folder = await newFolder();
    const file = path.join(folder, "source-list.json");
    await writeJson(file, LIST);
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume();
      answer(request, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const words = ["sources", "apply", file, "--server", `http://127.0.0.1:${port}`];
    const ended = await start(words, { NEARSOURCE_API_TOKEN: "t".repeat(43) }).ended;
    return { ...ended, asked };
  }
  const json =
    (body: unknown, status = 200) =>
    (_: unknown, response: ServerResponse) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

  test("gets the token carried nowhere else", async () => {
    const heard: unknown[] = [];
    const other = createServer((request, response) => {
      heard.push(request.headers);
      response.end();
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    for (const status of [301, 302, 303, 307, 308]) {
      const { code } = await applyAt((_, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${port}/api/v1/source-list` }).end();
      });
      expect(code).toBe(4);
    }
    expect(heard).toEqual([]);
  });

  test("that answers without an end is given up", async () => {
    let sent = 0;
    const { code } = await applyAt((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = () => {
        while (!response.destroyed && response.write(" ".repeat(65_536))) sent += 65_536;
      };
      response.on("drain", more);
      more();
    });
    expect([code, sent < 64_000_000]).toEqual([4, true]);
  });

  test("writes nothing to the terminal but text, and hides nothing in it", async () => {
    const evil = "\u001b]0;owned\u0007\u001b[2J\u202e\r\nnearsource: all is well";
    const problem = {
      code: "REFUSED",
      title: evil,
      detail: evil,
      errors: [{ field: evil, message: evil }, null, 7],
    };
    const finding = { level: "error", entry: 1, field: evil, message: evil, code: evil };
    for (const answer of [
      json(problem, 422),
      json({ code: "constructor", title: "x" }, 422),
      (request: IncomingMessage, response: ServerResponse) =>
        json(request.method === "GET" ? { version: 1, list: null } : { findings: [finding], effect: null })(
          request,
          response,
        ),
    ]) {
      const { code, stdout, stderr } = await applyAt(answer);
      expect(code).toBe(6);
      expect(`${stdout}${stderr}`).not.toMatch(/[\u001b\u0007\u202e\r]|^nearsource: all is well/m);
      expect(stderr).not.toContain("native code");
    }
  });

  test("that answers with anything is said to be no server", async () => {
    for (const body of [
      null,
      7,
      [],
      {},
      { version: "1\r\nx: y", list: {} },
      { version: 1, list: { entries: 5 } },
      { version: 1, list: 5 },
    ]) {
      const { code, stderr, asked } = await applyAt(json(body));
      expect([body, code, asked]).toEqual([body, 6, ["GET /api/v1/source-list"]]);
      expect(stderr).toContain("is no Nearsource server");
    }
    const half = (request: IncomingMessage, response: ServerResponse) =>
      json(request.method === "GET" ? { version: 1, list: null } : { findings: {}, effect: 7 })(
        request,
        response,
      );
    expect((await applyAt(half)).code).toBe(6);
  });
});
