import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { SILENT } from "../../src/config/log.ts";
import { newSetupLink } from "../../src/server/access/setupLink.ts";
import { initServer } from "../../src/server/initServer.ts";
import { runServer } from "../../src/server/runServer.ts";
import { parseServerConfig, readServerConfig } from "../../src/server/serverConfig.ts";
import { openServer, setUp } from "../support/serverWorld.ts";
import { newFolder } from "../support/world.ts";

test.for([
  ["a database of no kind", { database: "mysql://host/x" }, "CONFIG_INVALID"],
  ["a database that does not answer", { database: "postgres://nobody@127.0.0.1:1/x" }, "STORAGE_FAILED"],
  ["a vendor's root that is not there", { contentRoot: "/nowhere/root.json" }, "TRUST_ROOT_INVALID"],
  ["a vendor's root that is none", { contentRoot: "/dev/null" }, "TRUST_ROOT_INVALID"],
  ["an address of the vendor that is none", { activeUpdate: "updates.vendor.example" }, "CONFIG_INVALID"],
  ["a repository that is not there", { adopt: "/nowhere/www" }, undefined],
] as const)(
  "a server that cannot be made for %s leaves its folder as it was, for the corrected call",
  async ([, wrong, code]) => {
    const dir = path.join(await newFolder(), "server");
    const refused = initServer({ dir, ...wrong });
    await expect(refused).rejects.toMatchObject(code === undefined ? { name: "NearsourceError" } : { code });
    expect(await fs.readdir(dir)).toEqual([]);
    expect((await initServer({ dir })).setupUrl).toContain("/setup#token=");
  },
);

test.for(["settings/timestamp.pem", "settings/targets.pem", "secrets.key", "second-factor.key"])(
  "a server whose %s others can read does not start, and says what to do",
  async (name) => {
    const dir = path.join(await newFolder(), "server");
    const place = { host: "127.0.0.1", port: 0 };
    await initServer({ dir, console: place, agents: place });
    const start = async () => await runServer(await readServerConfig(dir), SILENT);
    const file = path.join(dir, "keys", name);
    if (name.endsWith(".key")) await fs.writeFile(file, randomBytes(32));
    await fs.chmod(file, 0o644);
    await expect(start()).rejects.toMatchObject({
      ...{ code: "FILE_UNSAFE", hint: expect.stringContaining("chmod 600") },
    });
    await fs.chmod(file, 0o600);
    await (await start()).close();
  },
);

test("a folder that cannot be made is refused by its name", async () => {
  const file = path.join(await newFolder(), "file");
  await fs.writeFile(file, "");
  const refused = initServer({ dir: path.join(file, "server") });
  await expect(refused).rejects.toMatchObject({
    ...{ code: "STORAGE_UNWRITABLE", message: expect.stringContaining(file) },
  });
});

test("a set-up link that was lost is replaced while nobody is set up, and opens nothing any more", async () => {
  const dir = path.join(await newFolder(), "server");
  const { token: lost } = await initServer({ dir });
  const { setupUrl, token } = await newSetupLink(dir);
  expect(setupUrl).toBe(`http://127.0.0.1:21110/setup#token=${token}`);
  const before = await openServer(dir, lost);
  await expect(setUp(before)).rejects.toThrow("TOKEN_INVALID");
  await setUp({ ...before, token });
  await expect(newSetupLink(dir)).rejects.toMatchObject({ code: "SERVER_EXISTS" });
  await before.close();
});

test.for([
  ["never made", undefined, "CONFIG_NOT_FOUND", "server init DIR"],
  ["made, with a configuration that is no JSON", "{ oh", "CONFIG_INVALID", "docs/server.md"],
  ["made, with a key that there is not", '{ "consol": {} }', "CONFIG_INVALID", "docs/server.md"],
] as const)(
  "a server that was %s is not started, and what to do is said",
  async ([, written, code, hint]) => {
    const dir = await newFolder();
    if (written !== undefined) await fs.writeFile(path.join(dir, "server.json"), written);
    await expect(readServerConfig(dir)).rejects.toMatchObject({
      ...{ code, hint: expect.stringContaining(hint), message: expect.stringContaining(dir) },
    });
  },
);

test.for([
  ["", "line 1, column 1: it is not JSON: unexpected end of input, where '{' should be"],
  [
    '{\n  "database": "sqlite:x"\n  "insecure": true\n}',
    "line 3, column 3: it is not JSON: unexpected text, where ',' or '}' should be",
  ],
  [
    '{\n  // ours\n  "insecure": true\n}',
    "line 2, column 3: it is not JSON: a comment, which JSON does not have",
  ],
  [
    '{\n  "console": { "port": "21110" }\n}',
    'line 2, column 24: "console.port" must be a whole number from 0 to 65535',
  ],
  ['{ "mirror":\n  { "every": "1h" } }', 'line 2, column 14: "mirror.every" must be a whole number'],
  ['{\n  "proxies": ["x"] }', 'line 2, column 14: "proxies": "x" is not an IPv4 or IPv6 address'],
  [
    '{ "enrolment": "token",\n  "consol": {} }',
    'line 2, column 13: "consol" is not a key of the configuration, did you mean "console"?',
  ],
] as const)("what is wrong with a configuration is said with its place: %j", ([written, fault]) => {
  let refusal: unknown;
  try {
    parseServerConfig(written, "/srv/nearsource/server.json");
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code: "CONFIG_INVALID", faults: [fault] });
});

test("a server on any free ports says which, and leaves the configuration that it was given as it was", async () => {
  const dir = path.join(await newFolder(), "server");
  const place = { host: "127.0.0.1", port: 0 };
  await initServer({ dir, console: place, agents: place });
  const config = await readServerConfig(dir);
  const before = structuredClone(config);
  const server = await runServer(config, SILENT);
  expect(config).toEqual(before);
  expect(server.context.config.agents.port).toBe(server.agentsPort);
  expect(server.agentsPort).toBeGreaterThan(0);
  await server.close();
});

test("a server whose port is another program's says which, and starts once it is free", async () => {
  const dir = path.join(await newFolder(), "server");
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await initServer({ dir, console: { host: "127.0.0.1", port }, agents: { host: "127.0.0.1", port: 0 } });
  const start = async () => await runServer(await readServerConfig(dir), SILENT);
  await expect(start()).rejects.toMatchObject({
    message: expect.stringContaining(`port ${port}, console.port of server.json`),
    hint: "write another into console.port of server.json, or end the program that has it",
  });
  other.close();
  await once(other, "close");
  await (await start()).close();
});
