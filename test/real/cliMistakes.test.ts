import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { initRepository } from "../../src/publisher/init.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { takeLock } from "../../src/store/lock.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { PROGRAM } from "../support/program.ts";
import { startSource } from "../support/source.ts";
import { makeAgent, objectOf, SMALL } from "../support/world.ts";
import {
  changeConfig,
  type Ended,
  expectError,
  json,
  nearsource,
  on,
  openStage,
  type Stage,
  start,
} from "./commandLine.ts";

/** The mistakes of an administrator in the first hour. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** A source whose large file is not the signed one. */
async function lying() {
  return await startSource(stage.world.www(2), {
    answer: ({ url = "" }, response) => {
      if (!url.endsWith(objectOf(2, "rules"))) return false;
      response.end(Buffer.alloc(SMALL));
      return true;
    },
  });
}

describe.concurrent("the terminal", () => {
  test("is told once of a lie, where stdout and stderr are one", async () => {
    const liar = await lying();
    const agent = await makeAgent(stage.world, { sources: { liar: liar.url, good: stage.urlOf(2) } });
    const shell = spawn("sh", [
      "-c",
      '"$0" "$@" 2>&1',
      process.execPath,
      PROGRAM,
      "update",
      "--config",
      agent.configFile,
    ]);
    const [said] = await Promise.all([text(shell.stdout), once(shell, "close")]);
    expect(said.match(/sent other bytes/g)).toHaveLength(1);
    expect(said).toContain("✗✗");
    await liar.close();
  });

  test("may close before all is said (| head), which is no failure", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    for (const args of [["update"], ["status"], ["repo", "show", path.join(stage.world.folder, "www")]]) {
      const config = args[0] === "repo" ? [] : ["--config", agent.configFile];
      const run = start([...args, ...config]);
      run.process.stdout?.destroy();
      expect(await run.ended).toEqual({ code: 0, stdout: "", stderr: "" });
    }
  });
});

describe.concurrent("exit 7:", () => {
  test("a state that cannot be read, which is no bug of this program", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await fs.rm(path.join(agent.dataDir, "state.json"));
    await fs.mkdir(path.join(agent.dataDir, "state.json"));
    for (const command of ["status", "explain", "update"]) {
      const ended = await on(agent, command);
      expect({ command, code: ended.code }).toEqual({ command, code: 7 });
      expectError(ended, /cannot read .*state\.json/);
    }
  });
});

describe.concurrent("nearsource update", () => {
  test("tells of a server whose settings are not signed by the trusted keys as of any lie", async () => {
    const agent = await stage.agentOf(2, {
      config: { server: stage.urlOf(1), roots: { content: "root.json", settings: "settings-root.json" } },
    });
    const site = path.join(stage.world.folder, `site-${path.basename(agent.folder)}`);
    const foreign = path.join(stage.world.folder, `foreign-${path.basename(agent.folder)}`);
    for (const dir of [site, foreign]) await initRepository({ dir, repository: "settings" });
    await fs.copyFile(
      path.join(site, "settings/metadata/1.root.json"),
      path.join(agent.folder, "settings-root.json"),
    );
    const server = await startSource(foreign);
    await changeConfig(agent, { server: server.url });
    const ended = await on(agent, "update");
    expect(ended.stdout).toMatch(/✗✗ the server's settings: .* not signed by .*\(SIGNATURE_INVALID\)/);
    expect(ended.stderr).toMatch(/^error: the settings could not be fetched: .*\(SIGNATURE_INVALID\)\n/);
    await server.close();
  });

  test("says of a policy that has come what has no effect in it, once", async () => {
    const agent = await stage.agentOf(2);
    const dir = path.join(stage.world.folder, `site-${path.basename(agent.folder)}`);
    await initRepository({ dir, repository: "settings" });
    const file = path.join(agent.folder, "policy.json");
    await fs.writeFile(file, '{ "shedule": { "cron": "0 3 * * *" } }');
    await setDocument({ dir, name: "policies/default", file });
    await fs.copyFile(path.join(dir, "settings/metadata/1.root.json"), path.join(agent.folder, "site.json"));
    const server = await startSource(dir);
    await changeConfig(agent, { server: server.url, roots: { content: "root.json", settings: "site.json" } });
    const said = /settings\/policies\/default\.json: its field "shedule" .* \(did you mean "schedule"\?\)/;
    expect((await on(agent, "update")).stdout).toMatch(said);
    expect((await on(agent, "update")).stdout).not.toMatch(said);
    expect((await on(agent, "status")).stdout).toMatch(said);
    await server.close();
  });

  test("says of an update that the hook refused that it is not installed, and why it stays away", async () => {
    const agent = await stage.agentOf(2, {
      installed: 1,
      config: { hooks: { afterUpdate: ["sh", "-c", "echo bad engine >&2; exit 3"] } },
    });
    const refused = await on(agent, "update");
    expect(refused.code).toBe(8);
    expect(refused.stdout).toContain("taken back: the hook sh ended with 3: bad engine");
    expect(refused.stdout).toContain("not updated: generation 1 is installed as before");
    expect(refused.stdout).not.toContain("already current");
    const status = await on(agent, "status");
    expect(status.stdout).toContain("Last run: taken back");
    expect(status.stdout).toContain("the hook sh ended with 3: bad engine");
    const next = await on(agent, "update");
    expect(next.code).toBe(0);
    expect(next.stdout).toContain("components/rules stays as it is: held after a failure");
    expect((await on(agent, "status")).stdout).toContain("good: nothing new of components");
  });

  test("says of components that are no longer wanted, or that nobody publishes, that it is so", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await changeConfig(agent, { components: ["ruels"] });
    const ended = await on(agent, "update");
    expect(ended.stdout).toContain("nothing named ruels is published");
    expect(ended.stdout).toContain("components/rules is not among the configured components and was removed");
    expect(json(await on(agent, "update", "--json"))).toMatchObject({ exitCode: 0 });
  });

  test("--quiet says what failed the run", async () => {
    const agent = await makeAgent(stage.world, { sources: { dead: "http://127.0.0.2:21119" } });
    const ended = await on(agent, "update", "--quiet");
    expect(ended.code).toBe(4);
    expectError(
      ended,
      "nearsource: every source is exhausted: nothing was delivered, and nothing is installed\n",
    );
  });

  test("writes how it ended, and what each source did, into a log of the usual level", async () => {
    const agent = await stage.agentOf(2, { config: { log: { file: "agent.log" } } });
    await on(agent, "update");
    const log = await fs.readFile(path.join(agent.folder, "agent.log"), "utf8");
    const messages = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).message);
    expect(messages).toEqual([expect.stringMatching(/^good: components \(\d+ bytes/), "ended: updated"]);
  });

  test("--wait says whom it waits for", async () => {
    const agent = await stage.agentOf(2);
    const { root } = await openDataDir(agent.dataDir);
    const lock = await takeLock(root);
    const run = start(["update", "--wait", "--config", agent.configFile]);
    const [first] = await once(run.process.stdout ?? run.process, "data");
    expect(first).toMatch(/^waiting: another update is running \(/);
    lock.release();
    expect(await run.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

describe.concurrent("nearsource verify --repair", () => {
  test("says why no source could help", async () => {
    const agent = await makeAgent(stage.world, { sources: { dead: "http://127.0.0.2:21119" }, installed: 1 });
    await fs.rm(path.join(agent.dataDir, "store"), { recursive: true });
    await fs.rm(path.join(agent.dataDir, "current/components/rules/rules.dat"));
    const ended = await on(agent, "verify", "--repair");
    expect(ended.code).toBe(8);
    expectError(
      ended,
      /rules\.dat is damaged, and no source has it: dead: 127\.0\.0\.2:21119 refused the connection/,
    );
  });
});

describe.concurrent("exit 2:", () => {
  test("a command that is none, and the one that was probably meant", async () => {
    const ended = await nearsource("updte");
    expect(ended.code).toBe(2);
    expectError(ended, /unknown command 'updte'\n\(Did you mean update\?\)/);
  });
});

describe.concurrent("--json is one JSON document on stdout also where a command fails:", () => {
  /** The document and stderr say the same. */
  function expectFailure(ended: Ended, code: number, error: string, message: RegExp): void {
    expect(ended.code).toBe(code);
    expect(json(ended)).toEqual({
      error: { code: error, message: expect.stringMatching(message), hint: expect.any(String) },
    });
    expect(ended.stderr).toMatch(message);
  }

  test.for(["update", "explain", "status", "verify"])("%s without a configuration", async (command) => {
    const ended = await nearsource(command, "--json", "--config", path.join(stage.world.folder, "none.json"));
    expectFailure(ended, 6, "CONFIG_NOT_FOUND", /there is no configuration at .*none\.json/);
  });

  test("a key that is none, a root that is none, and nothing to verify", async () => {
    const agent = await stage.agentOf(1, { config: { dataDri: "x" } });
    expectFailure(await on(agent, "update", "--json"), 6, "CONFIG_INVALID", /"dataDri" is not a key/);
    const [rootless, empty] = await Promise.all([stage.agentOf(1), stage.agentOf(1)]);
    await fs.writeFile(path.join(rootless.folder, "root.json"), "{}");
    expectFailure(await on(rootless, "update", "--json"), 8, "TRUST_ROOT_INVALID", /cannot use .*root\.json/);
    expectFailure(await on(empty, "verify", "--json"), 2, "GENERATION_NOT_FOUND", /nothing is installed/);
  });

  test("a lock that another run holds", async () => {
    const agent = await stage.agentOf(2);
    const { root } = await openDataDir(agent.dataDir);
    const lock = await takeLock(root);
    expectFailure(await on(agent, "update", "--json"), 5, "LOCKED", /another update is running/);
    lock.release();
  });

  test("a source list, a folder or an environment that is refused", async () => {
    const none = path.join(stage.world.folder, "none");
    expectFailure(await nearsource("repo", "show", none, "--json"), 8, "REPOSITORY_INVALID", /no repository/);
    const agent = await stage.agentOf(1);
    const unchecked = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const ended = await start(["status", "--json", "--config", agent.configFile], unchecked).ended;
    expect(ended.code).toBe(6);
    expect(json(ended)).toMatchObject({ error: { code: "TLS_CHECKS_DISABLED" } });
  });

  test.for([
    [["updte", "--json"], /unknown command 'updte'/],
    [["update", "--json", "--now"], /unknown option '--now'/],
    [["update", "--kind", "rules", "--json"], /argument 'rules' is invalid/],
    [["sources", "check", "--json"], /missing required argument 'file'/],
    [["explain", "--json", "--ip", "10.0.0.1/8"], /--ip: "10\.0\.0\.1\/8" is not/],
    [["repo", "show", "--json"], /missing required argument 'dir'/],
  ] as const)("the command line %j", async ([args, said]) => {
    const agent = await stage.agentOf(1);
    const ended = await start([...args], { NEARSOURCE_CONFIG: agent.configFile }).ended;
    expectFailure(ended, 2, "USAGE", said);
  });
});

describe
  .runIf(process.geteuid?.() === 0)
  .concurrent("what only shows says that an update would be refused:", () => {
    const READING = ["explain", "status", "hold"];

    test.for(READING)("%s, of a configuration that others can write", async (command) => {
      const agent = await stage.agentOf(1, { installed: 1 });
      await fs.chmod(agent.configFile, 0o666);
      expect((await on(agent, "update")).code).toBe(6);
      const ended = await on(agent, command);
      expect(ended.code).toBe(0);
      expect(ended.stderr).toMatch(
        /^warning: an update would end with exit 6: .*config\.json can be written .*\(mode 0666\)\n$/,
      );
      expect(json(await on(agent, command, "--json"))).toBeDefined();
    });

    test.for(READING)("%s, of a data directory that is somebody else's", async (command) => {
      const agent = await stage.agentOf(1);
      await changeConfig(agent, { dataDir: "." });
      expect((await on(agent, "update")).code).toBe(7);
      const ended = await on(agent, command);
      expect(ended.code).toBe(0);
      expect(ended.stderr).toMatch(
        /^warning: an update would end with exit 7: .* is not a data directory of nearsource: .*\n$/,
      );
    });

    test.for(READING)(
      "%s, and nothing where all is well, before the first run and after",
      async (command) => {
        for (const agent of [await stage.agentOf(1), await stage.agentOf(1, { installed: 1 })]) {
          expect(await on(agent, command)).toMatchObject({ code: 0, stderr: "" });
        }
      },
    );
  });

describe.concurrent("in words of people:", () => {
  test("a data directory that is a file", async () => {
    const agent = await stage.agentOf(1);
    await changeConfig(agent, { dataDir: "root.json" });
    const ended = await on(agent, "update");
    expect(ended.code).toBe(7);
    expectError(ended, /root\.json is not a folder\nhint: move away what stands there/);
  });

  test("a hook that is not there, and the way back after it is", async () => {
    const agent = await stage.agentOf(2, { installed: 1, config: { hooks: { afterUpdate: ["./no-hook"] } } });
    const ended = await on(agent, "update");
    expect(ended.code).toBe(8);
    expect(ended.stdout).toMatch(
      /taken back: the hook .*no-hook did not run: there is no such program.*\(ENOENT\)\n/,
    );
    expect(ended.stdout).toMatch(/^hint: .*nearsource hold lift$/m);
    await changeConfig(agent, { hooks: {} });
    expect((await on(agent, "hold", "lift")).stdout).toContain("lifted: components/rules");
    expect((await on(agent, "update")).stdout).toContain("updated: generation");
  });
});

describe.concurrent("nearsource sources check", () => {
  const LIST = `{
  // Berlin
  "entries": [
    { "range": "10.0.0.9-10.0.0.1", "url": "http://ua:1" },
    { "url": "ftp://ua", "kinds": ["componets"] },
  ]
}`;
  const SAID = [
    [2, 3, /a comment, which JSON does not have/],
    [4, 16, /entries\[0\]\.range: "10\.0\.0\.9-10\.0\.0\.1" ends before it begins/],
    [5, 5, /entries\[1\]\.range: is missing/],
    [5, 14, /entries\[1\]\.url: "ftp:\/\/ua" must begin with http/],
    [5, 36, /entries\[1\]\.kinds\[0\]: must be one of "settings", "components", "programs"/],
    [5, 50, /a comma that nothing follows/],
  ] as const;

  test("names every error of a list at once, with line and column", async () => {
    const file = path.join(stage.world.folder, "list-of-errors.json");
    await fs.writeFile(file, LIST);
    const ended = await nearsource("sources", "check", file);
    expect(ended.code).toBe(6);
    expectError(ended, /list-of-errors\.json is refused for 6 errors\n/);
    const lines = ended.stderr.split("\n").filter((line) => line.startsWith("  line "));
    expect(lines).toEqual(
      SAID.map(([line, column, words]) =>
        expect.stringMatching(new RegExp(`^  line ${line}, column ${column}: .*${words.source}`)),
      ),
    );
    const document = await nearsource("sources", "check", "--json", file);
    expect(document.code).toBe(6);
    expect(json(document)).toEqual({
      valid: false,
      errors: SAID.map(([line, column, words]) => ({ line, column, message: expect.stringMatching(words) })),
      findings: [
        [0, "range"],
        [1, "range"],
        [1, "url"],
        [1, "kinds[0]"],
      ].map(([entry, field]) =>
        expect.objectContaining({ level: "error", code: "FIELD_INVALID", entry, field }),
      ),
      error: { code: "SOURCE_LIST_INVALID", message: expect.any(String), hint: expect.any(String) },
    });
  });

  test("says beside the errors what has no effect, as repo set does, a line for each", async () => {
    const file = path.join(stage.world.folder, "list-of-oddities.json");
    const dir = path.join(stage.world.folder, "site-of-oddities");
    await initRepository({ dir, repository: "settings" });
    await fs.writeFile(
      file,
      '{ "mod": "standard", "entries": [\n  { "rnage": "10.0.0.1", "url": "http://ua:1", "url": "http://ub:1" }] }',
    );
    const faults = /^ {2}line 2, column 3: entries\[0\]\.range: is missing$/m;
    const odd = [
      /"mod" .*did you mean "mode"/,
      /"rnage" .*did you mean "range"/,
      /"(entries\[0\]\.)?url" stands twice/,
    ];
    const checked = await nearsource("sources", "check", file);
    const set = await nearsource("repo", "set", dir, "source-list", file);
    for (const { code, stderr } of [checked, set]) {
      expect(code).toBe(6);
      for (const line of [faults, ...odd]) expect(stderr).toMatch(line);
      expect(stderr.trimEnd().split("\n")).toHaveLength(6);
    }
    expect(json(await nearsource("sources", "check", "--json", file))).toMatchObject({
      errors: [{ line: 2 }],
      findings: [
        { entry: 0, code: "FIELD_REPEATED" },
        { entry: null, code: "FIELD_UNKNOWN" },
        { entry: 0, code: "FIELD_INVALID" },
        { entry: 0, code: "FIELD_UNKNOWN" },
      ],
    });
  });
});
