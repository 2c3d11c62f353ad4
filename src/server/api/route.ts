import type { ServerResponse } from "node:http";
import type { Static, TSchema } from "typebox";
import type { Context } from "../context.ts";
import type { ProblemCode } from "./problem.ts";
import type { Allow, Area, Caller } from "./roles.ts";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Formats of an answer: JSON is that of every one. */
export type Format = "json" | "csv" | "ndjson";

/** Checked parts of a request, which is all that a handler is given of it. */
export interface Asked<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  caller: Caller;
  /** Of the connection, or as a proxy that is believed says. */
  address: string;
  /** The version that `If-Match` names, for routes that take one. */
  ifMatch: string | undefined;
  userAgent: string;
  cookies: Record<string, string | undefined>;
  /** The format that its `Accept` prefers, of those that the route has. */
  format: Format;
  /** Aborts when whoever asked has hung up, or the server stops. */
  gone: AbortSignal;
}

/** Answer of a handler that is more than a body. */
export interface Answer<Body> {
  body: Body;
  /** The version of what is answered, as its entity tag. */
  version?: string | number;
  /** Another than the route's own. */
  status?: 200 | 204 | 302;
  /** In place of the body: events (the HTML standard's `text/event-stream`), for as long as it goes on. */
  events?: AsyncIterable<string>;
  /** In place of the body, whoever answers by and by: nothing else of the request is kept meanwhile. */
  held?: (response: ServerResponse) => void;
  /** In place of the body: lines of CSV (RFC 4180), or of JSON. */
  lines?: { format: Exclude<Format, "json">; of: AsyncIterable<string> };
  /** In place of the body: a text of a type of its own. */
  text?: { type: string; body: string };
  /** Further header fields. */
  headers?: Record<string, string>;
  /** The value of a session cookie to set; null to take it away. */
  cookie?: { value: string; maxAge: number } | null;
}

export interface RouteSchemas {
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
}

type Of<Schema> = Schema extends TSchema ? Static<Schema> : undefined;

/**
 * One operation of the API, as plain values: who may call it, what it takes, what it answers, how it fails.
 * Routing, refusals, OpenAPI and tests all come from these.
 */
export interface Route<Schemas extends RouteSchemas = RouteSchemas, Good extends TSchema = TSchema> {
  /** A stable name, `listAgents`. */
  operation: string;
  method: Method;
  /** Below the API's root, such as `/agents/:id`. */
  path: string;
  summary: string;
  allow: Allow;
  schemas: Schemas;
  /** The body of the good answer; absent for one without. */
  answer?: Good;
  status: 200 | 201 | 202 | 204;
  /** Values that pass the schemas. */
  example: { [Part in keyof Schemas]: Of<Schemas[Part]> };
  fails: ProblemCode[];
  /** Written to the audit log when it succeeds; `none` for what changes nothing. */
  audit: string;
  /** It changes one version of something: `If-Match` is needed. */
  conditional?: boolean;
  /** The part of the settings that it changes, which `readOnly` of server.json keeps from people in the console. */
  area?: Area;
  /** It answers in these formats too, where `Accept` says so. */
  formats?: readonly Exclude<Format, "json">[];
  /** Word that a token's scope names it by, in place of the first word of its path; `any` for every token. */
  scope?: string;
  /** It answers with text of this media type. */
  text?: string;
  /** Its answer may wait for something to happen. */
  isHeld?: boolean;
  /** Refuses by throwing before anything is read, the caller's name included, for what may come in floods. */
  guard?: (context: Context) => void;
  /** It answers with events. */
  streams?: boolean;
  handle(
    context: Context,
    asked: Asked<Of<Schemas["params"]>, Of<Schemas["query"]>, Of<Schemas["body"]>>,
  ): Promise<Answer<Of<Good>> | Of<Good>>;
}

/** Any route, for lists of them. */
// biome-ignore lint/suspicious/noExplicitAny: each has schemas of its own, which its handler alone sees
export type AnyRoute = Route<any, any>;

/** Declares a route: its handler's arguments have the types of its schemas. */
export function route<Schemas extends RouteSchemas, Good extends TSchema>(
  declared: Route<Schemas, Good>,
): Route<Schemas, Good> {
  return declared;
}
