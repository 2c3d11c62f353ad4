import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  asBrowser,
  callApi,
  makeServer,
  PASSWORD,
  type ServerWorld,
  sessionOf,
  tokenOf,
} from "../../support/serverWorld.ts";

const LIST = { mode: "customized", entries: [{ range: "10.0.0.0/8", url: "http://ua.example:21112" }] };

describe("what server.json says is kept elsewhere", () => {
  let world: ServerWorld;
  let session: string;
  let token: string;
  beforeAll(async () => {
    world = await makeServer(undefined, { readOnly: ["source-list"] });
    const payload = { token: world.token, user: "ada", password: PASSWORD };
    await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
    session = await sessionOf(world, "administrator");
    token = await tokenOf(world, "operator");
  });
  afterAll(() => world.close());

  const byPage = async (method: "PUT" | "POST" | "GET", url: string, payload?: object) => {
    const headers = { "if-match": '"0"' };
    const request = { method, url: `/api/v1${url}`, headers, ...(payload && { payload }) };
    const answer = await world.people.inject(asBrowser(request, session));
    return { status: answer.statusCode, body: answer.json() };
  };

  test("is changed by no session, whatever its role, and by an API token", async () => {
    const refused = { status: 403, body: { code: "READ_ONLY" } };
    expect(await byPage("PUT", "/source-list", LIST)).toMatchObject(refused);
    expect(await callApi(world, token, "PUT /source-list", LIST, 0)).toMatchObject({ status: 200 });
    expect(await byPage("POST", "/source-list/versions/1/restore")).toMatchObject(refused);
    expect(await callApi(world, token, "POST /source-list/versions/1/restore")).toMatchObject({
      status: 200,
    });
  });

  test("is shown as such, and may still be looked at and tried", async () => {
    expect(await byPage("GET", "/source-list")).toMatchObject({ status: 200, body: { readOnly: true } });
    expect(await byPage("POST", "/source-list/check", LIST)).toMatchObject({ status: 200 });
    expect(await byPage("POST", "/what-if", { list: LIST })).toMatchObject({ status: 200 });
  });

  test("leaves what else there is to sessions", async () => {
    const policy = { name: "ours", targets: { domains: ["default"], agents: [] }, settings: {} };
    expect(await byPage("POST", "/policies", policy)).toMatchObject({ status: 201 });
  });
});
