import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import https from "node:https";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../../bench/nginx.ts";
import { hasNginx, NGINX, spawnNginx, writeNginx } from "../support/nginx.ts";
import { newHome } from "../support/repositories.ts";
import { makeAuthority, writeCertificate } from "./certificates.ts";
import { json, nearsource, type Running, start } from "./commandLine.ts";

/** Files that docs/hardening.md has administrators install, as they are. */
const DOCS = path.join(import.meta.dirname, "..", "..", "docs");
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** nginx with the page's configuration, at free ports in front of these. @returns its ports */
async function openFront(home: string, ports: { console: number; agents: number }) {
  const authority = await makeAuthority(home, "authority");
  const { cert, key } = await writeCertificate(home, await authority.issue());
  const front = { console: await freePort(), agents: await freePort() };
  const written = (await fs.readFile(path.join(DOCS, "nginx-tls.conf"), "utf8"))
    .replace("0.0.0.0:443", `127.0.0.1:${front.console}`)
    .replace("0.0.0.0:21111", `127.0.0.1:${front.agents}`)
    .replace("http://127.0.0.1:21110", `http://127.0.0.1:${ports.console}`)
    .replace("http://127.0.0.1:21121", `http://127.0.0.1:${ports.agents}`)
    .replace("/etc/nginx/nearsource.pem", cert)
    .replace("/etc/nginx/nearsource.key", key);
  const file = await writeNginx(home, written);
  await promisify(execFile)("nginx", ["-t", "-c", file], { env: NGINX });
  const child = spawnNginx(file);
  ends.push(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  });
  return { ...front, ca: authority.cert, caFile: authority.file };
}

test.skipIf(!hasNginx())(
  "nginx of the page ends TLS: people sign in by it, and an agent enrols",
  {
    timeout: 120_000,
  },
  async () => {
    const home = await newHome("front");
    const dir = path.join(home, "server");
    const [people, agents] = [await freePort(), await freePort()];
    const places = ["--console", `127.0.0.1:${people}`, "--agents", `127.0.0.1:${agents}`];
    const { token } = json<{ token: string }>(await nearsource("server", "init", dir, ...places, "--json"));
    const front = await openFront(home, { console: people, agents });
    const file = path.join(dir, "server.json");
    const config = JSON.parse(await fs.readFile(file, "utf8"));
    const publicUrl = `https://127.0.0.1:${front.console}`;
    await fs.writeFile(
      file,
      JSON.stringify({ ...config, publicUrl, proxies: ["127.0.0.1"], enrolment: "open" }),
    );
    const server = await startServer(dir);
    ends.push(async () => {
      server.process.kill("SIGKILL");
      await server.ended;
    });
    const call = async (place: string, body: object, headers = {}) => {
      const own = { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers };
      const words = { method: "POST", headers: own, ca: front.ca, localAddress: "127.0.0.9" };
      const asked = https.request(`${publicUrl}/api/v1${place}`, words).end(JSON.stringify(body));
      const [answer] = await once(asked, "response");
      answer.resume();
      return answer;
    };
    const user = { user: "ada", password: "correct horse battery" };
    let made: { statusCode?: number; headers: { "set-cookie"?: string[] } } | undefined;
    const setUp = async () => {
      made = await call("/setup", { token, ...user }).catch(() => undefined);
      return made?.statusCode;
    };
    await expect.poll(setUp, { timeout: 60_000 }).toBe(201);
    expect(made?.headers["set-cookie"]?.[0]).toContain("Secure");
    const enrolled = await nearsource(
      ...["enrol", "--server", `https://127.0.0.1:${front.agents}`, "--ca", front.caFile, "--json"],
      ...[
        "--config",
        path.join(home, "agent", "config.json"),
        "--data-dir",
        path.join(home, "agent", "data"),
      ],
    );
    expect(enrolled.code, enrolled.stderr).toBe(0);
  },
);

/** Awaits the address that people call it by, which is that of nginx here. */
async function startServer(dir: string): Promise<Running> {
  const running = start(["server", dir]);
  let said = "";
  running.process.stderr?.on("data", (piece: string) => {
    said += piece;
  });
  await expect.poll(() => said, { timeout: 60_000 }).toContain("the console answers at https://");
  return running;
}

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

test.skipIf(!hasSystemd)(
  "the unit of the page is valid, and exposes little",
  { timeout: 60_000 },
  async () => {
    const home = await newHome("unit");
    const unit = path.join(home, "nearsource-server.service");
    const written = await fs.readFile(path.join(DOCS, "nearsource-server.service"), "utf8");
    // This machine has neither the program in its place nor the account.
    const here = written
      .replace("/usr/bin/nearsource server /srv/nearsource", "/bin/true")
      .replace("User=nearsource", "User=daemon");
    await fs.writeFile(unit, here);
    const checked = await promisify(execFile)("systemd-analyze", ["verify", unit]);
    expect(checked.stderr).not.toContain("nearsource-server.service:");
    // Fails above it; a unit without any of these is at 9.6.
    const limits = ["security", "--offline=true", "--threshold=25", unit];
    await promisify(execFile)("systemd-analyze", limits);
  },
);
