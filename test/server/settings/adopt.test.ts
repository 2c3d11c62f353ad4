import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { describeRoles } from "../../../src/publisher/describe.ts";
import { initRepository } from "../../../src/publisher/init.ts";
import { publishTargets } from "../../../src/publisher/publishTargets.ts";
import { documentTarget } from "../../../src/publisher/repository/checkDocument.ts";
import { withRepository } from "../../../src/publisher/repository/session.ts";
import { initServer } from "../../../src/server/initServer.ts";
import { nearsource } from "../../real/commandLine.ts";
import { databases } from "../../support/databases.ts";
import { newHome } from "../../support/repositories.ts";
import { callApi, openServer, publishedDocument, setUp, tokenOf } from "../../support/serverWorld.ts";

const LIST = {
  version: 7,
  mode: "customized",
  entries: [{ range: "10.1.0.0/16", url: "http://ua-berlin.example:21112", kinds: ["components"] }],
};
const UA = "0b1f2a4e-6d1e-4d52-9a57-2f3f6a1b9c00";

/** A settings repository as `nearsource repo` makes it, and the agents that trust its root. */
async function published() {
  const dir = path.join(await newHome("adopt"), "www");
  const { rootFile, keys, rootKeyFiles } = await initRepository({ dir, repository: "settings" });
  const documents = {
    "source-list": LIST,
    "policies/berlin": { version: 3, activeUpdate: true },
    "update-agents": { version: 2, agents: [{ id: UA, kinds: ["components"] }] },
  };
  for (const [name, document] of Object.entries(documents)) {
    const target = {
      role: "settings",
      target: documentTarget(name),
      bytes: Buffer.from(JSON.stringify(document)),
    };
    await withRepository({ dir }, "settings", async (session) => {
      await publishTargets(session, [target]);
      return {};
    });
  }
  return { dir, rootFile, keys, rootKeyFiles };
}

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  test.skipIf(!isHere)(
    "a settings repository is taken over: keys, versions, policies and roles go on",
    async () => {
      const { dir: adopt, rootFile } = await published();
      const dir = path.join(await newHome("server"), "server");
      const { token, rootKey, settingsRoot } = await initServer({ dir, adopt, database: await makeUrl() });
      expect(await fs.readFile(settingsRoot)).toEqual(await fs.readFile(rootFile));
      expect(path.dirname(String(rootKey))).toBe(path.join(dir, "keys", "root"));
      for (const name of await fs.readdir(path.join(dir, "keys", "settings"))) {
        if (name.endsWith(".pem")) {
          expect((await fs.stat(path.join(dir, "keys", "settings", name))).mode & 0o777).toBe(0o600);
        }
      }
      const world = await openServer(dir, token);
      onTestFinished(() => world.close());
      await setUp(world);
      const operator = await tokenOf(world, "administrator");
      const call = (...given: [Parameters<typeof callApi>[2], object?, number?]) =>
        callApi(world, operator, ...given);
      const before = world.context.trees.versions().settings;

      const list = await call("GET /source-list");
      expect([list.headers.etag, list.body]).toMatchObject(['"7"', { list: { entries: LIST.entries } }]);
      expect((await call("GET /source-list/versions")).body.items[0]).toMatchObject({
        version: 7,
        author: "nearsource repo",
      });
      expect((await call("GET /policies")).body.items).toMatchObject([
        { name: "berlin", targets: { domains: ["berlin"] }, settings: { activeUpdate: true } },
      ]);
      expect((await call("GET /update-agents")).body.items).toMatchObject([
        { id: UA, kinds: ["components"] },
      ]);

      expect(
        (await call("PUT /source-list", { ...LIST, version: undefined, mode: "standard" }, 7)).body.version,
      ).toBe(8);
      expect(await publishedDocument(world, "source-list")).toMatchObject({ version: 8, mode: "standard" });
      expect(await publishedDocument(world, "policies/berlin")).toEqual({ version: 3, activeUpdate: true });
      expect(world.context.trees.versions().settings).toBeGreaterThan(Number(before));
    },
  );
});

test("a settings repository in which nothing was set yet is taken over too", async () => {
  const adopt = path.join(await newHome("adopt"), "www");
  const { rootFile } = await initRepository({ dir: adopt, repository: "settings" });
  const dir = path.join(await newHome("server"), "server");
  const { token, settingsRoot } = await initServer({ dir, adopt });
  expect(await fs.readFile(settingsRoot)).toEqual(await fs.readFile(rootFile));
  const world = await openServer(dir, token);
  onTestFinished(() => world.close());
  expect(world.context.trees.versions().settings).toBe(1);
});

test("an agent that trusts the root of a repository follows the server that took it over", async () => {
  const { dir: adopt, rootFile } = await published();
  const home = await newHome("agent");
  const config = path.join(home, "config.json");
  const dir = path.join(await newHome("server"), "server");
  const { token } = await initServer({ dir, adopt });
  const world = await openServer(dir, token);
  onTestFinished(() => world.close());
  await setUp(world);
  const serve = await import("../../../src/server/agentSide/treeFiles.ts");
  const { createServer } = await import("node:http");
  const server = createServer(
    (request, response) => void serve.serveTreeFile(world.context.trees.www, request, response),
  );
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const written = {
    server: `http://127.0.0.1:${port}`,
    dataDir: path.join(home, "data"),
    roots: { settings: rootFile },
  };
  await fs.writeFile(config, JSON.stringify(written));
  const update = async () =>
    JSON.parse((await nearsource("update", "--kind", "settings", "--config", config, "--json")).stdout);
  expect(await update()).toMatchObject({ exitCode: 0, sourceList: { version: 7 } });
  const list = { mode: "customized", entries: LIST.entries };
  await callApi(world, await tokenOf(world, "operator"), "PUT /source-list", list, 7);
  expect(await update()).toMatchObject({ exitCode: 0, sourceList: { version: 8 } });
});

describe("it is not taken over, and nothing is made but an empty folder,", () => {
  const refused = async (adopt: string) => {
    const dir = path.join(await newHome("server"), "server");
    const error = await initServer({ dir, adopt }).catch((each) => each);
    expect(await fs.readdir(dir)).toEqual([]);
    return { code: error.code, message: String(error.message) };
  };

  test("where there is none, or its keys are not there", async () => {
    expect(await refused(await newHome("empty"))).toMatchObject({ code: "REPOSITORY_INVALID" });
    const { dir, keys } = await published();
    await fs.rename(path.join(keys, "snapshot.pem"), path.join(keys, "snapshot.away"));
    const { code, message } = await refused(dir);
    expect([code, message]).toEqual(["KEY_INVALID", expect.stringContaining("snapshot.pem")]);
  });

  test("where a key is another's, is open to others, or what is published was altered", async () => {
    const { dir, keys } = await published();
    const file = path.join(keys, "settings.pem");
    const own = await fs.readFile(file);
    const { privateKey } = generateKeyPairSync("ed25519");
    await fs.writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
    expect((await refused(dir)).message).toContain(
      "is not the key that the repository's root names for settings",
    );
    await fs.writeFile(file, own);
    await fs.chmod(file, 0o644);
    expect((await refused(dir)).code).toBe("FILE_UNSAFE");
    await fs.chmod(file, 0o600);
    const { roles } = await describeRoles({ dir, repository: "settings" });
    const version = roles.find(({ role }) => role === "settings")?.version;
    await fs.appendFile(path.join(dir, "settings", "metadata", `${version}.settings.json`), " ");
    expect((await refused(dir)).code).toBe("REPOSITORY_INVALID");
  });

  test.for<[string, (to: { dir: string; keys: string }) => Promise<unknown>]>([
    ["a link", ({ dir }) => fs.symlink("/etc/hostname", path.join(dir, "settings", "targets", "x.json"))],
    ["a link to a folder", ({ dir }) => fs.symlink("/etc", path.join(dir, "settings", "targets", "etc"))],
    ["a link among the keys", ({ keys }) => fs.symlink("/etc/hostname", path.join(keys, "more.pem"))],
    [
      "a pipe",
      async ({ dir }) =>
        promisify(execFile)("mkfifo", [path.join(dir, "settings", "metadata", "9.root.json")]),
    ],
    [
      "a pipe for a lock",
      async ({ dir }) => {
        await fs.rm(path.join(dir, "settings", ".lock"), { force: true });
        await promisify(execFile)("mkfifo", [path.join(dir, "settings", ".lock")]);
      },
    ],
    [
      "a pipe among the keys",
      async ({ keys }) => {
        await fs.rm(path.join(keys, "publisher.json"));
        await promisify(execFile)("mkfifo", [path.join(keys, "publisher.json")]);
      },
    ],
    [
      "a file of gigabytes",
      async ({ dir }) => {
        await fs.writeFile(path.join(dir, "settings", "metadata", "notes.json"), "");
        await fs.truncate(path.join(dir, "settings", "metadata", "notes.json"), 8_000_000_000);
      },
    ],
    [
      "folders without an end",
      ({ dir }) =>
        fs.mkdir(path.join(dir, "settings", "targets", ...Array(60).fill("d")), { recursive: true }),
    ],
  ])("where there is %s in it", async ([, plant]) => {
    const { dir, keys } = await published();
    await plant({ dir, keys });
    expect(await refused(dir)).toMatchObject({ code: "REPOSITORY_INVALID" });
  });
});
