import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { configPath } from "../../src/config/configPath.ts";
import { reviewConfig } from "../../src/config/reviewConfig.ts";
import { newFolder, readTree } from "../support/world.ts";

/** Reads a configuration of this content, in a folder of its own. */
async function reading(content: unknown) {
  const folder = await newFolder();
  const file = path.join(folder, "config.json");
  await fs.writeFile(
    file,
    typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content),
  );
  return { folder, file, read: () => readConfig(file, {}) };
}

describe("a configuration", () => {
  test("that is empty has a default for everything", async () => {
    const { file, read } = await reading({});
    expect((await read()).server).toBeUndefined();
    expect(await read()).toMatchObject({
      file,
      roots: {},
      domain: "default",
      dns: { timeout: 2_000 },
      http: {
        connectTimeout: 5_000,
        responseTimeout: 9_000,
        stallTimeout: 10_000,
        minRate: 1_024,
        proxy: "system",
      },
      keepGenerations: 3,
      log: { level: "info" },
    });
    expect((await read()).dataDir).toMatch(/nearsource[/\\]data$/);
  });

  test("names files relative to where it stands, or absolutely", async () => {
    const { folder, read } = await reading({
      dataDir: "data",
      roots: { content: "../root.json", settings: "/etc/root.json" },
      sourceList: "list.json",
      policy: "sub/policy.json",
      log: { file: "log/agent.log" },
    });
    expect(await read()).toMatchObject({
      dataDir: path.join(folder, "data"),
      roots: { content: path.resolve(folder, "../root.json"), settings: "/etc/root.json" },
      sourceList: path.join(folder, "list.json"),
      policy: path.join(folder, "sub/policy.json"),
      log: { file: path.join(folder, "log/agent.log") },
    });
  });

  test("is put into one spelling", async () => {
    const { read } = await reading({
      server: "HTTP://Server.Example:80/base/",
      activeUpdate: "https://updates.example/",
      kinds: ["programs", "settings", "programs"],
      hooks: { afterUpdate: "reload" },
    });
    expect(await read()).toMatchObject({
      server: "http://server.example/base",
      activeUpdate: "https://updates.example",
      kinds: ["settings", "programs"],
      hooks: { afterUpdate: ["reload"] },
    });
  });

  const refused: [what: string, content: unknown, said: string][] = [
    ["an unknown key", { dataDri: "x" }, '"dataDri" is not a key of the configuration'],
    [
      "an unknown key of a section",
      { http: { timeout: 5 } },
      '"http.timeout" is not a key of the configuration',
    ],
    ["an unknown root", { roots: { contents: "x" } }, '"roots.contents" is not a key'],
    ["__proto__", '{"__proto__": {"server": "http://evil.test"}}', '"__proto__"'],
    ["a key that every object has", { constructor: 1 }, '"constructor" is not a key of the configuration'],
    ["a key that conf keeps for itself", { __internal__: {} }, '"__internal__" is not a key of the'],
    ["a key with a dot in it", { "dns.timeout": 5 }, '"dns.timeout" is not a key of the configuration'],
    ["a list for a section", { http: [] }, '"http" must be an object'],
    ["null for a section", { roots: null }, '"roots" must be an object'],
    ["null for a text", { server: null }, '"server" must be text'],
    ["a number without an end", '{"keepGenerations": 1e999}', '"keepGenerations" must be a whole number'],
    ["a port that is none", { listen: { port: "any" } }, "must be a whole number from 0 to 65535, or null"],
    ["a port beyond the last", { metrics: { port: 65_536 } }, '"metrics.port" must be 65535 or less'],
    ["a broker without a topic", { notify: { mqtt: { url: "mqtt://x" } } }, '"notify.mqtt" needs "topic"'],
    ["a certificate without a key", { relay: { tls: { cert: "c" } } }, '"relay.tls" needs "key"'],
    ["no command", { hooks: { afterUpdate: [] } }, '"hooks.afterUpdate" must be a command, such as'],
    ["a hollow argument", { hooks: { afterUpdate: ["x", ""] } }, '"hooks.afterUpdate[1]" must not be empty'],
    ["a limit without its rate", { http: { rateLimit: {} } }, '"http.rateLimit" must be 1024 bytes per'],
    [
      "a limit that is too low, for certain hours",
      { relay: { rateLimit: { bytesPerSecond: 5, hours: [] } } },
      '"relay.rateLimit.bytesPerSecond" must be 1024 or more',
    ],
    ["a limit for no hours", { http: { rateLimit: { bytesPerSecond: 5e3, hours: [] } } }, "hours: is empty"],
    ["text for a number", { keepGenerations: "3" }, '"keepGenerations" must be a whole number'],
    [
      "a fraction for a whole number",
      { http: { stallTimeout: 1.5 } },
      '"http.stallTimeout" must be a whole number',
    ],
    ["no patience at all", { http: { stallTimeout: 0 } }, '"http.stallTimeout" must be 1 or more'],
    ["a time-out of a day", { dns: { timeout: 86_400_000 } }, '"dns.timeout" must be 3600000 or less'],
    ["no generation to keep", { keepGenerations: 0 }, '"keepGenerations" must be 1 or more'],
    ["an empty data directory", { dataDir: "" }, '"dataDir" must not be empty'],
    ["a NUL in a path", { dataDir: "a\u0000b" }, '"dataDir" must not hold a NUL'],
    ["a kind that is none", { kinds: ["rules"] }, '"kinds[0]" must be one of settings, components, programs'],
    ["no kinds", { kinds: [] }, '"kinds" must not be empty'],
    ["text for a list", { kinds: "components" }, '"kinds" must be a list'],
    ["a domain with a path in it", { domain: "../x" }, '"domain" must be 1 to 100 of A-Z a-z 0-9 . _ -'],
    [
      "a level that is none",
      { log: { level: "loud" } },
      '"log.level" must be one of error, warn, info, debug',
    ],
    ["a number for a section", { http: 5 }, '"http" must be an object'],
    ["a server over ftp", { server: "ftp://x" }, '"server": "ftp://x" must begin with http:// or https://'],
    ["a server with a password", { server: "http://u:p@x" }, '"server": the URL of x must not carry'],
    ["an ActiveUpdate that is no URL", { activeUpdate: "nowhere" }, '"activeUpdate": "nowhere" is not a URL'],
    ["a server at half an address", { server: "http://10.1" }, '"server": "http://10.1" is not a URL'],
    ["an ActiveUpdate behind backslashes", { activeUpdate: "http:\\\\x" }, '"activeUpdate": '],
    ["a proxy at port 0", { http: { proxy: "http://x:0" } }, '"http.proxy": '],
    [
      "a broker at an octal address",
      { notify: { mqtt: { url: "mqtt://010.1.2.3", topic: "t" } } },
      '"notify.mqtt.url": "mqtt://010.1.2.3" is not a URL',
    ],
    [
      "a broker over http",
      { notify: { mqtt: { url: "http://x", topic: "t" } } },
      '"notify.mqtt.url": "http://x" must begin with mqtt:// or mqtts://',
    ],
    [
      "a broker with a password",
      { notify: { mqtt: { url: "mqtt://u:p@x", topic: "t" } } },
      '"notify.mqtt.url": credentials belong into',
    ],
    ["a proxy that is none", { http: { proxy: "proxy:3128" } }, '"http.proxy"'],
    ["an address that is none", { addresses: ["10.0.0.999"] }, '"addresses": "10.0.0.999" is not'],
    ["a component that is a path", { components: ["../x"] }, '"components": "../x" is not a component name'],
    ["nothing at all", "", "it is not JSON"],
    ["half of it", '{"dataDir": "da', "it is not JSON"],
    ["a comment", "{} // ours", "line 1, column 4: it is not JSON: a comment"],
    ["bytes that are no text", Buffer.from("fffe00", "hex"), "it is not JSON"],
  ];

  test.for(refused)("with %s is refused, and the place is named", async ([, content, said]) => {
    const { folder, file, read } = await reading(content);
    const before = await readTree(folder);
    await expect(read()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(said),
      hint: "docs/configuration.md has every key",
    });
    await expect(read()).rejects.toThrow(`the configuration ${file} is invalid`);
    expect(await readTree(folder)).toEqual(before);
  });

  test.for([
    ["a list", "[]"],
    ["null", "null"],
    ["text", '"x"'],
    ["a number", "7"],
  ])("that is %s is refused", async ([, content]) => {
    const { read } = await reading(content);
    await expect(read()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("is never written, nor is anything beside it", async () => {
    const { folder, read } = await reading('{  "dataDir":"data"  }');
    await read();
    expect(await readTree(folder)).toEqual({ "config.json": Buffer.from('{  "dataDir":"data"  }') });
  });

  test("may begin with a byte order mark, as editors on Windows write it", async () => {
    const { read } = await reading('\uFEFF{"domain": "berlin"}');
    expect(await read()).toMatchObject({ domain: "berlin" });
  });

  test("may have any name", async () => {
    const folder = await newFolder();
    for (const name of ["agent", "agent.conf", "my.agent.json", ".agent"]) {
      await fs.writeFile(path.join(folder, name), '{"domain": "berlin"}');
      expect((await readConfig(path.join(folder, name), {})).domain, name).toBe("berlin");
    }
    expect(Object.keys(await readTree(folder)).sort()).toEqual([
      ".agent",
      "agent",
      "agent.conf",
      "my.agent.json",
    ]);
  });

  test("that is not there is said to be missing, with what to do", async () => {
    const file = path.join(await newFolder(), "none.json");
    await expect(readConfig(file, {})).rejects.toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: `there is no configuration at ${file}`,
      hint: expect.stringContaining("--config"),
    });
  });

  test("with several mistakes is refused for all of them", async () => {
    const written = {
      server: "htp://server",
      addresses: ["10.0.0.1", "10.0.0.256"],
      http: { rateLimit: { bytesPerSecond: 5_000, hours: ["mon 8-9"] } },
      notify: { mqtt: { url: "http://broker", topic: "t" } },
    };
    const { read } = await reading(JSON.stringify(written));
    const { message } = await read().catch((error) => error);
    for (const said of ['"server": ', '"addresses": ', "http.rateLimit.hours[0]: ", '"notify.mqtt.url": '])
      expect(message).toContain(said);
  });

  test("of a key that is misspelt says which was meant", async () => {
    const { read } = await reading('{"dataDri":"data","http":{"minrate":5,"rateLimit":"fast"}}');
    const { message } = await read().catch((error) => error);
    expect(message).toContain('"dataDri" is not a key of the configuration, did you mean "dataDir"?');
    expect(message).toContain('"http.minrate" is not a key of the configuration, did you mean "minRate"?');
    expect(message).toContain('"http.rateLimit" must be 1024 bytes per second or more, such as 500000, or {');
    expect(message).not.toContain("anyOf");
  });

  test("says all that is not of its shape before what it means, once each", async () => {
    const { read } = await reading({
      server: "ftp://x",
      keepGenerations: 0.5,
      http: { a: 1, b: 2, rateLimit: { hours: 5 } },
      notify: { mqtt: { username: "" } },
      hooks: { afterUpdate: "" },
    });
    const { faults } = await read().catch((error) => error);
    expect(faults).toEqual([
      '"http.a" is not a key of the configuration',
      '"http.b" is not a key of the configuration',
      '"http.rateLimit.hours" must be a list',
      '"keepGenerations" must be a whole number',
      '"keepGenerations" must be 1 or more',
      '"notify.mqtt" needs "url"',
      '"notify.mqtt" needs "topic"',
      '"notify.mqtt.username" must not be empty',
      '"hooks.afterUpdate" must be a command, such as "./reload", or a list of command and arguments',
    ]);
  });

  test("that is a folder is refused", async () => {
    await expect(readConfig(await newFolder(), {})).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

test("a review names the place of each fault, and comes to what is left", async () => {
  const { file } = await reading(`{
  "server": "ftp://x", "domain": "berlin",
  "http": { "minRate": -1, "proxy": "none" },
  "http.minRate": 5,
  "notify": { "mqtt": { "url": "http://x", "topic": "t" }, "poll": true },
  "components": ["a", 5]
}`);
  const { config, faults } = await reviewConfig(file, {});
  expect(faults).toEqual([
    { key: "http.minRate", message: "line 4, column 19: is not a key of the configuration" },
    { key: "components[1]", message: "line 6, column 23: must be text" },
    { key: "http.minRate", message: "line 3, column 24: must be 0 or more" },
    {
      key: "server",
      message: 'line 2, column 13: "ftp://x" must begin with http:// or https://',
    },
    {
      key: "notify.mqtt.url",
      message: 'line 5, column 32: "http://x" must begin with mqtt:// or mqtts://',
    },
  ]);
  expect(config).toMatchObject({
    domain: "berlin",
    http: { minRate: 1_024, proxy: "none" },
    notify: { poll: true },
  });
  expect([config?.server, config?.components, config?.notify.mqtt]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("the configuration is the one named, else the environment's, else the platform's", () => {
  expect(configPath("a.json", { NEARSOURCE_CONFIG: "b.json" })).toBe(path.resolve("a.json"));
  expect(configPath(undefined, { NEARSOURCE_CONFIG: "b.json" })).toBe(path.resolve("b.json"));
  expect(configPath(undefined, { NEARSOURCE_CONFIG: "" })).toMatch(/nearsource[/\\]config\.json$/);
});
