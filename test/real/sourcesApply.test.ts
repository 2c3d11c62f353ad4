import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { writeJson } from "../support/world.ts";
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
