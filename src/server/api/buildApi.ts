import { Readable } from "node:stream";
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { TSchema } from "typebox";
import { parseRange } from "../../core/order/address.ts";
import { type Sender, senderOf } from "../../core/order/forwardedAddress.ts";
import { explainError, onOneLine } from "../../errors.ts";
import type { Cookies } from "../access/cookies.ts";
import type { Context } from "../context.ts";
import type { Database } from "../store/database.ts";
import { hasAdministrator } from "../store/people/userStore.ts";
import { callerOf, type Side } from "./caller.ts";
import { InProgress } from "./inProgress.ts";
import { PROBLEMS, Problem, toDocument } from "./problem.ts";
import { type Allow, type Caller, refusalOf } from "./roles.ts";
import type { Answer, AnyRoute, Asked, Format } from "./route.ts";
import { refusalOfOrigin } from "./sameOrigin.ts";
import { scopesOf } from "./scopes.ts";
import { helmetOptions, NO_PAGE } from "./securityHeaders.ts";
import { StreamPlaces, withFarewell } from "./streamPlaces.ts";
import { bodyCheck, wordsCheck } from "./validate.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
    sender: Sender;
  }
}

export interface ApiOptions {
  /** Path above all routes, such as `/api/v1`. */
  prefix: string;
  side: Side;
  /** Hosts that the server is called by, lower case, without port. */
  names: ReadonlySet<string>;
  /** Cookies are for TLS alone. */
  secure: boolean;
  /** Requests of a server that waits for them when it stops. */
  inProgress?: InProgress | undefined;
}

/** Seconds after which to ask again while the database is away. */
const DATABASE_BACK = 2;
/** Bodies are this long (bytes) at most: those of strangers, and of agents, are read into memory too. */
const BODY_LIMIT = 4_194_304;
const BODY_LIMITS: Partial<Record<Allow, number>> = { public: 65_536, "set-up": 65_536, agent: 1_048_576 };

/**
 * An API of these routes. Nothing listens yet: tests inject requests, a server passes its own on.
 *
 * @throws Error for a route that does not say all that has to be said of it
 */
export async function buildApi(
  context: Context,
  routes: readonly AnyRoute[],
  options: ApiOptions,
): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: true,
    // A URL that is not UTF-8 gets a problem document, as any other mistake does.
    frameworkErrors: (error, _, reply) => void sendProblem(context, reply, toProblem(context, error)),
  });
  if (options.side === "console") {
    await app.register(cookie);
    await app.register(helmet, helmetOptions(options.secure));
  }
  app.addHook("onSend", async (_, reply) => {
    if (!reply.hasHeader("content-security-policy")) reply.headers(NO_PAGE);
  });
  app.decorateRequest("caller");
  app.decorateRequest("sender");
  const proxies = context.config.proxies.map(parseRange);
  app.addHook("onRequest", async (request) => {
    const { "x-forwarded-for": from, "x-forwarded-proto": protocol } = request.headers;
    request.sender = senderOf(request.ip, { from: asText(from), protocol: asText(protocol) }, proxies);
  });
  app.setErrorHandler((error, _, reply) => sendProblem(context, reply, toProblem(context, error)));
  app.setNotFoundHandler((_, reply) => {
    timeAnswer(context, "none", reply.code(404));
    return sendProblem(context, reply, new Problem("NOT_FOUND"));
  });
  // Bodies are JSON and nothing else; an empty one is none.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_, text, done) => {
    try {
      done(null, readBody(text as string));
    } catch (problem) {
      done(problem as Problem);
    }
  });
  const places = new StreamPlaces();
  const { inProgress = new InProgress() } = options;
  for (const each of routes) addRoute(app, context, each, { ...options, places, inProgress });
  return app;
}

/** Node gives a field that came several times as one text for these names already; its types do not know that. */
function asText(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field.join(",") : field;
}

/** Bodies are nested this deep at most: whatever looks at them calls itself for each step. */
const DEEPEST = 100;

function readBody(text: string): unknown {
  if (text === "") return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Problem("BODY_INVALID", "the body is not JSON");
  }
  if (!isWithin(body, DEEPEST)) throw new Problem("BODY_INVALID", `it is nested deeper than ${DEEPEST}`);
  return body;
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isWithin(each, depth - 1));
}

function addRoute(
  app: FastifyInstance,
  context: Context,
  route: AnyRoute,
  options: ApiOptions & { places: StreamPlaces; inProgress: InProgress },
): void {
  const { method, path, allow, schemas, operation } = route;
  const checks = {
    params: check(schemas.params, wordsCheck),
    query: check(schemas.query, wordsCheck),
    body: check(schemas.body, bodyCheck),
  };
  if (!operation || !allow || !route.summary || !route.audit) {
    throw new Error(`the route ${method} ${path} does not say what has to be said of it`);
  }
  app.route({
    method,
    url: options.prefix + path,
    config: { operation },
    bodyLimit: BODY_LIMITS[allow as Allow] ?? BODY_LIMIT,
    // One that is held is not timed, and not held by whoever would.
    ...(route.streams === true || route.isHeld === true
      ? {}
      : { onResponse: async (_, reply) => timeAnswer(context, operation, reply) }),
    // Nobody would read what a stream of events goes on to say.
    exposeHeadRoute: method === "GET" && route.streams !== true,
    onRequest: async (request) => await options.inProgress.of(admit(context, route, options, request)),
    handler: async (request, reply) => {
      let gone: AbortSignal | undefined;
      const asked: Asked<unknown, unknown, unknown> = {
        params: checks.params(request.params),
        query: checks.query(request.query),
        body: checks.body(request.body),
        caller: request.caller,
        address: request.sender.address,
        ifMatch: ifMatchOf(route, request),
        format: formatOf(route, request),
        userAgent: request.headers["user-agent"] ?? "",
        cookies: request.cookies,
        get gone() {
          gone ??= goneSignal(route, request.caller, reply, options.places);
          return gone;
        },
      };
      const answered = await options.inProgress.of(Promise.resolve(route.handle(context, asked)));
      return send(route, reply, answered, { ...options, gone, cookies: context.cookies });
    },
  });
}

/** Databases in which an administrator was seen: there is one ever after, and agents ask all the time. */
const setUp = new WeakSet<Database>();

async function knowsSetUp({ database }: Context): Promise<boolean> {
  if (!setUp.has(database) && (await hasAdministrator(database.db))) setUp.add(database);
  return setUp.has(database);
}

function timeAnswer(
  { metrics }: Context,
  operation: string,
  { statusCode, elapsedTime }: FastifyReply,
): void {
  metrics.answered({ operation, status: statusCode, seconds: elapsedTime / 1_000 });
}

/** Admits or refuses a request before a byte of its body is read. */
async function admit(
  context: Context,
  route: AnyRoute,
  { names, side }: ApiOptions,
  request: FastifyRequest,
): Promise<void> {
  const { allow, method, area } = route;
  route.guard?.(context);
  const byCookie = request.headers.authorization === undefined;
  const misplaced =
    side === "console" ? refusalOfOrigin({ method, headers: request.headers }, names, byCookie) : undefined;
  if (misplaced !== undefined) throw new Problem(misplaced);
  request.caller = await callerOf(context, side, request);
  const isSetUp = await knowsSetUp(context);
  const agentId = (request.params as { id?: string }).id;
  const claim = { allow, caller: request.caller, isSetUp, agentId, names: scopesOf(route) };
  const refusal = refusalOf(claim);
  if (refusal !== undefined) throw new Problem(refusal);
  const isKeptElsewhere = area !== undefined && context.config.readOnly.includes(area);
  if (isKeptElsewhere && request.caller.kind === "user") throw new Problem("READ_ONLY");
}

function check(schema: TSchema | undefined, make: (schema: TSchema) => (value: unknown) => unknown) {
  return schema === undefined ? () => undefined : make(schema);
}

/** The version in `If-Match` (RFC 9110 §13.1.1), without its quotes. */
function ifMatchOf({ conditional }: AnyRoute, { headers }: FastifyRequest): string | undefined {
  const [, version] = /^"([^"]*)"$/.exec(headers["if-match"] ?? "") ?? [];
  if (conditional === true && version === undefined) throw new Problem("IF_MATCH_MISSING");
  return version;
}

function send(
  { status, answer }: AnyRoute,
  reply: FastifyReply,
  answered: Answer<unknown> | unknown,
  { secure, gone, cookies }: ApiOptions & { gone: AbortSignal | undefined; cookies: Cookies },
): unknown {
  const full = isAnswer(answered) ? answered : { body: answered };
  if (full.held !== undefined) {
    reply.hijack();
    full.held(reply.raw);
    return reply;
  }
  if (full.version !== undefined) reply.header("etag", `"${full.version}"`);
  if (full.cookie !== undefined) {
    const { value = "", maxAge = 0 } = full.cookie ?? {};
    const how = { httpOnly: true, sameSite: "strict", path: "/" } as const;
    const isByTls = secure || reply.request.sender.isByTls;
    reply.setCookie(cookies.session, value, { ...how, secure: isByTls, maxAge: Math.round(maxAge / 1_000) });
  }
  reply.headers({ "cache-control": "no-store", ...full.headers }).code(full.status ?? status);
  if (full.events !== undefined) {
    // Proxies that gather answers would have events come late.
    reply.type("text/event-stream").header("x-accel-buffering", "no");
    return Readable.from(gone === undefined ? full.events : withFarewell(full.events, gone));
  }
  if (full.text !== undefined) {
    reply.type(full.text.type);
    return full.text.body;
  }
  if (full.lines !== undefined) {
    reply.type(TYPES[full.lines.format]);
    return Readable.from(full.lines.of);
  }
  return answer === undefined || full.status === 204 ? null : full.body;
}

/** Media types of answers that come as lines. */
const TYPES = { csv: "text/csv; charset=utf-8", ndjson: "application/x-ndjson" } as const;
/** Formats by their names in `Accept`. */
const FORMATS = { "text/csv": "csv", "application/x-ndjson": "ndjson", "application/json": "json" } as const;

/** The format that the request's query names, for a link can name no other way; else the first of `Accept` that the route has. */
function formatOf({ formats = [] }: AnyRoute, { query, headers }: FastifyRequest): Format {
  const { accept = "" } = headers;
  const named = formats.find((format) => format === Object(query).format);
  if (named !== undefined) return named;
  for (const [name] of accept.matchAll(/[\w-]+\/[\w-]+/g)) {
    const format = FORMATS[name.toLowerCase() as keyof typeof FORMATS];
    if (format === "json" || (format !== undefined && formats.includes(format))) return format;
  }
  return "json";
}

/** Made for those who ask for it. It hangs on the answer: a connection may bring thousands of requests. */
function goneSignal(
  { streams }: AnyRoute,
  caller: Caller,
  { raw }: FastifyReply,
  places: StreamPlaces,
): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  const hasPlace = streams === true && caller.kind === "user";
  return hasPlace ? places.take(caller.session, gone.signal) : gone.signal;
}

function isAnswer(answered: unknown): answered is Answer<unknown> {
  return typeof answered === "object" && answered !== null && "body" in answered;
}

/** Errors of the framework in our words; anything unforeseen is ours, and says nothing of itself. */
function toProblem({ database }: Context, error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (database.dialect.isDown(error)) {
    return new Problem("UNAVAILABLE", "the database does not answer", {
      retryAfter: DATABASE_BACK,
      cause: error,
    });
  }
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return new Problem("BODY_TOO_LONG");
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return new Problem("TYPE_UNKNOWN");
  if (statusCode !== undefined && statusCode < 500) return new Problem("PARAMETER_INVALID");
  return new Problem("UNEXPECTED", undefined, { cause: error });
}

function sendProblem({ log }: Context, reply: FastifyReply, problem: Problem): unknown {
  const { status } = PROBLEMS[problem.code];
  if (status >= 500) log.error(onOneLine(`${problem.code}: ${explainError(problem.cause ?? problem)}`));
  if (problem.retryAfter !== undefined) reply.header("retry-after", problem.retryAfter);
  if (status === 401) reply.header("www-authenticate", "Bearer");
  return reply
    .code(status)
    .type("application/problem+json")
    .headers(NO_PAGE)
    .header("cache-control", "no-store")
    .send(toDocument(problem));
}
