import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SILENT } from "../../../src/config/log.ts";
import { setDocument } from "../../../src/publisher/setDocument.ts";
import { followSettings, publishSettings } from "../../../src/server/publication/settingsTree.ts";
import { copyTree, TIMESTAMP, treeOfFolder } from "../../../src/server/publication/treeCopy.ts";
import { type RunningServer, runServer } from "../../../src/server/runServer.ts";
import { readServerConfig } from "../../../src/server/serverConfig.ts";
import { publishDocuments } from "../../../src/server/settings/publishDocument.ts";
import { insertDocument } from "../../../src/server/store/settings/documentStore.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { databases } from "../../support/databases.ts";
import { contentPublications, newHome } from "../../support/repositories.ts";
import { startSource } from "../../support/source.ts";
import { joinServer, makeServerFolders } from "../../support/twoServers.ts";

const PASSWORD = "correct horse battery";

async function start(dir: string): Promise<RunningServer> {
  const server = await runServer(await readServerConfig(dir), SILENT);
  onTestFinished(() => server.close());
  return server;
}

/** Calls a server as a page that is signed in. */
async function call(port: number, method: string, place: string, body?: unknown, more: object = {}) {
  const headers = { "sec-fetch-site": "same-origin", "content-type": "application/json", ...more };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`http://127.0.0.1:${port}${place}`, { method, headers, ...text });
  const said = await answer.text();
  return { status: answer.status, headers: answer.headers, body: said === "" ? undefined : JSON.parse(said) };
}

async function signIn(server: RunningServer, token: string) {
  const user = { token, user: "ada", password: PASSWORD };
  const { headers } = await call(server.consolePort, "POST", "/api/v1/setup", user);
  return { cookie: headers.get("set-cookie")?.split(";")[0] ?? "" };
}

async function fileOf(document: object): Promise<string> {
  const file = path.join(await newHome("document"), "source-list.json");
  await fs.writeFile(file, JSON.stringify(document));
  return file;
}

/** All files of the settings that a server serves, but for line breaks after the timestamp. */
async function treeOf({ context }: RunningServer): Promise<Record<string, string>> {
  const tree = treeOfFolder(context.trees.www);
  const files = await tree.read(await tree.paths());
  return Object.fromEntries(files.map(({ path, content }) => [path, content.trimEnd()]).toSorted());
}

const listOf = (url: string) => ({ mode: "customized", entries: [{ range: "10.1.0.0/16", url }] });

describe.for(databases().filter(({ name }) => name === "PostgreSQL"))(
  "servers of one database",
  ({ isHere, makeUrl }) => {
    describe.skipIf(!isHere)("", () => {
      test("serve the same publication, whichever of them signed it", async () => {
        const { dirs, token } = await makeServerFolders(2, await makeUrl());
        const [one, two] = [await start(dirs[0] ?? ""), await start(dirs[1] ?? "")];
        expect(await treeOf(two)).toEqual(await treeOf(one));
        const session = await signIn(one, token);
        for (const [index, server] of [one, two, two, one].entries()) {
          const list = listOf(`http://ua-${index}.example:21112`);
          const ifMatch = { "if-match": `"${index}"` };
          const saved = await call(server.consolePort, "PUT", "/api/v1/source-list", list, {
            ...session,
            ...ifMatch,
          });
          expect([saved.status, saved.body.version]).toEqual([200, index + 1]);
          await vi.waitFor(async () => expect(await treeOf(two)).toEqual(await treeOf(one)), {
            timeout: 30_000,
          });
        }
      });

      test("answer a poll that one holds when the other publishes", async () => {
        const { dirs, token } = await makeServerFolders(2, await makeUrl(), { enrolment: "open" });
        const [one, two] = [await start(dirs[0] ?? ""), await start(dirs[1] ?? "")];
        const session = await signIn(one, token);
        const machine = {
          name: "pc-1",
          addresses: ["10.1.0.7"],
          fingerprint: "a".repeat(64),
          program: "0.1.0",
        };
        const { id, secret } = (await call(two.agentsPort, "POST", "/v1/enrol", machine)).body;
        const { settings } = one.context.trees.versions();
        const held = call(
          one.agentsPort,
          "GET",
          `/v1/agents/${id}/notifications?settings=${settings}`,
          undefined,
          {
            authorization: `Bearer ${secret}`,
          },
        );
        await call(two.consolePort, "PUT", "/api/v1/source-list", listOf("http://ua.example:21112"), {
          ...session,
          "if-match": '"0"',
        });
        const { status, body } = await held;
        expect([status, body.settings.signed.version]).toEqual([200, (settings ?? 0) + 1]);
      });

      test("publish what another of them has saved, and was killed before it could publish", async () => {
        const { dirs } = await makeServerFolders(2, await makeUrl());
        const one = await start(dirs[0] ?? "");
        const { database, now, trees } = one.context;
        const content = `${JSON.stringify({ ...listOf("http://left.example:21112"), version: 1 })}\n`;
        const row = {
          name: "source-list",
          version: 1,
          content,
          author: "ada",
          createdAt: now(),
          note: "",
          effect: null,
        };
        await transact(database.db, (tx) => insertDocument(tx, row));
        const before = trees.versions().settings ?? 0;
        const two = await start(dirs[1] ?? "");
        await vi.waitFor(() => expect(trees.versions().settings).toBe(before + 1), { timeout: 60_000 });
        await vi.waitFor(async () => expect(await treeOf(two)).toEqual(await treeOf(one)), {
          timeout: 30_000,
        });
      });

      test("take nothing of a publication that was signed and not kept, and go on above its numbers", async () => {
        const { dirs } = await makeServerFolders(2, await makeUrl());
        const [one, two] = [await start(dirs[0] ?? ""), await start(dirs[1] ?? "")];
        const before = await treeOf(one);
        const sign = async (place: { dir: string; keysDir: string }) =>
          await setDocument({
            ...place,
            name: "source-list",
            file: await fileOf(listOf("http://x.example:1")),
          });
        const killed = publishSettings(one.context, sign, async () => {
          throw new Error("killed");
        });
        await expect(killed).rejects.toThrow("killed");
        await followSettings(one.context);
        expect(await treeOf(one)).toEqual(before);
        const content = JSON.stringify({ ...listOf("http://ua.example:21112"), version: 1 });
        const row = {
          name: "source-list",
          version: 1,
          content,
          author: "ada",
          createdAt: 1,
          note: "",
          effect: null,
        };
        await transact(one.context.database.db, (tx) => insertDocument(tx, row));
        await publishDocuments(two.context, [{ ...row, publishedAt: null }]);
        await publishDocuments(one.context, [{ ...row, publishedAt: null }]);
        await vi.waitFor(async () => expect(await treeOf(two)).toEqual(await treeOf(one)), {
          timeout: 30_000,
        });
        await vi.waitFor(async () => expect(Object.values(await treeOf(two)).join()).toContain("ua.example"));
      });

      test("take over what `nearsource repo` publishes in the folder of one of them", async () => {
        const { dirs } = await makeServerFolders(2, await makeUrl());
        const [one, two] = [await start(dirs[0] ?? ""), await start(dirs[1] ?? "")];
        const place = { dir: one.context.trees.www, keysDir: path.join(dirs[0] ?? "", "keys") };
        const file = await fileOf(listOf("http://by-hand.example:21112"));
        await setDocument({ ...place, name: "source-list", file });
        await vi.waitFor(
          async () => {
            const tree = await treeOf(two);
            expect(Object.values(tree).join()).toContain("by-hand.example");
            expect(tree).toEqual(await treeOf(one));
          },
          { timeout: 30_000 },
        );
      });

      test("may serve from one folder that they share", async () => {
        const home = await fs.mkdtemp("/tmp/nearsource-shared-");
        onTestFinished(() => fs.rm(home, { recursive: true, force: true }));
        const { dirs, token } = await makeServerFolders(2, await makeUrl(), {
          trees: path.join(home, "www"),
        });
        const [first = ""] = dirs;
        await copyTree(treeOfFolder(path.join(first, "www")), path.join(home, "www"));
        const [one, two] = [await start(first), await start(dirs[1] ?? "")];
        const session = await signIn(one, token);
        for (const [index, server] of [one, two].entries()) {
          const saved = await call(
            server.consolePort,
            "PUT",
            "/api/v1/source-list",
            listOf("http://ua.example:1"),
            {
              ...session,
              "if-match": `"${index}"`,
            },
          );
          expect(saved.status).toBe(200);
        }
        const { signed } = JSON.parse(await fs.readFile(path.join(home, "www", TIMESTAMP), "utf8"));
        await vi.waitFor(() => expect(one.context.trees.versions().settings).toBe(signed.version), {
          timeout: 30_000,
        });
      });

      test("mirror the vendor's content into a folder that they share one at a time, and both have it", async () => {
        const home = await newHome("shared");
        const { root, states } = await contentPublications();
        const vendor = await startSource(states.get("v1") ?? "");
        onTestFinished(() => vendor.close());
        const { dirs } = await makeServerFolders(2, await makeUrl(), {
          trees: path.join(home, "www"),
          activeUpdate: vendor.url,
          roots: { content: root },
        });
        const [first = ""] = dirs;
        await copyTree(treeOfFolder(path.join(first, "www")), path.join(home, "www"));
        const servers = [await start(first), await start(dirs[1] ?? "")];
        for (const state of ["v1", "v2"]) {
          vendor.root = states.get(state) ?? "";
          const timestamp = path.join(vendor.root, "content", "metadata", "timestamp.json");
          const { signed } = JSON.parse(await fs.readFile(timestamp, "utf8"));
          await Promise.all(servers.map(({ context }) => context.mirror.refresh()));
          for (const { context } of servers) {
            await vi.waitFor(() => expect(context.trees.versions().content).toBe(signed.version), {
              timeout: 30_000,
            });
            expect(context.mirror.state().error).toBeNull();
          }
        }
      });

      test("refuse to start with another server's keys, and in a folder that has a server", async () => {
        const { dirs } = await makeServerFolders(1, await makeUrl());
        const [first = ""] = dirs;
        await start(first);
        await expect(start(first)).rejects.toMatchObject({ code: "LOCKED" });
        const other = await makeServerFolders(1, await makeUrl());
        const stranger = path.join(path.dirname(first), "stranger");
        await joinServer(other.dirs[0] ?? "", stranger);
        await fs.copyFile(path.join(first, "server.json"), path.join(stranger, "server.json"));
        await expect(start(stranger)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
      });
    });
  },
);

test("a second server on the folder of one with SQLite is refused, and says who has it", async () => {
  const { dirs } = await makeServerFolders(1, "sqlite:nearsource.db");
  await start(dirs[0] ?? "");
  await expect(start(dirs[0] ?? "")).rejects.toThrow(`another server is running (process ${process.pid})`);
});
