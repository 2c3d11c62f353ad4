import assert from "node:assert/strict";
import fc from "fast-check";
import { readToken, writeToken } from "../../src/core/fleet/enrolmentToken.ts";
import { NearsourceError } from "../../src/errors.ts";
import { parseServerConfig } from "../../src/server/serverConfig.ts";
import { nasty } from "./mutation.ts";
import { type FuzzTarget, toJsonBytes, unlessRefused } from "./target.ts";

/** `server.json`, and tokens that machines enrol with. */
export function serverTargets(): FuzzTarget[] {
  return [
    { name: "server-json", json: true, made: madeConfig(), check: (input) => checkConfig(input.toString()) },
    {
      name: "enrolment-token",
      json: false,
      made: madeToken(),
      check: (input) => checkToken(input.toString()),
    },
  ];
}

/** Keys of server.json with values of any type, and the short form that is good. */
function madeConfig(): fc.Arbitrary<Buffer> {
  const names = [
    ...[
      "console",
      "agents",
      "database",
      "activeUpdate",
      "roots",
      "enrolment",
      "trees",
      "publish",
      "mirror",
      "http",
    ],
    ...["dns", "mqtt", "metrics", "webhooks", "watch", "openId", "requireSecondFactor", "sessions", "audit"],
    ...[
      "agentSecrets",
      "reports",
      "retireAfter",
      "readOnly",
      "approval",
      "releases",
      "publicUrl",
      "insecure",
    ],
  ];
  const listener = fc.record({
    host: fc.oneof(fc.string(), fc.constant("127.0.0.1")),
    port: fc.oneof(fc.nat(70_000), nasty),
  });
  const values = fc.oneof(nasty, listener, fc.boolean(), fc.nat(), fc.array(fc.string(), { maxLength: 3 }));
  return fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 6 }).map(toJsonBytes);
}

/** What is taken is whole: each listener has its port, and nothing outside of the schema is kept. */
function checkConfig(text: string): boolean {
  const config = unlessRefused(NearsourceError, () => parseServerConfig(text, "/srv/nearsource/server.json"));
  if (config === undefined) return false;
  for (const { port } of [config.console, config.agents])
    assert(Number.isInteger(port) && port >= 0 && port <= 65_535);
  assert(config.dir === "/srv/nearsource" && config.database !== "");
  return true;
}

function madeToken(): fc.Arbitrary<Buffer> {
  const pin = fc.tuple(fc.oneof(fc.nat(), nasty), fc.oneof(fc.constant("0".repeat(64)), nasty));
  const token = fc.record(
    { s: fc.oneof(fc.constant("x".repeat(43)), nasty), r: pin, c: pin, i: nasty },
    { requiredKeys: [] },
  );
  const written = token.map((value) => Buffer.from(toJsonBytes(value).toString("base64url")));
  return fc.oneof(
    written,
    fc.string().map((text) => Buffer.from(text)),
  );
}

/** A token that is taken says the same when it is written again. */
function checkToken(text: string): boolean {
  const token = readToken(text);
  if (token === undefined) return false;
  assert.deepEqual(readToken(writeToken(token)), token);
  assert(token.settings.version > 0 && /^[0-9a-f]{64}$/.test(token.settings.sha256));
  return true;
}
