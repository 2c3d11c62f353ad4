import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../src/config/log.ts";
import { readToken } from "../../src/core/fleet/enrolmentToken.ts";
import { initServer } from "../../src/server/initServer.ts";
import { type RunningServer, runServer } from "../../src/server/runServer.ts";
import { readServerConfig } from "../../src/server/serverConfig.ts";
import { databases } from "../support/databases.ts";
import { contentPublications, newHome } from "../support/repositories.ts";
import { PASSWORD } from "../support/serverWorld.ts";
import { startSource } from "../support/source.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** Calls of a running server, over sockets. */
function callsOf(server: RunningServer, session = "") {
  const call = async (port: number, method: string, place: string, body?: unknown, more: object = {}) => {
    const headers = {
      "sec-fetch-site": "same-origin",
      cookie: session,
      "content-type": "application/json",
      ...more,
    };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:${port}${place}`, { method, headers, ...text });
    const said = await answer.text();
    return {
      status: answer.status,
      body: said === "" ? undefined : JSON.parse(said),
      headers: answer.headers,
    };
  };
  return {
    people: (method: string, place: string, body?: unknown, more?: object) =>
      call(server.consolePort, method, `/api/v1${place}`, body, more),
    agents: (method: string, place: string, body?: unknown, more?: object) =>
      call(server.agentsPort, method, place, body, more),
  };
}

const timestampOf = async (www: string) =>
  JSON.parse(await fs.readFile(path.join(www, "content", "metadata", "timestamp.json"), "utf8"));

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  test.skipIf(!isHere)(
    "a server is set up, mirrors, enrols, saves a list, takes a report, and knows all of it after a restart",
    async () => {
      const { root, states } = await contentPublications();
      const vendor = await startSource(states.get("v1") ?? "", { etags: true });
      onTestFinished(() => vendor.close());
      const dir = path.join(await newHome("server"), "server");
      const { token } = await initServer({
        dir,
        database: await makeUrl(),
        contentRoot: root,
        activeUpdate: vendor.url,
        console: LOOPBACK,
        agents: LOOPBACK,
      });
      const start = async () => {
        const server = await runServer(await readServerConfig(dir), SILENT);
        onTestFinished(() => server.close());
        return server;
      };
      const first = await start();
      const setUp = await callsOf(first).people("POST", "/setup", { token, user: "ada", password: PASSWORD });
      expect(setUp.status).toBe(201);
      const session = String(setUp.headers.get("set-cookie")).split(";")[0] ?? "";
      const { people, agents } = callsOf(first, session);

      // The vendor's next release is heard of by its signed timestamp, whoever sends it, as curl does.
      await first.context.mirror.refresh();
      vendor.root = states.get("v2") ?? "";
      const newer = await timestampOf(vendor.root);
      const asForm = { "content-type": "application/x-www-form-urlencoded" };
      expect((await agents("POST", "/v1/notify", { content: newer }, asForm)).status).toBe(202);
      await first.context.mirror.refresh();
      expect((await agents("GET", "/content/metadata/timestamp.json")).body).toEqual(newer);
      expect((await people("GET", "/mirror")).body).toMatchObject({
        version: newer.signed.version,
        error: null,
      });
      expect((await people("POST", "/mirror/refresh")).status).toBe(202);

      const enrolment = await people("POST", "/enrolment-tokens", { uses: 1 });
      const machine = {
        name: "pc-1",
        addresses: ["10.1.0.7"],
        fingerprint: "a".repeat(64),
        program: "0.1.0",
      };
      const enrolled = await agents("POST", "/v1/enrol", {
        ...machine,
        token: readToken(enrolment.body.token)?.secret,
      });
      expect(enrolled.status).toBe(201);

      const list = {
        mode: "customized",
        entries: [{ range: "10.1.0.0/16", url: "http://ua.example:21112" }],
      };
      const saved = await people("PUT", "/source-list", list, { "if-match": '"0"' });
      expect([saved.status, saved.body.version]).toEqual([200, 1]);
      const again = await people("PUT", "/source-list", list, { "if-match": '"0"' });
      expect(again.body.code).toBe("CHANGED_MEANWHILE");

      const run = {
        started: "2026-11-25T12:00:00.000Z",
        ended: "2026-11-25T12:00:02.000Z",
        program: "0.1.0",
      };
      const report = { ...run, trigger: "schedule", report: { outcome: "updated", bytes: 5 } };
      const { id, secret } = enrolled.body;
      const authorization = { authorization: `Bearer ${secret}` };
      expect((await agents("PUT", `/v1/agents/${id}/report`, report, authorization)).status).toBe(204);
      await first.close();

      const { people: restarted } = callsOf(await start(), session);
      expect((await restarted("GET", "/agents?q=PC")).body).toMatchObject({
        total: 1,
        items: [{ id, outcome: "updated" }],
      });
      expect((await restarted("GET", "/source-list")).headers.get("etag")).toBe('"1"');
      for (const version of ["3000000000", "9007199254740991"]) {
        expect((await restarted("GET", `/source-list/versions/${version}`)).status).toBe(404);
      }
      expect((await restarted("GET", "/source-list/versions/1e300")).status).toBe(400);
      expect((await restarted("GET", `/agents/${id}/order`)).status).toBe(200);
      expect((await restarted("GET", "/mirror")).body.version).toBe(newer.signed.version);
      const audit = (await restarted("GET", "/audit")).body.items.map(
        ({ operation }: { operation: string }) => operation,
      );
      expect(audit).toEqual(expect.arrayContaining(["setUp", "enrolAgent", "refreshMirror"]));
    },
  );
});
