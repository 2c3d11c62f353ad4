import { once } from "node:events";
import { promises as fs } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkConfiguration } from "../../../src/agent/check/check.ts";
import { openDataDir } from "../../../src/store/openDataDir.ts";
import { type Authority, makeAuthority, writeCertificate } from "../../real/certificates.ts";
import { json, nearsource } from "../../real/commandLine.ts";
import { type Agent, makeAgent, makeWorld, type World, writeJson } from "../../support/world.ts";

let world: World;
let authority: Authority;
beforeAll(async () => {
  world = await makeWorld();
  authority = await makeAuthority(world.folder, "Private authority");
});
afterAll(() => world.remove());

/** An agent with these keys laid over a configuration in which all is well. */
async function agentWith(config: object): Promise<Agent> {
  const quiet = { listen: { port: null }, metrics: { port: null } };
  return await makeAgent(world, { sources: { good: "http://127.0.0.2:1" }, config: { ...quiet, ...config } });
}

/** The problems found, by key. */
async function problemsOf(agent: Agent): Promise<Record<string, string>> {
  const found = await checkConfiguration(agent.configFile, process.env);
  const problems = found.filter(({ level }) => level === "problem");
  return Object.fromEntries(problems.map(({ key, message }) => [key, message]));
}

const inFolder = async (agent: Agent, name: string, text: string, mode = 0o644) => {
  await fs.writeFile(path.join(agent.folder, name), text, { mode });
};

describe("agent --check opens what the configuration names:", () => {
  test("all is well, and nothing is made or changed by looking", async () => {
    const tls = await writeCertificate(world.folder, await authority.issue());
    const agent = await agentWith({
      http: { ca: authority.file },
      relay: { tls },
      dns: { servers: ["192.0.2.53", "[2001:db8::53]:5353"] },
      hooks: { afterUpdate: ["true", "x"] },
      log: { file: "agent.log" },
    });
    const found = await checkConfiguration(agent.configFile, process.env);
    expect(found.filter(({ level }) => level !== "ok")).toEqual([]);
    expect(found.map(({ key }) => key)).toEqual([
      ...["configuration", "roots.content", "sourceList", "kinds", "dns.servers", "dns.servers"],
      ...["http.ca", "relay.tls", "hooks.afterUpdate", "dataDir", "log.file"],
    ]);
    expect((await fs.readdir(agent.folder)).sort()).toEqual(["config.json", "list.json", "root.json"]);
  });

  test("every problem is found, not only the first", async () => {
    const agent = await agentWith({
      roots: { content: "none.json", settings: "list.json" },
      http: { ca: "list.json" },
      dns: { servers: ["ns.corp.example"] },
      sourceList: "odd-list.json",
      policy: "odd-policy.json",
      hooks: { afterUpdate: "./list.json" },
      notify: { mqtt: { url: "mqtt://broker", topic: "t", passwordFile: "no-password", ca: "no-ca.pem" } },
      relay: { tls: { cert: "no-cert.pem", key: "no-key.pem" } },
      log: { file: "list.json/agent.log" },
      dataDir: "root.json",
    });
    await inFolder(agent, "odd-list.json", '{ "entries": [{ "range": "10.0.0.1" }], }');
    await inFolder(agent, "odd-policy.json", '{ "schedule": { "cron": "daily" } }');
    expect(await problemsOf(agent)).toEqual({
      "roots.content": expect.stringMatching(/^cannot read .*none\.json/),
      "roots.settings": expect.stringMatching(/list\.json is not a TUF root signed by its own keys/),
      "http.ca": expect.stringMatching(/list\.json holds no certificate/),
      "dns.servers": expect.stringContaining("ns.corp.example"),
      sourceList: expect.stringMatching(/odd-list\.json: line 1, column 39: is not JSON: a comma/),
      policy: expect.stringMatching(/odd-policy\.json: line 1, column 15: schedule: "daily" is not a cron/),
      "hooks.afterUpdate": expect.stringMatching(/list\.json is not executable/),
      "notify.mqtt.passwordFile": expect.stringMatching(/^cannot read .*no-password/),
      "notify.mqtt.ca": expect.stringMatching(/^cannot read .*no-ca\.pem/),
      "relay.tls": expect.stringMatching(/^cannot read .*no-cert\.pem/),
      "log.file": expect.stringMatching(/list\.json is not a folder/),
      dataDir: expect.stringMatching(/root\.json is not a folder/),
    });
  });

  test.for([
    ["{}", /is not a TUF root signed by its own keys: it is no TUF metadata of the type root$/],
    ["null", /: it is not JSON$|: it is no TUF metadata of the type root$/],
    ["{", /: it is not JSON$/],
    ['{ "signed": { "_type": "root" } }', /: fields of it are missing or damaged$/],
  ] as const)("a root that says %s, in words of people", async ([text, said]) => {
    const agent = await agentWith({});
    await inFolder(agent, "root.json", text);
    expect(await problemsOf(agent)).toEqual({ "roots.content": expect.stringMatching(said) });
  });

  test("a log and a data directory that are yet to be made, with their folders", async () => {
    const agent = await agentWith({ log: { file: "logs/here/agent.log" } });
    const found = await checkConfiguration(agent.configFile, process.env);
    const messageOf = (wanted: string) => found.find(({ key }) => key === wanted)?.message;
    expect(messageOf("log.file")).toMatch(
      /agent\.log is yet to be made, and so is .*logs\/here: the first run does so$/,
    );
    expect(messageOf("dataDir")).toMatch(/data is yet to be made: the first run does so$/);
  });

  test("a root that its own keys have not signed", async () => {
    const agent = await agentWith({});
    const root = JSON.parse(await fs.readFile(world.root, "utf8"));
    root.signed.expires = "2099-01-01T00:00:00Z";
    await writeJson(path.join(agent.folder, "root.json"), root);
    expect(await problemsOf(agent)).toEqual({
      "roots.content": expect.stringMatching(/is not a TUF root signed by its own keys/),
    });
  });

  test.for([
    ["has expired", { from: -3, until: -1 }, /is no longer valid/],
    ["is not valid yet", { from: 2, until: 3 }, /is not valid before/],
  ] as const)("a certificate that %s", async ([, days, said]) => {
    const tls = await writeCertificate(world.folder, await authority.issue(days));
    const agent = await agentWith({ relay: { tls } });
    expect(await problemsOf(agent)).toEqual({ "relay.tls": expect.stringMatching(said) });
  });

  test("a certificate and the key of another", async () => {
    const one = await authority.issue();
    const other = await (await makeAuthority(world.folder, "Another authority")).issue();
    const tls = await writeCertificate(world.folder, { cert: one.cert, key: other.key });
    const agent = await agentWith({ relay: { tls }, http: { ca: tls.key } });
    expect(await problemsOf(agent)).toEqual({
      "relay.tls": expect.stringMatching(/key\.pem is not the key of .*cert\.pem/),
      "http.ca": expect.stringMatching(/holds no certificate/),
    });
  });

  test("a hook that is not there, in PATH or where it is named, or that is a folder", async () => {
    for (const [command, said] of [
      ["no-such-program", /there is no no-such-program in PATH/],
      ["./no-such-program", /no-such-program cannot be found: no such file or directory \(ENOENT\)/],
      [world.folder, /is not a file/],
    ] as const) {
      const agent = await agentWith({ hooks: { afterUpdate: [command] } });
      expect(await problemsOf(agent)).toEqual({ "hooks.afterUpdate": expect.stringMatching(said) });
    }
  });

  test("a port that another program has, and one that is asked for twice", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const agent = await agentWith({ listen: { host: "127.0.0.1", port }, metrics: { port: null } });
    const problem = expect.stringMatching(
      new RegExp(`cannot listen at 127\\.0\\.0\\.1, port ${port}: address already in use \\(EADDRINUSE\\)$`),
    );
    expect(await problemsOf(agent)).toEqual({ "listen.port": problem });
    await new Promise((closed) => taken.close(closed));
    const twice = { host: "127.0.0.1", port };
    expect(await problemsOf(await agentWith({ listen: twice, metrics: twice }))).toEqual({
      "metrics.port": problem,
    });
  });

  test("a data directory that is somebody else's, which stays as it is", async () => {
    const agent = await agentWith({ dataDir: "." });
    const before = await fs.readdir(agent.folder);
    expect(await problemsOf(agent)).toEqual({
      dataDir: expect.stringMatching(/is not a data directory of nearsource: it holds config\.json/),
    });
    expect(await fs.readdir(agent.folder)).toEqual(before);
  });

  test("files that another account can write, each of them", async ({ skip }) => {
    if (process.getuid === undefined) skip();
    const agent = await agentWith({});
    for (const name of ["root.json", "list.json"]) await fs.chmod(path.join(agent.folder, name), 0o666);
    const found = await checkConfiguration(agent.configFile, process.env);
    expect(found.filter(({ key }) => key === "roots.content" || key === "sourceList")).toEqual([
      { level: "problem", key: "roots.content", message: expect.stringContaining("root.json") },
      { level: "problem", key: "sourceList", message: expect.stringContaining("list.json") },
    ]);
  });
});

describe("agent --check of a configuration with wrong keys", () => {
  /** A text with ten faults, and where they stand. */
  const WRONG = `{
  "dataDri": "data",
  "dataDir": "data",
  "server": "ftp://server",
  "roots": { "content": "root.json" }, // ours
  "kinds": ["rules"],
  "keepGenerations": 0,
  "addresses": ["10.0.0.999"],
  "http": { "minrate": 5, "rateLimit": { "bytesPerSecond": 5000, "hours": ["mon 8-9"] }, "stallTimeout": 1.5 },
  "notify": { "mqtt": { "url": "mqtt://broker" } },
  "log": { "level": "loud" },
  "domain": "one", "domain": "two", "listen": { "port": null }, "metrics": { "port": null },
  "hooks": { "afterUpdate": "no-such-program" },
}`;

  test("names every fault with its place, and looks at all the rest", async () => {
    const agent = await agentWith({});
    await fs.writeFile(agent.configFile, WRONG);
    const found = await checkConfiguration(agent.configFile, process.env);
    const said = found.map(({ level, key, message }) => `${level} ${key}: ${message}`);
    for (const line of [
      /^problem configuration: line 5, column 40: it is not JSON: a comment, which JSON does not have$/,
      /^problem configuration: line 13, column 48: it is not JSON: a comma that nothing follows$/,
      /^problem dataDri: line 2, column 14: is not a key of the configuration, did you mean "dataDir"\?$/,
      /^problem server: line 4, column 13: "ftp:\/\/server" must begin with http/,
      /^problem kinds\[0\]: line 6, column 13: must be one of settings, components, programs$/,
      /^problem keepGenerations: line 7, column 22: must be 1 or more$/,
      /^problem addresses: line 8, column 16: "10\.0\.0\.999" is not/,
      /^problem http\.minrate: line 9, column 24: is not a key of the configuration/,
      /^problem http\.rateLimit\.hours\[0\]: line 9, column \d+: "mon 8-9" is not hours/,
      /^problem http\.stallTimeout: line 9, column \d+: must be a whole number$/,
      /^problem notify\.mqtt: line 10, column 23: needs "topic"$/,
      /^problem log\.level: line 11, column 21: must be one of error, warn, info, debug$/,
      /^note domain: line 12, column 3: its field "domain" stands twice in one object: only the last one counts$/,
      /^ok roots\.content: /,
      /^ok dataDir: /,
      /^problem hooks\.afterUpdate: there is no no-such-program in PATH$/,
      /^note kinds: no source delivers .* needs "server", "sourceList" or "activeUpdate"/,
    ]) {
      expect(said).toContainEqual(expect.stringMatching(line));
    }
    expect(said.filter((line) => line.startsWith("problem"))).toHaveLength(13);
    expect(said.filter((line) => /^ok (kinds|dataDri|server|addresses)/.test(line))).toEqual([]);
  });

  test.for([
    ["7", [["configuration", "it must be an object"]]],
    [
      "",
      [["configuration", "line 1, column 1: it is not JSON: unexpected end of input, where '{' should be"]],
    ],
    ['{ "dataDir": 5 }', [["dataDir", "line 1, column 14: must be text"]]],
    [
      '{ "a.b": 5, "c\\"d": 5, "": 1 }',
      [
        ["a.b", "line 1, column 10: is not a key of"],
        ['c"d', "line 1, column 21: is not a key of"],
        ["", "line 1, column 28: is not a key of"],
      ],
    ],
    ['{ "__proto__": { "dataDir": "x" } }', [["__proto__", "line 1, column 16: is not a key of"]]],
    ['{ "http": { "rateLimit": { "hours": [] } } }', [["http.rateLimit", "line 1, column 26: must be 1024"]]],
    [
      '{ "domain": "", "kinds": [] }',
      [
        ["domain", "line 1"],
        ["kinds", "line 1, column 26: must not"],
      ],
    ],
  ] as [string, [string, string][]][])("%s", async ([text, faults]) => {
    const agent = await agentWith({});
    await fs.writeFile(agent.configFile, text);
    const found = await checkConfiguration(agent.configFile, process.env);
    // Without roots there is nothing to update, which is said as well; and its own ports may be taken on this machine.
    const isOwn = /^(?:listen|metrics)\b/;
    const problems = found.filter(
      ({ key, level, message }) =>
        level === "problem" && !/no roots\.content/.test(message) && !isOwn.test(key),
    );
    const expected = faults.map(([key, message]) => ({ key, message: expect.stringContaining(message) }));
    expect(problems).toMatchObject(expected);
  });

  test("prints them as findings, also with --json", async () => {
    const agent = await agentWith({});
    await fs.writeFile(agent.configFile, WRONG);
    const ended = await nearsource("agent", "--check", "--config", agent.configFile);
    expect(ended.code).toBe(6);
    expect(ended.stdout).toMatch(/^ {2}problem log\.level: line 11, column 21: must be one of/m);
    expect(ended.stderr).toMatch(/^nearsource: .*config\.json has 13 problems\n$/);
    const document = json(await nearsource("agent", "--check", "--json", "--config", agent.configFile));
    expect(document).toMatchObject({
      valid: false,
      findings: expect.any(Array),
      error: { code: "CONFIG_INVALID" },
    });
  });
});

describe("agent --check says under the key that it is of", () => {
  test("a state that is damaged, and what is lost with it", async () => {
    const agent = await agentWith({});
    await openDataDir(agent.dataDir);
    await fs.writeFile(path.join(agent.dataDir, "state.json"), "garbage");
    const found = await checkConfiguration(agent.configFile, process.env);
    const notes = found.filter(({ key, level }) => key === "dataDir" && level === "note");
    expect(notes.map(({ message }) => message).join()).toContain("state.json.damaged");
  });

  test("a state that cannot be read", async () => {
    const agent = await agentWith({});
    await fs.mkdir(path.join(agent.dataDir, "state.json"), { recursive: true });
    const found = await checkConfiguration(agent.configFile, process.env);
    const level = (wanted: string) => found.filter(({ key }) => key === wanted).map((each) => each.level);
    expect(new Set(level("dataDir"))).toEqual(new Set(["problem"]));
    expect(level("kinds")).toEqual([]);
  });

  test("a hook that others can write, which is not ok then", async ({ skip }) => {
    if (process.getuid === undefined) skip();
    const agent = await agentWith({ hooks: { afterUpdate: "./hook" } });
    await inFolder(agent, "hook", "#!/bin/sh\n", 0o755);
    await fs.chmod(path.join(agent.folder, "hook"), 0o777);
    const found = await checkConfiguration(agent.configFile, process.env);
    expect(found.filter(({ key }) => key === "hooks.afterUpdate")).toEqual([
      { level: "problem", key: "hooks.afterUpdate", message: expect.stringContaining("mode 0777") },
    ]);
  });

  test("a policy's errors and its misspelt fields, both", async () => {
    const agent = await agentWith({ policy: "policy.json" });
    await inFolder(agent, "policy.json", '{ "patience": "long", "shedule": 1, "kinds": [] , "kinds": []}');
    const found = await checkConfiguration(agent.configFile, process.env);
    expect(
      found.filter(({ key }) => key === "policy").map(({ level, message }) => `${level} ${message}`),
    ).toEqual([
      expect.stringMatching(/^note .*line 1, column 37: its field "kinds" stands twice/),
      expect.stringMatching(/^note .*"shedule" .* \(did you mean "schedule"\?\)$/),
      expect.stringMatching(
        /^problem .*line 1, column 15: patience: must be milliseconds, such as 600000, or \{/,
      ),
      expect.stringMatching(/^problem .*line 1, column \d+: kinds: names no kind$/),
    ]);
  });
});

describe("nearsource agent --check", () => {
  test("says each with a line, and exits 6 where there is a problem", async () => {
    const agent = await agentWith({ dns: { servers: ["192.0.2.53", "ns"] } });
    const ended = await nearsource("agent", "--check", "--config", agent.configFile);
    expect(ended.code).toBe(6);
    expect(ended.stdout).toMatch(/^ {2}ok {6}roots\.content: .*version 1, expires/m);
    expect(ended.stdout).toMatch(/^ {2}problem dns\.servers: DNS server "ns" is not an IP address/m);
    expect(ended.stderr).toMatch(/^nearsource: .*config\.json has a problem\n$/);
  });

  test("--json is one document, with the findings", async () => {
    const agent = await agentWith({ sourceList: "list.json", kinds: ["components", "programs"] });
    const ended = await nearsource("agent", "--check", "--json", "--config", agent.configFile);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(json(ended)).toMatchObject({
      valid: true,
      findings: expect.arrayContaining([
        { level: "note", key: "kinds", message: expect.stringMatching(/^no source delivers programs: /) },
      ]),
    });
    await fs.rm(path.join(agent.folder, "root.json"));
    const failed = await nearsource("agent", "--check", "--json", "--config", agent.configFile);
    expect(failed.code).toBe(6);
    expect(json(failed)).toMatchObject({ valid: false, error: { code: "CONFIG_INVALID" } });
  });
});
