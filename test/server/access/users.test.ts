import { execFile } from "node:child_process";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PROGRAM } from "../../support/program.ts";
import {
  asBrowser,
  asScript,
  type Call,
  callApi,
  callInSession,
  makeReadyServer,
  PASSWORD,
  type ServerWorld,
  sessionIn,
  sessionOf,
  tokenOf,
} from "../../support/serverWorld.ts";

let world: ServerWorld;
let call: Call;
let token: string;

beforeAll(async () => {
  ({ world, call } = await makeReadyServer("administrator"));
  token = await tokenOf(world, "administrator");
});

/** Failures of the test before are forgotten. */
beforeEach(() => {
  world.clock.now += 3_600_000;
});

afterAll(() => world.close());

/** Somebody signs in, from an address of their own. */
async function signIn(user: string, password: string, remoteAddress = "192.0.2.1") {
  const payload = { user, password };
  const request = asBrowser({ method: "POST", url: "/api/v1/session", payload, remoteAddress });
  const answer = await world.people.inject(request);
  const { statusCode, headers } = answer;
  return { status: statusCode, retryAfter: headers["retry-after"], cookie: sessionIn(answer) };
}

const asUser = async (session: string, method: "GET" | "PUT" | "DELETE", url: string, payload?: object) =>
  await world.people.inject(
    asBrowser({ method, url: `/api/v1${url}`, ...(payload === undefined ? {} : { payload }) }, session),
  );

/** As somebody who signs in for each call. */
const by =
  (user: string): Call =>
  async (...words) =>
    await callInSession(world, (await signIn(user, PASSWORD)).cookie ?? "", ...words);
const asAda = by("ada");

const idOf = async (name: string): Promise<string> =>
  (await call("GET /users")).body.items.find((each: { name: string }) => each.name === name).id;

test("a token that a token made is of the same person", async () => {
  const first = (await call("POST /api-tokens", { name: "first", role: "operator" })).body.token;
  await world.context.database.db
    .updateTable("api_tokens")
    .set({ role: "administrator" })
    .where("name", "=", "first")
    .execute();
  const made = await callApi(world, first, "POST /api-tokens", { name: "second", role: "operator" });
  expect(made.status).toBe(201);
  const { items } = (await call("GET /api-tokens")).body;
  const makers = items
    .filter(({ name }: { name: string }) => name === "first" || name === "second")
    .map(({ createdBy }: { createdBy: string }) => createdBy);
  expect(makers).toEqual(["the test", "the test"]);
});

test("a body that is nested without an end is refused, and nothing fails", async () => {
  const request = { method: "POST", url: "/api/v1/source-list/check" } as const;
  const headers = { "content-type": "application/json" };
  for (const depth of [101, 100_000]) {
    const payload = `{"entries":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const { statusCode } = await world.people.inject(asScript({ ...request, headers, payload }, token));
    expect(statusCode).toBe(400);
  }
});

test("the last administrator can be given no other role, shut out or deleted, nor can two take each other away", async () => {
  const ada = await idOf("ada");
  for (const answer of [
    await asAda(`PATCH /users/${ada}`, { role: "operator" }),
    await asAda(`PATCH /users/${ada}`, { disabled: true }),
    await asAda(`DELETE /users/${ada}`),
  ]) {
    expect([answer.status, answer.body.detail]).toEqual([
      409,
      "ada is the last administrator: make another one first",
    ]);
  }
  const other = await asAda("POST /users", { user: "grace", password: PASSWORD, role: "administrator" });
  expect(other.status).toBe(201);
  const session = (await signIn("ada", PASSWORD)).cookie ?? "";
  const both = await Promise.all([
    callInSession(world, session, `PATCH /users/${ada}`, { role: "viewer" }),
    callInSession(world, session, `DELETE /users/${other.body.id}`),
  ]);
  expect(both.filter(({ status }) => status >= 400)).toHaveLength(1);
  const left = (await call("GET /users")).body.items.filter(
    (each: { role: string; disabledAt: unknown; openId: unknown }) =>
      each.role === "administrator" && each.disabledAt === null && each.openId === null,
  );
  expect(left).toHaveLength(1);
  await by(left[0].name)(`PATCH /users/${ada}`, { role: "administrator" });
});

test("whoever is shut out is signed out at once, and cannot sign in", async () => {
  const { body } = await call("POST /users", { user: "eve", password: PASSWORD, role: "operator" });
  const { cookie = "" } = await signIn("eve", PASSWORD);
  expect((await asUser(cookie, "GET", "/session")).statusCode).toBe(200);
  expect((await call(`PATCH /users/${body.id}`, { disabled: true })).body.disabledAt).toBe(world.clock.now);
  expect((await asUser(cookie, "GET", "/session")).statusCode).toBe(401);
  expect((await signIn("eve", PASSWORD)).status).toBe(401);
  await call(`PATCH /users/${body.id}`, { disabled: false });
  expect((await asUser(cookie, "GET", "/session")).statusCode).toBe(401);
  expect((await signIn("eve", PASSWORD)).status).toBe(201);
  expect((await call("POST /users", { user: "eve", password: PASSWORD, role: "viewer" })).status).toBe(409);
});

test("one's own password is changed by the old one, and ends one's other sessions", async () => {
  await call("POST /users", { user: "alan", password: PASSWORD, role: "viewer" });
  const [here, elsewhere] = [await signIn("alan", PASSWORD), await signIn("alan", PASSWORD)];
  const change = (old: string) =>
    asUser(here.cookie ?? "", "PUT", "/session/password", { old, password: "staple paper clip" });
  expect((await change("wrong")).json().code).toBe("REFUSED");
  expect((await change(PASSWORD)).statusCode).toBe(204);
  expect((await asUser(here.cookie ?? "", "GET", "/session")).statusCode).toBe(200);
  expect((await asUser(elsewhere.cookie ?? "", "GET", "/session")).statusCode).toBe(401);
  expect((await signIn("alan", PASSWORD)).status).toBe(401);
  expect((await signIn("alan", "staple paper clip")).status).toBe(201);
});

test("one's sessions are listed and ended, and nobody else's", async () => {
  const [mine, other] = [await sessionOf(world, "viewer"), await sessionOf(world, "viewer")];
  const listed = (await asUser(mine, "GET", "/sessions")).json().items;
  expect(listed).toEqual([expect.objectContaining({ current: true, createdAt: world.clock.now })]);
  const foreign = (await asUser(other, "GET", "/sessions")).json().items[0].id;
  expect((await asUser(mine, "DELETE", `/sessions/${foreign}`)).statusCode).toBe(404);
  expect((await asUser(other, "GET", "/session")).statusCode).toBe(200);
  expect((await asUser(mine, "DELETE", `/sessions/${listed[0].id}`)).statusCode).toBe(204);
  expect((await asUser(mine, "GET", "/session")).statusCode).toBe(401);
});

test("a session ends when it was not used for half a day, and after a week however much it is used", async () => {
  const HOUR = 3_600_000;
  const isSignedIn = async (cookie: string) => (await asUser(cookie, "GET", "/session")).statusCode === 200;
  const idle = await sessionOf(world, "viewer");
  world.clock.now += 12 * HOUR;
  expect(await isSignedIn(idle)).toBe(false);
  const used = await sessionOf(world, "viewer");
  for (let hours = 0; hours < 160; hours += 8) {
    world.clock.now += 8 * HOUR;
    expect(await isSignedIn(used)).toBe(true);
  }
  world.clock.now += 8 * HOUR;
  expect(await isSignedIn(used)).toBe(false);
});

test("an administrator sees and ends the sessions of others, one or all", async () => {
  const { body: user } = await call("POST /users", { user: "lise", password: PASSWORD, role: "viewer" });
  const cookies = [
    (await signIn("lise", PASSWORD)).cookie ?? "",
    (await signIn("lise", PASSWORD)).cookie ?? "",
  ];
  const sessions = async () => (await call(`GET /users/${user.id}/sessions`)).body.items;
  const [first] = await sessions();
  expect(await sessions()).toHaveLength(2);
  expect((await call(`DELETE /users/${user.id}/sessions/${first.id}`)).status).toBe(204);
  expect((await call(`DELETE /users/${user.id}/sessions/${first.id}`)).status).toBe(404);
  const states = await Promise.all(cookies.map((cookie) => asUser(cookie, "GET", "/session")));
  expect(states.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 401]);
  expect((await call(`DELETE /users/${user.id}/sessions`)).status).toBe(204);
  expect(await sessions()).toEqual([]);
  expect((await call("GET /users/nobody/sessions")).status).toBe(404);
});

test("signing in tells nothing of who there is, of whose password was wrong, or of who is shut out", async () => {
  const { body: user } = await call("POST /users", { user: "emmy", password: PASSWORD, role: "viewer" });
  await call(`PATCH /users/${user.id}`, { disabled: true });
  const answers = [];
  for (const [name, password] of [
    ["ada", "wrong"],
    ["nobody", "wrong"],
    ["emmy", PASSWORD],
  ] as const) {
    const request = { method: "POST", url: "/api/v1/session", payload: { user: name, password } } as const;
    const { statusCode, body } = await world.people.inject(asBrowser(request));
    answers.push([statusCode, body]);
  }
  expect(answers[0]?.[0]).toBe(401);
  expect([answers[1], answers[2]]).toEqual([answers[0], answers[0]]);
});

test("a token is shown once, has its role, and ends when it expires or is taken back", async () => {
  const expires = world.clock.now + 60_000;
  const made = (await call("POST /api-tokens", { name: "inventory", role: "viewer", expires })).body;
  const as = (line: Parameters<typeof callApi>[2]) => callApi(world, made.token, line);
  expect((await as("GET /agents")).status).toBe(200);
  expect((await as("GET /users")).status).toBe(403);
  const [listed] = (await call("GET /api-tokens")).body.items;
  expect(listed).toMatchObject({ id: made.id, role: "viewer", usedAt: world.clock.now });
  expect(JSON.stringify(listed)).not.toContain(made.token);
  world.clock.now += 60_000;
  expect((await as("GET /agents")).status).toBe(401);
  const late = { name: "late", role: "viewer", expires: world.clock.now };
  expect((await call("POST /api-tokens", late)).status).toBe(422);
  const second = (await call("POST /api-tokens", { name: "taken back", role: "viewer" })).body;
  expect((await call(`DELETE /api-tokens/${second.id}`)).status).toBe(204);
  expect((await callApi(world, second.token, "GET /agents")).status).toBe(401);
});

test("a token is for what its scope says, which is checked, and makes no wider one", async () => {
  let made = 0;
  const make = async (scope: string[], by = token) =>
    await callApi(world, by, "POST /api-tokens", { name: `some ${++made}`, role: "operator", scope });
  const unknown = await make(["agents", "agnets"]);
  expect([unknown.status, unknown.body.detail]).toEqual([
    422,
    expect.stringContaining("agnets; areas are agents, "),
  ]);
  const { body } = await make(["api-tokens", "read"]);
  await world.context.database.db
    .updateTable("api_tokens")
    .set({ role: "administrator" })
    .where("id", "=", body.id)
    .execute();
  expect((await callApi(world, body.token, "GET /agents")).status).toBe(200);
  expect((await callApi(world, body.token, "GET /session")).status).toBe(200);
  const refused = await callApi(world, body.token, "POST /users", {
    user: "x",
    password: PASSWORD,
    role: "viewer",
  });
  expect([refused.status, refused.body.code]).toEqual([403, "SCOPE_TOO_NARROW"]);
  expect((await make(["users"], body.token)).status).toBe(422);
  const whole = { name: "whole", role: "operator" };
  expect((await callApi(world, body.token, "POST /api-tokens", whole)).status).toBe(422);
  expect((await make(["read"], body.token)).status).toBe(201);
  const listed = (await call("GET /api-tokens")).body.items;
  expect(listed.find(({ id }: { id: string }) => id === body.id).scope).toEqual(["api-tokens", "read"]);
});

test("guessing at a name is slowed down from whatever address, by attempts at once too, until a success", async () => {
  await call("POST /users", { user: "joan", password: PASSWORD, role: "viewer" });
  const at = (count: number) =>
    Array.from({ length: count }, (_, index) => signIn("joan", "wrong", `198.51.100.${index}`));
  const answers = await Promise.all(at(12));
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
  const { status, retryAfter } = await signIn("joan", PASSWORD);
  expect([status, retryAfter]).toEqual([429, "1"]);
  world.clock.now += 1_000;
  expect((await signIn("joan", PASSWORD)).status).toBe(201);
  expect((await Promise.all(at(4))).map((each) => each.status)).toEqual([401, 401, 401, 401]);
});

test("guessing at many names from one address, or one IPv6 network, is slowed down", async () => {
  for (const address of [() => "203.0.113.9", (index: number) => `2001:db8:0:7::${index}`]) {
    const answers = [];
    for (let index = 0; index < 22; index++) {
      answers.push((await signIn(`nobody ${index}`, "wrong", address(index))).status);
    }
    expect(answers.slice(0, 20)).toEqual(Array(20).fill(401));
    expect(answers.slice(20)).toEqual([429, 429]);
    expect((await signIn("ada", PASSWORD)).status).toBe(201);
  }
});

test("nearsource server password sets one anew on the machine itself, by standard input, and lets the user in", async () => {
  const { body } = await asAda("POST /users", { user: "hedy", password: PASSWORD, role: "administrator" });
  const { cookie = "" } = await signIn("hedy", PASSWORD);
  await asAda(`PATCH /users/${body.id}`, { disabled: true });
  const run = (user: string, input: string) =>
    new Promise<{ code: unknown; stderr: string }>((resolve) => {
      const started = execFile(
        process.execPath,
        [PROGRAM, "server", "password", user, world.dir],
        (error, _, stderr) => resolve({ code: error?.code ?? 0, stderr }),
      );
      started.stdin?.end(input);
    });
  expect(await run("hedy", "staple paper clip\n")).toMatchObject({ code: 0 });
  expect((await signIn("hedy", "staple paper clip")).status).toBe(201);
  expect((await asUser(cookie, "GET", "/session")).statusCode).toBe(401);
  expect(await run("hedy", "short\n")).toMatchObject({ code: 2, stderr: expect.stringContaining("12") });
  expect(await run("nobody", "staple paper clip")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("ada (administrator)"),
  });
});

test("tokens stop with whoever made them, and may no more than they may now, through tokens of tokens too", async () => {
  const session = await sessionOf(world, "administrator");
  const { user: name } = (await asUser(session, "GET", "/session")).json();
  const id = await idOf(name);
  const made = await world.people.inject(
    asBrowser(
      { method: "POST", url: "/api/v1/api-tokens", payload: { name: "one of mine", role: "administrator" } },
      session,
    ),
  );
  const first = made.json().token;
  const second = (await callApi(world, first, "POST /api-tokens", { name: "its own", role: "operator" })).body
    .token;
  const statusesOf = async () => [
    (await callApi(world, first, "GET /users")).status,
    (await callApi(world, second, "GET /agents")).status,
    (await callApi(world, second, "POST /enrolment-tokens", {})).status,
  ];
  expect(await statusesOf()).toEqual([200, 200, 201]);
  await asAda(`PATCH /users/${id}`, { role: "viewer" });
  expect(await statusesOf()).toEqual([403, 200, 403]);
  await asAda(`PATCH /users/${id}`, { disabled: true });
  expect(await statusesOf()).toEqual([401, 401, 401]);
  const stopped = async (name: string) =>
    (await call("GET /api-tokens")).body.items.find((each: { name: string }) => each.name === name).stopped;
  expect(await stopped("its own")).toBe("maker shut out");
  await asAda(`PATCH /users/${id}`, { disabled: false, role: "administrator" });
  expect(await statusesOf()).toEqual([200, 200, 201]);
  await asAda(`DELETE /users/${id}`);
  expect(await statusesOf()).toEqual([401, 401, 401]);
  expect(await stopped("its own")).toBe("maker deleted");
});

test("no token makes, changes or deletes an administrator, or makes a token of one; a person does", async () => {
  const ada = await idOf("ada");
  const made = await asAda("POST /users", { user: "mallory", password: PASSWORD, role: "operator" });
  const { id } = made.body;
  const admin = { user: "eve the second", password: PASSWORD, role: "administrator" };
  const lines: Parameters<Call>[] = [
    ["POST /users", admin],
    ["POST /api-tokens", { name: "a token's", role: "administrator" }],
    [`PATCH /users/${id}`, { role: "administrator" }],
    [`PATCH /users/${ada}`, { role: "viewer" }],
    [`DELETE /users/${ada}/second-factor`],
    [`DELETE /users/${ada}`],
  ];
  for (const scope of [undefined, ["users", "api-tokens", "read"]]) {
    const stolen = await tokenOf(world, "administrator", scope);
    for (const [line, body] of lines) {
      const answer = await callApi(world, stolen, line, body);
      expect([line, answer.status, answer.body?.code]).toEqual([line, 403, "NOT_ALLOWED"]);
    }
  }
  expect((await asAda("POST /users", admin)).status).toBe(201);
  expect((await asAda("POST /api-tokens", { name: "a person's", role: "administrator" })).status).toBe(201);
});

test("a token lets nobody in with more than it may itself, nor for longer", async () => {
  const users = await tokenOf(world, "administrator", ["users"]);
  const read = await tokenOf(world, "administrator", ["users", "read"]);
  const make = async (by: string, user: string, role: string) =>
    (await callApi(world, by, "POST /users", { user, password: PASSWORD, role })).body.code ?? "made";
  expect(await make(users, "trent", "operator")).toBe("REFUSED");
  expect(await make(users, "trent", "viewer")).toBe("REFUSED");
  expect(await make(read, "trent", "operator")).toBe("REFUSED");
  expect(await make(read, "trent", "viewer")).toBe("made");
  const trent = await idOf("trent");
  expect((await callApi(world, read, `PATCH /users/${trent}`, { role: "operator" })).body.code).toBe(
    "REFUSED",
  );
  // What it takes, it may take; and what was taken it does not give back.
  expect((await callApi(world, users, `PATCH /users/${trent}`, { disabled: true })).status).toBe(200);
  expect((await callApi(world, users, `PATCH /users/${trent}`, { disabled: false })).body.code).toBe(
    "REFUSED",
  );
  expect((await callApi(world, users, `DELETE /users/${trent}`)).status).toBe(204);
  const ends = world.clock.now + 60_000;
  const short = await asAda("POST /api-tokens", { name: "an hour", role: "administrator", expires: ends });
  const longer = async (expires?: number) =>
    (await callApi(world, short.body.token, "POST /api-tokens", { name: "on", role: "viewer", expires }))
      .status;
  expect([await longer(), await longer(ends + 1), await longer(ends)]).toEqual([422, 422, 201]);
});

test("a token whose maker nobody knows opens nothing, and is shown so", async () => {
  const secret = (await asAda("POST /api-tokens", { name: "orphan", role: "viewer" })).body.token;
  expect((await callApi(world, secret, "GET /agents")).status).toBe(200);
  const { db } = world.context.database;
  await db.updateTable("api_tokens").set({ maker_id: null }).where("name", "=", "orphan").execute();
  expect((await callApi(world, secret, "GET /agents")).status).toBe(401);
  const { items } = (await call("GET /api-tokens")).body;
  expect(items.find((each: { name: string }) => each.name === "orphan").stopped).toBe("maker unknown");
});

test("names of users and tokens are kept plain, and none looks like another", async () => {
  const make = async (name: string) =>
    (await asAda("POST /users", { user: name, password: PASSWORD, role: "viewer" })).body;
  const makeToken = async (name: string) => await asAda("POST /api-tokens", { name, role: "viewer" });
  expect((await make("  Ｒosa   Parks ")).name).toBe("Rosa Parks");
  for (const alike of ["rosa parks", "ROSA PARKS", "Rоsа Parks", "R0SA PARKS"]) {
    const { code } = await make(alike);
    expect([alike, code]).toEqual([alike, alike.includes("о") ? "REFUSED" : "CONFLICT"]);
    expect((await makeToken(alike)).status).toBeGreaterThanOrEqual(400);
  }
  for (const unseen of ["eve\u200b", "\u202eeve", "\u2066ada", "  "])
    expect((await make(unseen)).code).toBe("REFUSED");
  expect((await makeToken("backup")).status).toBe(201);
  expect([(await make("Backup")).code, (await makeToken("BACKUP")).body.code]).toEqual([
    "CONFLICT",
    "CONFLICT",
  ]);
  // Two at once get one name between them.
  const both = await Promise.all([make("twin"), makeToken("TWIN")]);
  expect([both[0].id, both[1].body.id].filter((each) => each !== undefined)).toHaveLength(1);
  // One signs in however the name was typed, and guesses at it count together.
  expect((await signIn(" Rosa  Parks ", PASSWORD)).status).toBe(201);
  for (const [index, typed] of [
    "Rosa Parks",
    "Ｒosa Parks",
    "rosa parks",
    "R0sa Parks",
    "ROSA PARKS",
  ].entries())
    expect((await signIn(typed, "wrong", `198.51.100.${index}`)).status).toBe(401);
  expect((await signIn("Rosa Parks", PASSWORD, "198.51.100.9")).status).toBe(429);
});

test("names from before the rule stay valid", async () => {
  const { db } = world.context.database;
  const ada = await db.selectFrom("users").selectAll().where("name", "=", "ada").executeTakeFirstOrThrow();
  const old = "Ad\u200ba ";
  await db
    .insertInto("users")
    .values({ ...ada, id: "old", name: old, role: "viewer" })
    .execute();
  const { cookie } = await signIn(old, PASSWORD);
  expect((await asUser(cookie ?? "", "GET", "/session")).json()).toMatchObject({ id: "old", user: old });
});

test("whoever has one account guesses no faster at others from the same address", async () => {
  await call("POST /users", { user: "tess", password: PASSWORD, role: "viewer" });
  const statuses = [];
  for (let index = 0; index < 24; index++) {
    statuses.push((await signIn(`victim ${index}`, "wrong", "203.0.113.77")).status);
    if (statuses.at(-1) === 401) await signIn("tess", PASSWORD, "203.0.113.77");
  }
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(20);
  expect(statuses.at(-1)).toBe(429);
  // Whoever comes in counts for nothing: an office signs in from one address.
  for (let index = 0; index < 30; index++)
    expect((await signIn("tess", PASSWORD, "203.0.113.78")).status).toBe(201);
});
