import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { parseServerConfig } from "../../../src/server/serverConfig.ts";
import { type OpenIdProvider, startOpenIdProvider } from "../../support/openIdProvider.ts";
import { newHome } from "../../support/repositories.ts";
import {
  asBrowser,
  callApi,
  callInSession,
  makeReadyServer,
  PASSWORD,
  type ServerWorld,
  sessionIn,
} from "../../support/serverWorld.ts";

let world: ServerWorld;
let token: string;
let provider: OpenIdProvider;

beforeAll(async () => {
  provider = await startOpenIdProvider();
  const clientSecretFile = path.join(await newHome("openid"), "secret");
  await fs.writeFile(clientSecretFile, `${provider.client.secret}\n`, { mode: 0o600 });
  const roles = { admins: "administrator", helpdesk: "operator", staff: "viewer" };
  const openId = { issuer: provider.issuer, clientId: provider.client.id, clientSecretFile, roles };
  ({ world, token } = await makeReadyServer("administrator", undefined, {
    openId,
    publicUrl: "http://localhost:21110",
    requireSecondFactor: ["administrator"],
  }));
});

beforeEach(() => {
  provider.wrong = {};
});

afterAll(async () => {
  await world.close();
  await provider.close();
});

const get = async (url: string, cookies: Record<string, string> = {}) =>
  await world.people.inject({
    ...asBrowser({ method: "GET", url, headers: { "sec-fetch-site": "cross-site" } }),
    cookies,
  });

/** A browser that goes to the provider: the URL by which it comes back, and the cookie that it was given. */
async function goThere(user: Record<string, unknown>) {
  provider.user = user;
  const begun = await get("/api/v1/session/openid");
  expect(begun.statusCode).toBe(302);
  const [cookie] = begun.cookies;
  expect(cookie).toMatchObject({ name: world.context.cookies.openId, httpOnly: true, sameSite: "Lax" });
  const there = new URL(String(begun.headers.location));
  expect(there.searchParams.get("code_challenge_method")).toBe("S256");
  const answer = await fetch(there, { redirect: "manual" });
  const back = new URL(answer.headers.get("location") ?? "");
  return { back, cookies: { [world.context.cookies.openId]: String(cookie?.value) } };
}

const comeBack = async ({ back, cookies }: Awaited<ReturnType<typeof goThere>>) => {
  const answer = await get(back.pathname + back.search, cookies);
  return { status: answer.statusCode, body: answer.body, session: sessionIn(answer) };
};
const signIn = async (user: Record<string, unknown>) => await comeBack(await goThere(user));
const whoIs = async (session = "") =>
  (await world.people.inject(asBrowser({ method: "GET", url: "/api/v1/session" }, session))).json();

test("whoever the provider vouches for comes in with the role of the highest group, at each sign-in anew", async () => {
  const first = await signIn({
    sub: "1",
    preferred_username: "lovelace",
    groups: ["staff", "helpdesk", "else"],
  });
  expect([first.status, first.body]).toEqual([200, expect.stringContaining('content="0;url=/"')]);
  expect(await whoIs(first.session)).toMatchObject({ user: "lovelace", role: "operator" });
  const second = await signIn({ sub: "1", preferred_username: "lovelace", groups: ["staff"] });
  expect(await whoIs(second.session)).toMatchObject({ user: "lovelace", role: "viewer" });
  expect(await whoIs(first.session)).toMatchObject({ user: "lovelace", role: "viewer" });
  const users = (await callApi(world, token, "GET /users")).body.items;
  expect(users).toContainEqual(expect.objectContaining({ name: "lovelace", openId: `${provider.issuer} 1` }));
});

test("who has no group here does not come in, and is out where there was one before", async () => {
  const none = await signIn({ sub: "2", groups: ["else"] });
  expect([none.status, none.session]).toEqual([403, undefined]);
  const { session } = await signIn({ sub: "3", email: "grace@example", groups: "staff" });
  expect((await whoIs(session)).user).toBe("grace@example");
  expect((await signIn({ sub: "3", email: "grace@example" })).status).toBe(403);
  expect((await whoIs(session)).code).toBe("NOT_SIGNED_IN");
});

test("one who is shut out stays out, and takes nobody's name or password", async () => {
  const { session } = await signIn({ sub: "4", preferred_username: "ada", groups: ["admins"] });
  // The local ada is somebody else, and stays the way in. The provider's second factor counts.
  expect(await whoIs(session)).toMatchObject({ user: "ada (OpenID)", role: "administrator" });
  const users = (await callApi(world, token, "GET /users")).body.items as { name: string; id: string }[];
  const idOf = (name: string) => users.find((each) => each.name === name)?.id;
  expect((await callInSession(world, session ?? "", `DELETE /users/${idOf("ada")}`)).status).toBe(409);
  for (const password of ["", PASSWORD]) {
    const payload = { user: "ada (OpenID)", password };
    const answer = await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/session", payload }));
    expect(answer.json().code).toBe("CREDENTIALS_WRONG");
  }
  await callInSession(world, session ?? "", `PATCH /users/${idOf("ada (OpenID)")}`, { disabled: true });
  expect((await whoIs(session)).code).toBe("NOT_SIGNED_IN");
  expect((await signIn({ sub: "4", preferred_username: "ada", groups: ["admins"] })).status).toBe(403);
});

test("an answer counts once, soon, in the browser that asked, and as it was asked for", async () => {
  const user = { sub: "5", groups: ["staff"] };
  const once = await goThere(user);
  expect([(await comeBack(once)).status, (await comeBack(once)).status]).toEqual([200, 401]);
  // A page of another site leads a browser here with an answer to somebody else.
  const foreign = await goThere(user);
  const mine = await goThere(user);
  expect((await comeBack({ ...foreign, cookies: mine.cookies })).status).toBe(401);
  expect((await comeBack({ ...mine, cookies: {} as typeof mine.cookies })).status).toBe(401);
  // The code of one answer in another, whose PKCE and nonce it does not fit.
  const [one, other] = [await goThere(user), await goThere(user)];
  one.back.searchParams.set("code", other.back.searchParams.get("code") ?? "");
  expect((await comeBack(one)).status).toBe(401);
  // An answer that says to be another provider's (RFC 9207).
  const mixed = await goThere(user);
  mixed.back.searchParams.set("iss", "https://other.example");
  expect((await comeBack(mixed)).status).toBe(401);
  const late = await goThere(user);
  world.clock.now += 600_000;
  expect((await comeBack(late)).status).toBe(401);
});

test.for([
  ["another issuer", { iss: "https://other.example" }],
  ["another client", { aud: "another" }],
  ["another request", { nonce: "another" }],
  ["the past", { iat: 1_000_000, exp: 1_000_300 }],
] as const)("a token that is of %s signs nobody in", async ([, wrong]) => {
  provider.wrong = wrong;
  const { status, session } = await signIn({ sub: "6", groups: ["admins"] });
  expect([status, session]).toEqual([401, undefined]);
});

test("a local user signs in while the provider is dead, and it is said", async () => {
  const { world: other } = await makeReadyServer("administrator", undefined, {
    openId: { ...world.context.config.openId, issuer: "http://127.0.0.1:9" },
    publicUrl: "http://localhost:21110",
  });
  const begun = await other.people.inject(asBrowser({ method: "GET", url: "/api/v1/session/openid" }));
  expect([begun.statusCode, begun.json().code]).toEqual([503, "UNAVAILABLE"]);
  const payload = { user: "ada", password: PASSWORD };
  const answer = await other.people.inject(asBrowser({ method: "POST", url: "/api/v1/session", payload }));
  expect(answer.statusCode).toBe(201);
  await other.close();
});

test("a provider is reached over https, or on this machine", () => {
  const openId = { clientId: "a", clientSecretFile: "b", roles: {} };
  const parse = (issuer: string, publicUrl?: string) =>
    parseServerConfig(JSON.stringify({ openId: { ...openId, issuer }, publicUrl }), "/srv/server.json");
  expect(() => parse("http://idp.example", "https://a.example")).toThrow(
    '"openId.issuer" must be an https URL',
  );
  expect(() => parse("https://idp.example")).toThrow('"openId" needs "publicUrl"');
  expect(parse("https://idp.example", "https://a.example").openId?.groupsClaim).toBe("groups");
});

test("of browsers on their way to the provider few are noted of one place, and no more than so many of all", async () => {
  const { db } = world.context.database;
  const begin = async (remoteAddress: string) =>
    await world.people.inject({
      ...asBrowser({
        method: "GET",
        url: "/api/v1/session/openid",
        headers: { "sec-fetch-site": "cross-site" },
      }),
      remoteAddress,
    });
  const ofOther = await goThere({ sub: "8", preferred_username: "other", groups: ["staff"] });
  for (let index = 0; index < 30; index++)
    expect((await begin(`2001:db8:0:9::${index}`)).statusCode).toBe(302);
  const count = async () => (await db.selectFrom("open_id_attempts").select("state_hash").execute()).length;
  expect(await count()).toBeLessThan(35);
  expect((await comeBack(ofOther)).status, "another's stays").toBe(200);
  const { now } = world.context;
  const row = { verifier: "v", nonce: "n", browser_hash: "b", expires_at: now() + 600_000 };
  for (let from = 0; from < 10_000; from += 1_000) {
    const rows = Array.from({ length: 1_000 }, (_, index) => ({
      ...row,
      state_hash: `s${from + index}`,
      place: `${from}`,
    }));
    await db.insertInto("open_id_attempts").values(rows).execute();
  }
  const refused = await begin("198.51.100.3");
  expect([refused.statusCode, refused.json().code]).toEqual([429, "TOO_MANY"]);
  const said = await db.selectFrom("events").select("subject").where("type", "=", "limit.reached").execute();
  expect(said).toEqual([{ subject: "openid" }]);
  world.clock.now += 600_001;
  expect((await begin("198.51.100.3")).statusCode).toBe(302);
  expect(await count()).toBe(1);
});

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

test.for<[string, NonNullable<OpenIdProvider["tokenOf"]>]>([
  ["without a signature", (claims) => `${encoded({ alg: "none" })}.${encoded(claims)}.`],
  ["signed by the client's secret", (claims) => `${encoded({ alg: "HS256" })}.${encoded(claims)}.AAAA`],
  [
    "signed with another key",
    (claims, honest) => `${honest(claims).split(".").slice(0, 2).join(".")}.${"A".repeat(342)}`,
  ],
  [
    "whose claims were altered",
    (claims, honest) => {
      const [head, , signature] = honest(claims).split(".");
      return [head, encoded({ ...claims, groups: ["admins"] }), signature].join(".");
    },
  ],
  ["with a subject that is no name", (claims, honest) => honest({ ...claims, sub: "x".repeat(10_000) })],
  [
    "with groups that fill the memory",
    (claims, honest) => honest({ ...claims, groups: Array(200_000).fill("admins") }),
  ],
])("a token %s signs nobody in", async ([, tokenOf]) => {
  provider.tokenOf = tokenOf;
  const { status, session } = await signIn({ sub: "9", groups: ["staff"] });
  provider.tokenOf = undefined;
  expect([status, session]).toEqual([401, undefined]);
});

test.for<[string, NonNullable<OpenIdProvider["answer"]>]>([
  [
    "is another's",
    (_, response) => {
      const all = { issuer: "https://other.example", authorization_endpoint: "https://other.example/a" };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(all));
      return true;
    },
  ],
  [
    "leads elsewhere",
    (_, response) => {
      response.writeHead(302, { location: "http://127.0.0.1:9/" }).end();
      return true;
    },
  ],
  [
    "sends browsers to a script",
    (_, response) => {
      const all = {
        issuer: provider.issuer,
        authorization_endpoint: "javascript:alert(1)",
        response_types_supported: ["code"],
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(all));
      return true;
    },
  ],
  [
    "has no end",
    (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = () => {
        while (!response.destroyed && response.write(`"${"x".repeat(65_000)}",`));
      };
      response.on("drain", more);
      more();
      return true;
    },
  ],
])("a provider whose description %s is not used", async ([, answer]) => {
  provider.answer = answer;
  onTestFinished(() => {
    provider.answer = undefined;
  });
  const settings = { openId: world.context.config.openId, publicUrl: "http://localhost:21110" };
  const { world: other } = await makeReadyServer("administrator", undefined, settings);
  onTestFinished(() => other.close());
  const begun = await other.people.inject(asBrowser({ method: "GET", url: "/api/v1/session/openid" }));
  expect([begun.statusCode, begun.headers.location]).toEqual([503, undefined]);
});
