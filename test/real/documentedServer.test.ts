import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { openServer, type ServerProcess } from "../support/serverProcess.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { closeAll, newFolder, sharedWorld, writeJson } from "../support/world.ts";

/**
 * The commands of the server's pages, as an administrator would type them: every block, in order, against a real
 * server. Only names that everybody has of his own are put in.
 */
const ROOT = path.join(import.meta.dirname, "..", "..");
/** `docs/scale.md` takes a database server and a second machine: tests of several servers do what it says. */
const PAGES = ["docs/server.md", "docs/hardening.md", "docs/monitoring/README.md", "docs/releases.md"];
/** Begins of lines that are not typed here, each with the reason. */
const NOT_HERE = [
  // `.ci/run` runs it.
  "npm run demo:server",
  // Active Directory's own command.
  "Get-ADReplicationSubnet",
  // In place of the `init` before: what is taken over has tests of its own.
  "nearsource server init /srv/nearsource --adopt",
  // What is printed, and not typed.
  "ua-berlin is first by clause 1",
  "components/virus-pattern: release",
];
const stage = sharedWorld();
const sources: TestSource[] = [];
const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const { process: each, ended } of servers.splice(0)) {
    each.kill("SIGKILL");
    await ended;
  }
  await closeAll(sources);
});

/** The commands of a page, a line that ends with a backslash with the one that follows; other lines are refused. */
async function commandsOf(page: string): Promise<string[]> {
  const text = await fs.readFile(path.join(ROOT, page), "utf8").catch(() => "");
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, kind = ""]) => ["", "sh", "bash"].includes(kind))
    .map(([, , block = ""]) => block);
  const lines = blocks.flatMap((block) =>
    block
      .trimEnd()
      .replaceAll(/\\\n\s*/g, " ")
      .split("\n"),
  );
  const commands = lines.filter((line) => !NOT_HERE.some((begin) => line.startsWith(begin)));
  expect(commands.filter((line) => !/^(?:nearsource|curl|export) /.test(line))).toEqual([]);
  return commands;
}

/** A folder to work in, with `nearsource` in the path, and `curl` that fails where the server refuses. */
async function sitDown() {
  const folder = await newFolder();
  const bin = path.join(folder, "bin");
  await fs.mkdir(bin);
  const scripts = {
    nearsource: `exec "${process.execPath}" "${path.join(ROOT, "src", "main.ts")}" "$@"`,
    curl: 'exec /usr/bin/curl --silent --show-error --fail-with-body "$@"',
  };
  for (const [name, script] of Object.entries(scripts)) {
    await fs.writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const entry = { FromIP: "10.1.0.1", ToIP: "10.1.0.99", OUS: "http://ua.example:21112/activeupdate" };
  const exported = { OUSList: [{ OUSSettingType: "IPV4", OUSSettingJSONString: JSON.stringify(entry) }] };
  await writeJson(path.join(folder, "apex-sources.json"), exported);
  const subnets =
    '"Name","Site","Location","Description"\n"10.1.0.0/24","CN=Berlin,CN=Sites,DC=corp","",""\n';
  await fs.writeFile(path.join(folder, "ad-subnets.csv"), subnets);
  const sites = "site,name,url,kinds\nBerlin,ua-berlin,http://ua.example:21112,components\n";
  await fs.writeFile(path.join(folder, "sites.csv"), sites);
  await fs.copyFile(
    path.join(stage.world.www(1), "content", "metadata", "1.root.json"),
    path.join(folder, "vendor-root.json"),
  );
  return { folder, bin };
}

test("the commands of the server's pages do what the pages say", { timeout: 300_000 }, async () => {
  const { folder, bin } = await sitDown();
  const source = await startSource(stage.world.www(1));
  sources.push(source);
  const dir = path.join(folder, "server");
  let server: ServerProcess | undefined;
  let own = { setUp: "", token: "", enrolment: "" };

  /** Each machine that is enrolled is another one. */
  let machine = 0;

  const here = (line: string) =>
    line
      .replace("nearsource server init", "nearsource server init --console 127.0.0.1:0 --agents 127.0.0.1:0")
      .replace(
        /^nearsource enrol(?!.*--config)/,
        `nearsource enrol --config machine${machine}/config.json --data-dir machine${machine}/data`,
      )
      .replaceAll("/srv/nearsource", dir)
      .replaceAll("https://updates.vendor.example", source.url)
      .replaceAll("https://nearsource.corp.example:21111", server?.agents ?? "")
      .replaceAll("https://nearsource.corp.example:21110", server?.console ?? "")
      .replaceAll("http://127.0.0.1:21110", server?.console ?? "")
      .replaceAll("http://127.0.0.1:21111", server?.agents ?? "")
      .replace('"token": "…"', `"token": "${own.setUp}"`)
      .replace("--token …", `--token ${own.enrolment}`)
      .replace(" --ca site-ca.pem", "")
      .replace("NEARSOURCE_API_TOKEN=…", `NEARSOURCE_API_TOKEN=${own.token}`)
      // A component of the stage in place of the vendor's.
      .replaceAll("components/virus-pattern", "components/rules");

  const type = async (line: string) => {
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: "1" };
    const more = {
      NEARSOURCE_CONFIG: path.join(folder, `machine${machine}`, "config.json"),
      NEARSOURCE_API_TOKEN: own.token,
    };
    const command = `echo 'staple paper clip' | { ${here(line)}; }`;
    const options = { cwd: folder, env: { ...env, ...more, TOKEN: own.token, LAST: "0" } };
    const done = await promisify(execFile)("sh", ["-c", command], options).catch((error) => error);
    expect([line, done.code ?? 0, done.code ? `${done.stdout}${done.stderr}` : ""]).toEqual([line, 0, ""]);
    return String(done.stdout);
  };

  /** What an administrator has who has come so far: a token, a source list, a token for machines, content. */
  const settle = async (cookie: string) => {
    const call = async (method: string, place: string, body?: unknown, headers = {}) => {
      const answer = await server?.call(method, place, body, { cookie, ...headers });
      expect([place, answer?.status]).toEqual([place, expect.toBeOneOf([200, 201, 202])]);
      return answer?.body;
    };
    const { token } = await call("POST", "/api-tokens", { name: "mine", role: "administrator" });
    const { token: enrolment } = await call("POST", "/enrolment-tokens", {});
    own = { ...own, token, enrolment };
    const entries = [{ range: "0.0.0.0/0", name: "ua-berlin", url: source.url, kinds: ["components"] }];
    const list = { mode: "customized", entries };
    await call("PUT", "/source-list", list, { "if-match": '"0"' });
    await writeJson(path.join(folder, "source-list.json"), list);
    const version = async () => (await call("GET", "/mirror")).version;
    await expect.poll(version, { timeout: 60_000, interval: 100 }).not.toBeNull();
    const seen = async () => (await call("GET", "/releases")).items.length;
    await expect.poll(seen, { timeout: 60_000, interval: 100 }).toBeGreaterThan(0);
  };

  let typed = 0;
  for (const page of PAGES) {
    for (const line of await commandsOf(page)) {
      typed++;
      if (/^nearsource server \S+$/.test(line)) {
        server = await openServer(dir);
        servers.push(server);
        continue;
      }
      if (line.startsWith("nearsource enrol")) machine++;
      const said = await type(line.includes("/api/v1/setup") ? line.replace("curl ", "curl -i ") : line);
      if (line.startsWith("nearsource server init")) own.setUp = /#token=(\S+)/.exec(said)?.[1] ?? "";
      if (line.includes("/api/v1/setup")) await settle(/set-cookie: ([^;]+)/i.exec(said)?.[1] ?? "");
    }
  }
  expect(typed).toBeGreaterThan(12);
});
