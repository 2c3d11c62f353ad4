import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startSource } from "../support/source.ts";
import { killStarted, start } from "./startPrograms.ts";

/**
 * A server and agents that reach it over links of their own, each in a network namespace: of all but one the first SYN of
 * each connection is lost, so that it takes a second. Their machines have run for ten days.
 *
 *     unshare --map-root-user --net --time --boottime 864000 --fork node insideConnectTimes.ts '{ "program": … }'
 */
export interface ConnectTimes {
  /** Command line of the program, without its arguments. */
  program: string[];
  folder: string;
  /** The vendor's content, and the root of its signatures. */
  www: string;
  root: string;
  /** Addresses of the agents, and which of them has a whole link. */
  agents: string[];
  near: string;
}

/** The result, on stdout as JSON. */
export interface ConnectTimesCame {
  /** Connect times (ms) of each agent's attempts, by address. */
  connects: Record<string, number[]>;
  // biome-ignore lint/suspicious/noExplicitAny: as the API gives them
  suggestions: any[];
}

const given: ConnectTimes = JSON.parse(process.argv[2] ?? "");
const [program = "", ...args] = given.program;
const SERVER = "10.9.0.1";
const root = (command: string, ...words: string[]) => execFileSync(command, words, { stdio: "pipe" });

async function run(command: string, words: string[]): Promise<string> {
  const { child, said } = start(command, words);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${words.join(" ")}: ${said().stderr}`);
  return said().stdout;
}

/** A network namespace with one link to this one. @returns what runs a command there */
async function makePlace(address: string, index: number, isWhole: boolean) {
  const { child } = start("unshare", ["--net", "sleep", "600"]);
  const own = await fs.readlink("/proc/self/ns/net");
  while ((await fs.readlink(`/proc/${child.pid}/ns/net`).catch(() => own)) === own) await sleep(10);
  const inside = ["-t", String(child.pid), "-n", "--"];
  root("ip", "link", "add", `v${index}`, "type", "veth", "peer", "name", "eth0", "netns", String(child.pid));
  root("ip", "link", "set", `v${index}`, "up");
  root("ip", "route", "add", `${address}/32`, "dev", `v${index}`);
  const there = (...words: string[]) => root("nsenter", ...inside, ...words);
  for (const link of ["lo", "eth0"]) there("ip", "link", "set", link, "up");
  there("ip", "address", "add", `${address}/32`, "dev", "eth0");
  there("ip", "route", "add", `${SERVER}/32`, "dev", "eth0", "src", address);
  if (!isWhole) {
    there("nft", "add table inet t");
    there("nft", "add chain inet t out { type filter hook output priority 0; }");
    there("nft", "add set inet t seen { type inet_service; flags dynamic; timeout 60s; }");
    there("nft", "add rule inet t out tcp flags & (syn | ack) == syn tcp sport @seen accept");
    there("nft", "add rule inet t out tcp flags & (syn | ack) == syn add @seen { tcp sport } drop");
  }
  return (...words: string[]) => run("nsenter", [...inside, program, ...args, ...words]);
}

async function openServer() {
  const dir = path.join(given.folder, "server");
  const source = await startSource(given.www);
  const words = ["--console", "127.0.0.1:21110", "--agents", "0.0.0.0:21111", "--json"];
  const vendor = ["--active-update", source.url, "--content-root", given.root];
  const { token } = JSON.parse(await run(program, [...args, "server", "init", dir, ...words, ...vendor]));
  const file = path.join(dir, "server.json");
  const written = { ...JSON.parse(await fs.readFile(file, "utf8")), insecure: true };
  await fs.writeFile(file, JSON.stringify({ ...written, publicUrl: `http://${SERVER}:21111` }));
  const { said, child } = start(program, [...args, "server", dir]);
  while (!said().stderr.includes("console answers")) {
    if (child.exitCode !== null) throw new Error(said().stderr);
    await sleep(50);
  }
  let cookie = "";
  const call = async (method: string, place: string, body?: unknown) => {
    const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin", cookie };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:21110/api/v1${place}`, { method, headers, ...sent });
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${place}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  await call("POST", "/setup", { token, user: "ada", password: "correct horse battery" });
  while ((await call("GET", "/mirror")).bytes === 0) await sleep(100);
  return call;
}

async function main(): Promise<ConnectTimesCame> {
  root("ip", "link", "set", "lo", "up");
  root("ip", "address", "add", `${SERVER}/32`, "dev", "lo");
  const call = await openServer();
  const { token } = await call("POST", "/enrolment-tokens", {});
  const connects: ConnectTimesCame["connects"] = {};
  const update = async (address: string, index: number) => {
    const there = await makePlace(address, index, address === given.near);
    const folder = path.join(given.folder, `agent-${index}`);
    const config = path.join(folder, "config.json");
    const own = ["--config", config, "--data-dir", path.join(folder, "data"), "--no-service", "--json"];
    const server = ["--server", `http://${SERVER}:21111`, "--token", token];
    await there("enrol", ...server, ...own, "--name", `pc-${index}.example`);
    const report = JSON.parse(await there("update", "--config", config, "--json"));
    connects[address] = report.attempts.flatMap((each: { connectMs?: number }) => each.connectMs ?? []);
  };
  const [first = "", ...others] = given.agents;
  await update(first, 0);
  await Promise.all(others.map((address, index) => update(address, index + 1)));
  return { connects, suggestions: (await call("GET", "/suggestions")).items };
}

const came = await main().finally(killStarted);
process.stdout.write(JSON.stringify(came), () => process.exit(0));
