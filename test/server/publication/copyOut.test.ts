import { promises as fs, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startNginx } from "../../../bench/nginx.ts";
import { SILENT } from "../../../src/config/log.ts";
import { CopyOut } from "../../../src/server/publication/copyOut.ts";
import { runServer } from "../../../src/server/runServer.ts";
import { parseServerConfig, readServerConfig } from "../../../src/server/serverConfig.ts";
import { healthOf } from "../../../src/server/serverHealth.ts";
import { PublishedTrees } from "../../../src/server/settings/publishedTrees.ts";
import { nearsource } from "../../real/commandLine.ts";
import { hasNginx } from "../../support/nginx.ts";
import { contentPublications, newHome } from "../../support/repositories.ts";
import { startSource } from "../../support/source.ts";
import { makeServerFolders } from "../../support/twoServers.ts";
import { writeJson } from "../../support/world.ts";

/** A command that copies what it is told, and writes down what that was. */
const copyTo = (target: string, log: string) => [
  "sh",
  "-c",
  'tee -a "$2" > "$2.now" && tar cf - -T "$2.now" | tar xf - -C "$1"',
  ...["copy", target, log],
];

const AWAITED = { timeout: 60_000 };

describe("what is published is copied", () => {
  test.skipIf(!hasNginx())(
    "to a folder from which a static nginx serves agents, as new as the server",
    async () => {
      const home = await newHome("copied");
      const target = path.join(home, "origin");
      await fs.mkdir(target);
      const { root, states } = await contentPublications();
      const vendor = await startSource(states.get("v1") ?? "");
      onTestFinished(() => vendor.close());
      const { dirs } = await makeServerFolders(1, "sqlite:nearsource.db", {
        activeUpdate: vendor.url,
        roots: { content: root },
        publish: { command: copyTo(target, path.join(home, "paths")) },
      });
      const server = await runServer(await readServerConfig(dirs[0] ?? ""), SILENT);
      onTestFinished(() => server.close());
      const nginx = await startNginx(home, target);
      onTestFinished(() => nginx.close());
      const { www } = server.context.trees;
      const same = async (repository: string) => {
        const place = path.join(repository, "metadata", "timestamp.json");
        expect(await fs.readFile(path.join(target, place))).toEqual(await fs.readFile(path.join(www, place)));
      };
      await vi.waitFor(() => Promise.all([same("settings"), same("content")]), AWAITED);
      vendor.root = states.get("v2") ?? "";
      await server.context.mirror.refresh();
      await vi.waitFor(() => same("content"), AWAITED);
      const config = path.join(home, "config.json");
      const settings = path.join(dirs[0] ?? "", "www", "settings", "metadata", "1.root.json");
      const roots = { content: root, settings };
      await writeJson(config, { server: nginx.url, roots, dataDir: path.join(home, "data") });
      const { code, stdout, stderr } = await nearsource("update", "--json", "--config", config);
      expect(code, stdout + stderr).toBe(0);
      expect(JSON.parse(stdout).installed.length).toBeGreaterThan(0);
    },
  );

  test("in an order in which nothing is announced that is not there: the timestamp last, once all else has arrived", async () => {
    const home = await newHome("order");
    const { states } = await contentPublications();
    const trees = new PublishedTrees(states.get("v1") ?? "");
    await trees.look();
    const log = path.join(home, "paths");
    const target = path.join(home, "origin");
    // The folder is not there: nothing can arrive.
    const copies = new CopyOut({ command: copyTo(target, log), dir: home, trees, log: SILENT });
    copies.start();
    onTestFinished(() => copies.close());
    await vi.waitFor(() => expect(copies.failure()).toMatch(/^sh ended with/), AWAITED);
    expect(await fs.readFile(log, "utf8")).not.toContain("timestamp.json");
    await fs.rm(log);
    await fs.mkdir(target);
    await vi.waitFor(() => expect(copies.failure()).toBeUndefined(), AWAITED);
    const paths = (await fs.readFile(log, "utf8")).trim().split("\n");
    const parts = paths.map((each) => each.split("/")[1]);
    expect(parts).toEqual([...parts].toSorted((a, b) => order(a) - order(b)));
    expect(paths.at(-1)).toBe("content/metadata/timestamp.json");
    expect(paths.filter((each) => each.endsWith("timestamp.json"))).toHaveLength(1);
  });

  test("by a program that fails: it is said in the health until it works again", async () => {
    const home = await newHome("failing");
    const { dirs } = await makeServerFolders(1, "sqlite:nearsource.db", {
      publish: { command: ["test", "-e", path.join(home, "mended")] },
    });
    const server = await runServer(await readServerConfig(dirs[0] ?? ""), SILENT);
    onTestFinished(() => server.close());
    const health = async () => (await healthOf(server.context)).ailing;
    await vi.waitFor(async () => expect(await health()).toContain("publish"), AWAITED);
    await fs.writeFile(path.join(home, "mended"), "");
    await vi.waitFor(async () => expect(await health()).not.toContain("publish"), AWAITED);
  });
});

test("the programs that docs/scale.md names are what server.json takes", () => {
  const page = readFileSync("docs/scale.md", "utf8");
  const written = [...page.matchAll(/^\{ "publish": .*$/gm)].map(([text]) => text);
  expect(written).toHaveLength(2);
  for (const text of written)
    expect(parseServerConfig(text, "/srv/server.json").publish?.command[0]).toBeDefined();
});

function order(part: string | undefined): number {
  return ["objects", "targets", "metadata"].indexOf(part ?? "");
}
