import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Log } from "../../src/config/log.ts";
import { initServer } from "../../src/server/initServer.ts";
import { runServer } from "../../src/server/runServer.ts";
import { readServerConfig } from "../../src/server/serverConfig.ts";
import { newHome } from "../support/repositories.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const SECRET = "of-nobody-else's-business";
const OPEN_ID = {
  publicUrl: "http://localhost:21110",
  openId: { issuer: "http://127.0.0.1:9", clientId: "x", clientSecretFile: "the-secret", roles: {} },
};
const MQTT = { mqtt: { url: "mqtt://127.0.0.1:9", topic: "t", username: "u", passwordFile: "the-secret" } };

/** Starts a server with these settings, beside whose configuration there is a file of this mode; what it logs, and its error. */
async function started(settings: object, mode: number, configMode = 0o600) {
  const dir = path.join(await newHome("server"), "server");
  const { config: file } = await initServer({ dir });
  const written = JSON.parse(await fs.readFile(file, "utf8"));
  await fs.writeFile(file, JSON.stringify({ ...written, console: LOOPBACK, agents: LOOPBACK, ...settings }));
  await fs.chmod(file, configMode);
  await fs.writeFile(path.join(dir, "the-secret"), `${SECRET}\n`);
  await fs.chmod(path.join(dir, "the-secret"), mode);
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const log = { debug: keep, info: keep, warn: keep, error: keep } as unknown as Log;
  const outcome = await runServer(await readServerConfig(dir), log).catch((error: unknown) => error as Error);
  if (!(outcome instanceof Error)) onTestFinished(() => outcome.close());
  return { error: outcome instanceof Error ? outcome : undefined, said: lines.join("\n") };
}

test.for([
  ["mqtt.passwordFile", MQTT],
  ["openId.clientSecretFile", OPEN_ID],
  ["agents.tls.key", { agents: { ...LOOPBACK, tls: { cert: "the-secret", key: "the-secret" } } }],
] as const)("a server does not start whose %s others can read", async ([key, settings]) => {
  for (const mode of [0o644, 0o604]) {
    const { error, said } = await started(settings, mode);
    expect(error).toMatchObject({ code: "FILE_UNSAFE", message: expect.stringContaining(key) });
    expect(`${error?.message} ${said}`).not.toContain(SECRET);
  }
});

test.for([
  ["mqtt", MQTT],
  ["openId", OPEN_ID],
] as const)("one whose secret of %s is its own starts, and says nothing of it", async ([, settings]) => {
  const { error, said } = await started(settings, 0o600);
  expect(error).toBeUndefined();
  expect(said).not.toContain(SECRET);
});

test("a server.json with the database's password is for nobody else to read, and none for others to write", async () => {
  const database = `postgres://nearsource:${SECRET}@127.0.0.1:9/nearsource`;
  const { error } = await started({ database }, 0o600, 0o644);
  expect(error).toMatchObject({
    code: "FILE_UNSAFE",
    message: expect.stringContaining("database's password"),
  });
  expect(error?.message).not.toContain(SECRET);
  const unreachable = await started({ database }, 0o600);
  expect(unreachable.error).toMatchObject({ code: "STORAGE_FAILED" });
  expect(
    `${JSON.stringify(unreachable.error)} ${unreachable.error?.stack} ${unreachable.said}`,
  ).not.toContain(SECRET);
  expect((await started({}, 0o600, 0o666)).error).toMatchObject({ code: "FILE_UNSAFE" });
});
