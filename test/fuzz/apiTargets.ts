import assert from "node:assert/strict";
import fc from "fast-check";
import type { FastifyInstance, InjectOptions } from "fastify";
import Value from "typebox/value";
import { agentSideRoutes } from "../../src/server/agentSide/agentSideRoutes.ts";
import { allRoutes } from "../../src/server/allRoutes.ts";
import { PROBLEMS } from "../../src/server/api/problem.ts";
import type { AnyRoute } from "../../src/server/api/route.ts";
import {
  asBrowser,
  asScript,
  makeServer,
  type ServerWorld,
  sessionOf,
  setUp,
} from "../support/serverWorld.ts";
import { changeAt, nasty, valuesIn } from "./mutation.ts";
import { type Schema, valuesOf } from "./schemaValues.ts";
import { type FuzzTarget, jsonOf, objectOf, toJsonBytes } from "./target.ts";

/** Operations but that which would end the checks' own session, and those that go on for as long as one listens. */
const routes = (allRoutes as AnyRoute[]).filter(
  ({ operation, streams, isHeld }) => operation !== "signOut" && !streams && !isHeld,
);

/** Bodies and parameters of the server's two listeners, as a real server takes them, with its real database. */
export function apiTargets(): FuzzTarget[] {
  return [administrators(), enrolment(), reports()];
}

/** One request: `{ "operation", "params", "query", "body" }`; bytes that are none are a body of their own. */
function administrators(): FuzzTarget {
  const server = lazily(async () => {
    const world = await makeServer();
    await setUp(world);
    return { world, session: await sessionOf(world, "administrator") };
  });
  const check = async (input: Buffer) => {
    const made = await server.get();
    const asked = objectOf(jsonOf(input.toString()));
    const route = routes.find(({ operation }) => operation === asked?.operation);
    const request = route === undefined ? rawRequest(input) : requestOf(route, asked ?? {});
    const before = await lastChange(made.world);
    const answer = await made.world.people.inject(asBrowser(request, made.session));
    const accepted = checkAnswer(answer, route);
    if (!accepted) assert.equal(await lastChange(made.world), before, `${answer.body} changed something`);
    // It may have been the caller's own account that was changed.
    if (answer.statusCode === 401 || accepted) await renew(made);
    return accepted;
  };
  return { name: "api-bodies", json: true, made: madeRequest(), check, close: server.close };
}

async function renew(made: { world: ServerWorld; session: string }): Promise<void> {
  const { statusCode } = await made.world.people.inject(
    asBrowser({ method: "GET", url: "/api/v1/session" }, made.session),
  );
  if (statusCode !== 200) made.session = await sessionOf(made.world, "administrator");
}

function madeRequest(): fc.Arbitrary<Buffer> {
  return fc
    .constantFrom(...routes)
    .chain((route) => fc.oneof(bySchema(route), byExample(route)))
    .map(toJsonBytes);
}

function bySchema({ operation, schemas }: AnyRoute): fc.Arbitrary<unknown> {
  const parts = Object.entries(schemas).map(([part, schema]) => [part, valuesOf(schema as Schema)] as const);
  return fc.record({ operation: fc.constant(operation), ...Object.fromEntries(parts) });
}

/** The route's own example, with one value of it changed. */
function byExample({ operation, example }: AnyRoute): fc.Arbitrary<unknown> {
  const values = valuesIn(example).length;
  return fc
    .tuple(fc.nat(Math.max(0, values - 1)), nasty)
    .map(([at, other]) => changeAt(example, at, () => other, { seen: 0 }))
    .map((changed) => ({ operation, ...objectOf(changed) }));
}

function requestOf({ method, path, schemas }: AnyRoute, asked: Record<string, unknown>): InjectOptions {
  const params = objectOf(asked.params) ?? {};
  const query = Object.entries(objectOf(asked.query) ?? {}).map(([name, value]) => [name, wordOf(value)]);
  const place = path.replaceAll(/:(\w+)/g, (_: string, name: string) => encoded(params[name]));
  const words = new URLSearchParams(query).toString();
  const url = `/api/v1${place}${words === "" ? "" : `?${words}`}`;
  const payload = JSON.stringify(asked.body);
  const headers = {
    "if-match": '"0"',
    ...(payload === undefined ? {} : { "content-type": "application/json" }),
  };
  const hasBody = schemas.body !== undefined && payload !== undefined;
  return { method, url, headers, ...(hasBody ? { payload } : {}) };
}

/** As one segment of a path; lone surrogates have no place in an address. */
function encoded(value: unknown): string {
  return encodeURIComponent(wordOf(value).toWellFormed()) || "x";
}

function wordOf(value: unknown): string {
  return typeof value === "object" ? "x" : String(value);
}

function rawRequest(input: Buffer): InjectOptions {
  const headers = { "content-type": "application/json", "if-match": '"0"' };
  return { method: "PUT", url: "/api/v1/source-list", headers, payload: input };
}

/** Machines that enrol where every one is taken. */
function enrolment(): FuzzTarget {
  const server = lazily(async () => {
    const world = await makeServer(undefined, { enrolment: "open", insecure: true });
    await setUp(world);
    return { world };
  });
  const route = routeOf("enrol");
  const check = async (input: Buffer) => {
    const { world } = await server.get();
    world.clock.now += 60_000;
    const answer = await send(world.agents, { method: "POST", url: "/v1/enrol" }, input);
    if (!checkAnswer(answer, route)) return false;
    const { id, secret } = answer.json();
    const renewed = await world.agents.inject(
      asScript({ method: "POST", url: `/v1/agents/${id}/secret` }, secret),
    );
    assert.equal(renewed.statusCode, 200, renewed.body);
    return true;
  };
  return { name: "enrolment", json: true, made: madeBody(route), check, close: server.close };
}

/** Reports of an agent; whatever was taken can be shown. */
function reports(): FuzzTarget {
  const server = lazily(async () => {
    const world = await makeServer(undefined, { enrolment: "open", insecure: true });
    await setUp(world);
    const { token: _, ...body } = (routeOf("enrol").example as { body: { token: string } }).body;
    const answer = await send(world.agents, { method: "POST", url: "/v1/enrol" }, toJsonBytes(body));
    const { id, secret } = answer.json<{ id: string; secret: string }>();
    return { world, id, secret, session: await sessionOf(world, "viewer") };
  });
  const route = routeOf("putReport");
  const shown = ["getAgent", "listRuns", "getAgentOrder"].map((name) => routeOf(name, routes));
  const check = async (input: Buffer) => {
    const { world, id, secret, session } = await server.get();
    world.clock.now += 1_000;
    const answer = await send(world.agents, { method: "PUT", url: `/v1/agents/${id}/report` }, input, secret);
    const accepted = checkAnswer(answer, route);
    for (const each of shown) {
      const page = await world.people.inject(asBrowser(requestOf(each, { params: { id } }), session));
      assert.equal(page.statusCode, 200, page.body);
      checkAnswer(page, each);
    }
    return accepted;
  };
  return { name: "report", json: true, made: madeBody(route), check, close: server.close };
}

function madeBody(route: AnyRoute): fc.Arbitrary<Buffer> {
  return fc
    .oneof(bySchema(route), byExample(route))
    .map((request) => toJsonBytes((request as { body: unknown }).body));
}

function routeOf(operation: string, among: readonly AnyRoute[] = agentSideRoutes): AnyRoute {
  const found = among.find((each) => each.operation === operation);
  assert(found !== undefined, `there is no ${operation}`);
  return found;
}

async function send(api: FastifyInstance, request: InjectOptions, payload: Buffer, secret?: string) {
  const headers = { "content-type": "application/json" };
  return await api.inject(asScript({ ...request, headers, payload }, secret));
}

type Answer = Awaited<ReturnType<FastifyInstance["inject"]>>;

/** Holds an answer to what the API promises of each. @returns whether it is a good one */
function checkAnswer({ statusCode, body, headers }: Answer, route: AnyRoute | undefined): boolean {
  if (statusCode < 400) {
    const isJson = String(headers["content-type"] ?? "").startsWith("application/json");
    if (route?.answer !== undefined && isJson) {
      assert(
        Value.Check(route.answer, JSON.parse(body)),
        `${route.operation} does not answer so: ${body.slice(0, 500)}`,
      );
    }
    return true;
  }
  assert(statusCode < 500 || jsonOf(body) !== undefined, `${route?.operation}: ${statusCode} ${body}`);
  const { code, status } = JSON.parse(body);
  assert(code in PROBLEMS && status === statusCode, `no problem of ours: ${body}`);
  assert(code !== "UNEXPECTED", `${route?.operation}: ${body}`);
  assert(String(headers["content-type"]).startsWith("application/problem+json"));
  return false;
}

async function lastChange({ context }: ServerWorld): Promise<number> {
  const found = await context.database.db
    .selectFrom("audit")
    .select((row) => row.fn.max("sequence").as("last"))
    .where("operation", "not like", "signIn%")
    .executeTakeFirst();
  return Number(found?.last ?? 0);
}

/** A server that is made for the first input, and lasts until the last. */
function lazily<Made extends { world: ServerWorld }>(make: () => Promise<Made>) {
  let made: Promise<Made> | undefined;
  const get = () => {
    made ??= make();
    return made;
  };
  return { get, close: async () => await (await made)?.world.close() };
}
