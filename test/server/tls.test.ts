import { execFile } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import https from "node:https";
import path from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startListener } from "../../src/agent/channels/notifyPort.ts";
import type { Log } from "../../src/config/log.ts";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { createExchange } from "../../src/http/smallClient.ts";
import { initServer } from "../../src/server/initServer.ts";
import { pushNotice } from "../../src/server/notify/pushNotice.ts";
import { runServer } from "../../src/server/runServer.ts";
import { readServerConfig } from "../../src/server/serverConfig.ts";
import { healthOf, lookAfter } from "../../src/server/serverHealth.ts";
import { type Authority, makeAuthority, writeCertificate } from "../real/certificates.ts";
import { json, nearsource, start } from "../real/commandLine.ts";
import { newHome } from "../support/repositories.ts";

const run = promisify(execFile);
const LOOPBACK = { host: "127.0.0.1", port: 0 };
let folder: string;
let authority: Authority;

beforeAll(async () => {
  folder = await newHome("tls");
  authority = await makeAuthority(folder, "the site");
});

/** Lines that a server logs. */
function logOf(): Log & { lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  return { lines, debug: keep, info: keep, warn: keep, error: keep } as unknown as Log & { lines: string[] };
}

/** A server of its own whose listeners have these keys. */
async function startServer(files: object, log = logOf()) {
  const dir = path.join(await newHome("server"), "server");
  const { token, config: file } = await initServer({ dir });
  const written = JSON.parse(await fs.readFile(file, "utf8"));
  const listeners = { console: { ...LOOPBACK, tls: files }, agents: { ...LOOPBACK, tls: files } };
  await fs.writeFile(file, JSON.stringify({ ...written, ...listeners }));
  const server = await runServer(await readServerConfig(dir), log);
  onTestFinished(() => server.close());
  return { ...server, dir, token, log };
}

interface Asked {
  method?: string;
  body?: object;
  agent?: https.Agent;
  headers?: Record<string, string>;
}

async function ask(port: number, place: string, { method = "GET", body, agent, headers }: Asked = {}) {
  const request = https.request({
    ...{ host: "127.0.0.1", port, path: place, method, ca: authority.cert, agent: agent ?? false },
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
  });
  request.end(body && JSON.stringify(body));
  const [response] = await once(request, "response");
  const { socket } = response as { socket: tls.TLSSocket };
  const peer = socket.getPeerX509Certificate()?.serialNumber;
  let text = "";
  for await (const piece of response) text += piece;
  return { status: response.statusCode, headers: response.headers, text, peer, socket };
}

test("an administrator signs in over TLS, with a cookie that never travels without, and browsers come no other way", async () => {
  const server = await startServer(await writeCertificate(folder, await authority.issue()));
  const user = { token: server.token, user: "ada", password: "correct horse battery" };
  const { status, headers } = await ask(server.consolePort, "/api/v1/setup", { method: "POST", body: user });
  expect(status).toBe(201);
  expect(String(headers["set-cookie"])).toMatch(/HttpOnly; Secure; SameSite=Strict/);
  expect(headers["strict-transport-security"]).toBe("max-age=31536000");
  for (const place of ["/api/v1/users", "/healthz", "/nothing", "/%ff"]) {
    const answer = await ask(server.consolePort, place);
    expect(answer.headers["content-security-policy"], place).toContain("default-src 'none'");
    expect(answer.headers["x-content-type-options"], place).toBe("nosniff");
  }
  const older = { host: "127.0.0.1", port: server.consolePort, ca: authority.cert } as const;
  const socket = tls.connect({
    ...older,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  await expect(once(socket, "secureConnect")).rejects.toThrow();
});

test("a certificate that comes with another between it and its root is believed by who knows the root", async () => {
  const cwd = path.dirname(authority.file);
  const make = async (name: string, by: string, ...more: string[]) => {
    const own = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const files = [
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
      "-CA",
      `${by}.pem`,
      "-CAkey",
      `${by}.key`,
    ];
    await run("openssl", ["req", "-x509", ...own, ...files, "-subj", `/CN=${name}`, ...more], { cwd });
    return await fs.readFile(path.join(cwd, `${name}.pem`), "utf8");
  };
  const between = await make("between", "ca", "-addext", "basicConstraints=critical,CA:TRUE");
  const leaf = await make("leaf-of-chain", "between", "-addext", "subjectAltName=IP:127.0.0.1");
  const key = await fs.readFile(path.join(cwd, "leaf-of-chain.key"), "utf8");
  const files = await writeCertificate(folder, { cert: leaf + between, key });
  expect((await ask((await startServer(files)).consolePort, "/healthz")).status).toBe(200);
});

test("a certificate that is replaced is used from then on, and no connection ends; one that does not fit changes nothing", async () => {
  const files = await writeCertificate(folder, await authority.issue());
  const server = await startServer(files);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const first = await ask(server.consolePort, "/healthz", { agent });
  const next = await authority.issue();
  await fs.writeFile(files.cert, next.cert);
  await server.reload();
  const kept = await ask(server.consolePort, "/healthz", { agent });
  expect([kept.socket === first.socket, kept.peer]).toEqual([true, first.peer]);
  const fresh = await ask(server.consolePort, "/healthz");
  expect(fresh.peer).not.toBe(first.peer);
  const other = await (await makeAuthority(folder, "another")).issue();
  await fs.writeFile(files.key, other.key);
  await server.reload();
  await server.reload();
  expect(server.log.lines.filter((line) => line.includes("is not the key of"))).toHaveLength(2);
  expect((await ask(server.consolePort, "/healthz")).peer).toBe(fresh.peer);
});

test("SIGHUP has the certificates read again, and the server goes on", async () => {
  const dir = path.join(await newHome("server"), "server");
  const { config } = await initServer({ dir });
  const files = await writeCertificate(folder, await authority.issue());
  const listeners = { console: { ...LOOPBACK, tls: files }, agents: { ...LOOPBACK, tls: files } };
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  await fs.writeFile(config, JSON.stringify({ ...written, ...listeners }));
  const { process: running, ended } = start(["server", dir]);
  onTestFinished(async () => {
    running.kill("SIGKILL");
    await ended;
  });
  let said = "";
  const until = (wanted: RegExp) =>
    new Promise<string>((found, failed) => {
      const look = () => void (wanted.test(said) && found(wanted.exec(said)?.[1] ?? ""));
      running.stderr?.on("data", look);
      ended.then(() => failed(new Error(said)));
      look();
    });
  running.stderr?.on("data", (piece: string) => {
    said += piece;
  });
  const port = Number(await until(/console answers at https:\/\/127\.0\.0\.1:(\d+)/));
  const before = await ask(port, "/healthz");
  const next = await authority.issue();
  await fs.writeFile(files.cert, next.cert);
  running.kill("SIGHUP");
  await until(/(was replaced)[\s\S]*was replaced/);
  expect((await ask(port, "/healthz")).peer).not.toBe(before.peer);
});

describe("a server does not start", () => {
  const refused = async (files: { cert: string; key: string }) =>
    await startServer(files).catch((error) => error);

  test("with a key that others may read", async () => {
    const files = await writeCertificate(folder, await authority.issue());
    await fs.chmod(files.key, 0o644);
    expect(await refused(files)).toMatchObject({
      code: "FILE_UNSAFE",
      message: expect.stringContaining("console.tls"),
    });
  });

  test("with a certificate of another key, that has ended, or has not begun", async () => {
    const own = await authority.issue();
    const other = await (await makeAuthority(folder, "another")).issue();
    const cases = [
      [{ cert: own.cert, key: other.key }, "is not the key of"],
      [await authority.issue({ from: -3, until: -1 }), "is no longer valid"],
      [await authority.issue({ from: 1, until: 2 }), "is not valid before"],
    ] as const;
    for (const [pair, said] of cases) {
      const error = await refused(await writeCertificate(folder, pair));
      expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(said) });
    }
  });

  test("with a key that is encrypted, or files that are none", async () => {
    const { cert, key } = await writeCertificate(folder, await authority.issue());
    await run("openssl", ["pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", `${key}.locked`]);
    await fs.chmod(`${key}.locked`, 0o600);
    expect((await refused({ cert, key: `${key}.locked` })).message).toContain("is encrypted");
    expect((await refused({ cert, key: `${key}.none` })).message).toContain("cannot read");
    expect((await refused({ cert: key, key })).message).toContain("holds no certificate");
  });
});

test("the end of a certificate is said three weeks before, and fails the health once it is there", async () => {
  const server = await startServer(await writeCertificate(folder, await authority.issue({ until: 30 })));
  const { context } = server;
  const begin = Date.now();
  const at = async (days: number) => {
    const later = { ...context, now: () => begin + days * 86_400_000 };
    await lookAfter(later);
    return await healthOf(later);
  };
  expect(await at(1)).toEqual({ ok: true, failing: [], ending: [], ailing: [] });
  expect(await at(10)).toEqual({ ok: true, failing: [], ending: ["certificate"], ailing: [] });
  expect((await at(31)).failing).toContain("certificate");
});

test("a machine is enrolled over TLS by the site's own authority, and by no other", async () => {
  const server = await startServer(await writeCertificate(folder, await authority.issue()));
  const own = { token: server.token, user: "ada", password: "correct horse battery" };
  const { headers } = await ask(server.consolePort, "/api/v1/setup", { method: "POST", body: own });
  const cookie = String(headers["set-cookie"]).split(";")[0] ?? "";
  const made = await ask(server.consolePort, "/api/v1/enrolment-tokens", {
    method: "POST",
    body: {},
    headers: { cookie },
  });
  const { token } = JSON.parse(made.text);
  const home = await newHome("agent");
  const enrol = (...more: string[]) =>
    nearsource(
      ...[
        "enrol",
        "--server",
        `https://127.0.0.1:${server.agentsPort}`,
        "--token",
        token,
        "--json",
        "--no-service",
      ],
      ...["--config", path.join(home, "config.json"), "--data-dir", path.join(home, "data"), ...more],
    );
  expect((await enrol()).stdout).toContain("TLS_CERTIFICATE");
  const enrolled = await enrol("--ca", authority.file);
  expect(enrolled.code, enrolled.stderr).toBe(0);
  expect(json<{ id: string }>(enrolled).id).not.toBe("");
  // The agent goes on to believe it: its own run reaches the server.
  const ran = await nearsource(
    "update",
    "--kind",
    "settings",
    "--config",
    path.join(home, "config.json"),
    "--json",
  );
  expect(ran.code, ran.stdout).toBe(0);
});

test("a machine enrols without a token where the server takes every one, and over plain HTTP only when told to", async () => {
  const dir = path.join(await newHome("server"), "server");
  const { config, token } = await initServer({ dir, console: LOOPBACK, agents: LOOPBACK });
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  await fs.writeFile(config, JSON.stringify({ ...written, enrolment: "open" }));
  const server = await runServer(await readServerConfig(dir), logOf());
  onTestFinished(() => server.close());
  const home = await newHome("agent");
  const enrol = async () =>
    await nearsource(
      ...["enrol", "--server", `http://127.0.0.1:${server.agentsPort}`, "--json"],
      ...["--config", path.join(home, "config.json"), "--data-dir", path.join(home, "data")],
    );
  expect((await enrol()).stdout).toContain("no administrator yet");
  const body = JSON.stringify({ token, user: "ada", password: "correct horse battery" });
  const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin" };
  await fetch(`http://127.0.0.1:${server.consolePort}/api/v1/setup`, { method: "POST", headers, body });
  const enrolled = await enrol();
  expect(enrolled.code, enrolled.stderr).toBe(0);
  const far = await nearsource(
    "enrol",
    "--server",
    "http://nearsource.example",
    "--config",
    path.join(home, "other.json"),
  );
  expect([far.code, far.stderr]).toEqual([2, expect.stringContaining("unencrypted")]);
});

test("an agent that listens with TLS is told, whoever issued its certificate", async () => {
  const files = await writeCertificate(folder, await authority.issue());
  const heard: string[] = [];
  const receive = async (text: string) => {
    heard.push(text);
    return "new" as const;
  };
  const { port, close } = await startListener({
    ...LOOPBACK,
    tls: files,
    receive,
    serve: () => undefined,
    now: Date.now,
    log: logOf(),
  });
  onTestFinished(close);
  const exchange = createExchange(toLookup(createResolver({})), { anyone: true });
  onTestFinished(() => exchange.close());
  const receiver = { addresses: ["127.0.0.1"], port, seenAt: "127.0.0.1" };
  const { signal } = new AbortController();
  expect(await pushNotice(exchange, receiver, "{}", signal)).toMatchObject({ code: null });
  expect(heard).toEqual(["{}"]);
});
