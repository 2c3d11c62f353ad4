import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  asBrowser,
  asScript,
  callApi,
  makeServer,
  PASSWORD,
  type ServerWorld,
  setUp,
  tokenOf,
} from "../../support/serverWorld.ts";

let world: ServerWorld;
let token: string;
beforeAll(async () => {
  world = await makeServer(undefined, { proxies: ["10.0.0.0/8"], enrolment: "open" });
  await setUp(world);
  token = await tokenOf(world, "administrator");
});
afterAll(async () => await world.close());

async function signIn(remoteAddress: string, from: string, { user = "ada", password = "wrong" } = {}) {
  const headers = { "x-forwarded-for": from, "x-forwarded-proto": "https" };
  const request = { method: "POST", url: "/api/v1/session", headers, remoteAddress } as const;
  return await world.people.inject(asBrowser({ ...request, payload: { user, password } }));
}

/** Guesses at many names from one place until they are slowed down; how many that takes. */
async function guessesUntilSlowed(remoteAddress: string, from: (index: number) => string): Promise<number> {
  for (let index = 0; index < 40; index++) {
    const { statusCode } = await signIn(remoteAddress, from(index), { user: `nobody ${index}` });
    if (statusCode === 429) return index;
  }
  return Infinity;
}

describe("the wait after guesses", () => {
  test("cannot be evaded by a header of one's own", async () => {
    expect(await guessesUntilSlowed("192.0.2.1", (index) => `198.51.100.${index}`)).toBeLessThan(40);
  });

  test("cannot be evaded in front of what a proxy adds", async () => {
    const forged = (index: number) => `198.51.100.${index}, 10.3.3.${index}, 192.0.2.2`;
    expect(await guessesUntilSlowed("10.0.0.1", forged)).toBeLessThan(40);
  });

  test("is not that of others behind the same proxy", async () => {
    await guessesUntilSlowed("10.0.0.1", () => "192.0.2.3");
    expect((await signIn("10.0.0.1", "192.0.2.4", { password: PASSWORD })).statusCode).toBe(201);
  });
});

test("the session's cookie is for TLS where a believed proxy was reached by it, and where it alone says so", async () => {
  const behind = await signIn("10.0.0.1", "192.0.2.50", { password: PASSWORD });
  expect(behind.cookies[0]).toMatchObject({ secure: true });
  const forged = await signIn("192.0.2.51", "192.0.2.52", { password: PASSWORD });
  expect(forged.statusCode).toBe(201);
  expect(forged.cookies[0]).not.toHaveProperty("secure");
});

test.for([
  ["10.0.0.1", "192.0.2.60", "192.0.2.60"],
  ["::ffff:10.0.0.1", "192.0.2.61", "192.0.2.61"],
  ["192.0.2.62", "10.0.0.9", "192.0.2.62"],
  ["10.0.0.1", `${"1.2.3.4, ".repeat(800)}192.0.2.63`, "192.0.2.63"],
  ["10.0.0.1", '"><b>', "10.0.0.1"],
] as const)("an agent at %s is seen by what a believed proxy says", async ([remoteAddress, from, seen]) => {
  const name = `agent of ${seen}`;
  const payload = {
    name,
    addresses: [],
    fingerprint: Buffer.from(name).toString("hex").padEnd(64, "0").slice(0, 64),
    program: "0.1.0",
  };
  const headers = { "x-forwarded-for": from };
  const request = { method: "POST", url: "/v1/enrol", payload, headers, remoteAddress } as const;
  const enrolled = await world.agents.inject(asScript(request));
  expect(enrolled.statusCode, enrolled.body).toBe(201);
  const { id } = enrolled.json();
  const of = world.context.database.db.selectFrom("agents").select("seen_at").where("id", "=", id);
  expect(await of.executeTakeFirst()).toEqual({ seen_at: seen });
  const { body } = await callApi(world, token, "GET /audit?limit=1");
  expect(body.items[0]).toMatchObject({ address: seen });
});
