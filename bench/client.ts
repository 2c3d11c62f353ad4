/**
 * What the client costs: a check with nothing new, a first fetch of 100 MB beside `curl` and
 * `sha256sum`, `status`, and the time that each kind of dead source takes. Run it with `npm run bench`,
 * on an idle machine: it prints tables and writes bench/results/client.json.
 */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { promises as fs } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { update } from "../src/agent/update.ts";
import { addRelease } from "../src/publisher/addRelease.ts";
import { initRepository } from "../src/publisher/init.ts";
import { startSource, type TestSource } from "../test/support/source.ts";
import { type Cost, median, medianCost, printTable } from "./measure.ts";

const RUNS = 5;
const SIZE = 100_000_000;
const PROJECT = path.resolve(import.meta.dirname, "..");

const work = await fs.mkdtemp(path.join(tmpdir(), "nearsource-bench-"));
try {
  await bench();
} finally {
  await fs.rm(work, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  execFileSync("npm", ["run", "-s", "build"], { cwd: PROJECT, stdio: "ignore" });
  const bytes = randomBytes(SIZE);
  const file = path.join(work, "big.dat");
  await fs.writeFile(file, bytes);
  const www = path.join(work, "www");
  await initRepository({ dir: www, repository: "content" });
  await addRelease({ dir: www, kind: "components", name: "big", version: "1", path: file });
  const nginx = await startNginx(www);
  const source = nginx ?? (await startSource(www, { etags: true }));
  const sha = createHash("sha256").update(bytes).digest("hex");
  const results = {
    node: process.version,
    server: nginx === undefined ? "node" : "nginx",
    costs: await costs(source.url, sha),
    dead: await deadSources(www),
  };
  await source.close();
  await fs.mkdir(path.join(PROJECT, "bench/results"), { recursive: true });
  await fs.writeFile(path.join(PROJECT, "bench/results/client.json"), JSON.stringify(results, undefined, 2));
}

async function costs(url: string, sha: string): Promise<Record<string, Cost>> {
  const config = await writeConfig("agent", [url]);
  const main = path.join(PROJECT, "dist/main.js");
  const nearsource = (...words: string[]) => [process.execPath, main, ...words, "--config", config];
  const object = `${url}/content/objects/${sha.slice(0, 2)}/${sha}`;
  const cases: [string, string[], (() => Promise<unknown>)?][] = [
    ["an empty script", [process.execPath, "-e", "0"]],
    ["--version", [process.execPath, main, "--version"]],
    ["curl, then sha256sum, 100 MB", ["sh", "-c", `curl -s -o copy '${object}' && sha256sum copy`]],
    [
      "update, 100 MB, first",
      nearsource("update"),
      () => fs.rm(path.join(work, "agent"), { recursive: true, force: true }),
    ],
    ["update, nothing new", nearsource("update")],
    ["status", nearsource("status")],
  ];
  const measured: Record<string, Cost> = {};
  for (const [name, command, before] of cases) measured[name] = await medianCost(RUNS, command, work, before);
  const rows = Object.entries(measured).map(([name, { wall, cpu, rss }]) => [
    name,
    wall.toFixed(2),
    cpu.toFixed(2),
    (rss / 1e6).toFixed(0),
  ]);
  printTable(["", "wall s", "CPU s", "RSS MB"], rows);
  return measured;
}

/** Seconds lost at each kind of dead source, with the default limits. */
async function deadSources(www: string): Promise<Record<string, number>> {
  const good = await startSource(www);
  const lost: Record<string, number> = {};
  for (const [name, serve] of Object.entries(dead(www))) {
    const times: number[] = [];
    for (let run = 0; run < (name === "refused" || name === "corrupt" ? RUNS : 1); run++) {
      const bad = await serve();
      const config = await writeConfig(`dead-${name.replaceAll(" ", "-")}-${run}`, [bad.url, good.url]);
      const report = await update({ config });
      times.push((report.attempts[0]?.ms ?? Number.NaN) / 1_000);
      await bad.close();
    }
    lost[name] = median(times);
  }
  await good.close();
  process.stdout.write("\n");
  printTable(
    ["dead source", "seconds lost"],
    Object.entries(lost).map(([name, seconds]) => [name, seconds.toFixed(3)]),
  );
  return lost;
}

type Serve = () => Promise<Pick<TestSource, "url" | "close">>;

function dead(www: string): Record<string, Serve> {
  const half =
    (then: (write: (length: number) => void, socket: Socket | null) => void): Serve =>
    () =>
      startSource(www, {
        answer: (request, response) => {
          if (!request.url?.includes("/objects/")) return false;
          response.writeHead(200, { "content-length": SIZE });
          then((length) => response.write(Buffer.alloc(length)), response.socket);
          return true;
        },
      });
  return {
    refused: async () => {
      const source = await startSource(www);
      await source.close();
      return { url: source.url, close: async () => {} };
    },
    "never answers": () => startSilent(),
    "stalls half way": half((write) => write(1_000_000)),
    trickles: half((write, socket) => {
      const timer = setInterval(() => write(1), 200);
      socket?.once("close", () => clearInterval(timer));
    }),
    corrupt: half((write) => write(8_388_608)),
  };
}

async function startSilent(): Promise<Pick<TestSource, "url" | "close">> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function writeConfig(name: string, urls: string[]): Promise<string> {
  const entries = urls.map((url) => ({ range: "127.0.0.1", name: "source", url }));
  await fs.writeFile(path.join(work, `${name}.list.json`), JSON.stringify({ entries }));
  const config = {
    dataDir: name,
    kinds: ["components"],
    addresses: ["127.0.0.1"],
    roots: { content: "www/content/metadata/1.root.json" },
    sourceList: `${name}.list.json`,
    http: { proxy: "none" },
  };
  const file = path.join(work, `${name}.json`);
  await fs.writeFile(file, JSON.stringify(config));
  return file;
}

/** nginx on a free port, where it is installed: what a site would really put in front of its content. */
async function startNginx(www: string): Promise<Pick<TestSource, "url" | "close"> | undefined> {
  const silent = await startSilent();
  const { port } = new URL(silent.url);
  await silent.close();
  const conf = `daemon on; pid ${work}/nginx.pid; error_log ${work}/nginx.log; worker_processes 1; user root; events {} http { access_log off; sendfile on; server { listen 127.0.0.1:${port}; root ${www}; } }`;
  await fs.writeFile(path.join(work, "nginx.conf"), conf);
  try {
    execFileSync("nginx", ["-c", path.join(work, "nginx.conf")], { stdio: "ignore" });
  } catch {
    process.stdout.write(
      "nginx is not installed (Debian: nginx-light): the source is a Node process instead\n\n",
    );
    return undefined;
  }
  const close = async () => {
    process.kill(Number(await fs.readFile(path.join(work, "nginx.pid"), "utf8")));
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
