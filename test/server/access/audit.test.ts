import { afterAll, beforeAll, expect, test } from "vitest";
import { insertAudit } from "../../../src/server/store/auditStore.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { asScript, callApi, makeReadyServer, type ServerWorld, tokenOf } from "../../support/serverWorld.ts";

let world: ServerWorld;
let token: string;
const BY = { actorKind: "user", actorId: "u1" } as const;

beforeAll(async () => {
  ({ world, token } = await makeReadyServer("viewer"));
});

afterAll(() => world.close());

const audit = async (accept: string, query = "") =>
  await world.people.inject(
    asScript({ method: "GET", url: `/api/v1/audit${query}`, headers: { accept } }, token),
  );

test("the audit log is had whole as CSV, in which nothing is a formula", async () => {
  await transact(world.context.database.db, async (tx) => {
    const entry = { at: 1_795_000_000_000, address: "::1", operation: "test", detail: { a: "b" }, ...BY };
    for (let count = 1; count <= 1_200; count++) {
      await insertAudit(tx, { ...entry, actor: "=cmd()", subject: `a "${count}", quoted` });
    }
  });
  const { headers, body } = await audit("text/csv");
  expect(headers["content-type"]).toBe("text/csv; charset=utf-8");
  const lines = body.split("\r\n");
  expect(lines[0]).toBe("sequence,at,actor,address,operation,subject,detail,actorKind,actorId");
  expect(lines).toHaveLength(1 + 1_200 + 1 + 1);
  expect(lines[1]).toMatch(
    /^\d+,2026-11-18T\d\d:\d\d:\d\d\.000Z,"'=cmd\(\)",::1,test,"a ""1200"", quoted","\{""a"":""b""\}",user,u1$/,
  );
});

test("the audit log is had as lines of JSON from an entry on, the oldest first, and none is missed", async () => {
  const { headers, body } = await audit("application/x-ndjson");
  expect(headers["content-type"]).toBe("application/x-ndjson");
  const read = (text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  const all = read(body);
  expect(all).toHaveLength(1_201);
  expect(all[1]).toMatchObject({ actor: "=cmd()", subject: 'a "1", quoted', at: "2026-11-18T11:06:40.000Z" });
  const rest = read((await audit("application/x-ndjson", `?since=${all[1_198].sequence}`)).body);
  expect(rest).toEqual(all.slice(-2));
  const last = all.at(-1).sequence;
  expect((await audit("application/x-ndjson", `?since=${last}`)).body).toBe("");
});

test.for([
  ["application/json", "json"],
  ["*/*", "json"],
  ["application/json, text/csv", "json"],
  ["text/csv, application/json;q=0.5", "csv"],
  ["application/x-ndjson", "ndjson"],
])("Accept: %s is answered with %s", async ([accept, type]) => {
  expect((await audit(String(accept), "?limit=1")).headers["content-type"]).toContain(type);
});

test("a viewer's CSV is a viewer's: without one it is refused as the list is", async () => {
  const request = { method: "GET", url: "/api/v1/audit", headers: { accept: "text/csv" } } as const;
  expect((await world.people.inject(asScript(request))).statusCode).toBe(401);
});

test("what differs between two versions of the source list is said by entry", async () => {
  const operator = await tokenOf(world, "operator");
  const berlin = { range: "10.1.0.0/16", url: "http://ua-berlin.example" };
  const lyon = { range: "10.2.0.0/16", url: "http://ua-lyon.example" };
  await callApi(world, operator, "PUT /source-list", { entries: [berlin] }, 0);
  await callApi(world, operator, "PUT /source-list", { entries: [lyon, berlin], mode: "customized" }, 1);
  const diff = { from: null, to: 0, kinds: ["added"], before: null, after: lyon };
  const fields = [{ field: "mode", before: null, after: "customized" }];
  for (const query of ["", "?to=2"]) {
    const { body } = await callApi(world, token, `GET /source-list/versions/1/diff${query}`);
    expect(body).toEqual({ from: 1, to: 2, fields, entries: [diff] });
  }
  expect((await callApi(world, token, "GET /source-list/versions/1/diff?to=3")).status).toBe(404);
  expect((await callApi(world, token, "GET /source-list/versions/9/diff")).status).toBe(404);
});

test("a text of several lines is no formula in the CSV either", async () => {
  await transact(world.context.database.db, async (tx) => {
    const entry = { at: 1_795_000_000_000, address: "::1", operation: "test", detail: null, ...BY };
    for (const actor of ["=cmd()\nx", " @x", "a\n-1+1"])
      await insertAudit(tx, { ...entry, actor, subject: "s" });
  });
  const { body } = await audit("text/csv");
  for (const kept of ["'=cmd()\nx", "' @x", "'a\n-1+1"]) expect(body).toContain(kept);
});
