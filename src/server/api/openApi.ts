import { VERSION } from "../../version.ts";
import { PROBLEMS } from "./problem.ts";
import type { Allow } from "./roles.ts";
import type { AnyRoute } from "./route.ts";
import { scopesOf } from "./scopes.ts";

interface Side {
  title: string;
  /** Name of the session's cookie, where it is known: it differs from server to server. */
  cookie?: string;
  prefix: string;
  routes: readonly AnyRoute[];
}

/** The OpenAPI 3.1 document of some routes: TypeBox's schemas are JSON Schema, and need no translation. */
export function openApi({
  title,
  prefix,
  routes,
  cookie = "nearsource-session-…",
}: Side): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const place = prefix + route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[place] = { ...paths[place], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title, version: VERSION },
    paths,
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: cookie },
        token: { type: "http", scheme: "bearer" },
      },
      schemas: { Problem: PROBLEM },
    },
  };
}

/** A problem document (RFC 9457). */
const PROBLEM = {
  type: "object",
  required: ["type", "title", "status", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { enum: Object.keys(PROBLEMS) },
    detail: { type: "string" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "message"],
        properties: { field: { type: "string" }, message: { type: "string" } },
      },
    },
  },
};

function operationOf(route: AnyRoute): Record<string, unknown> {
  const { operation, summary, schemas, answer, status, allow, example } = route;
  const type = route.text ?? (route.streams === true ? "text/event-stream" : "application/json");
  const lines = Object.fromEntries(
    (route.formats ?? []).map((format: "csv" | "ndjson") => [
      LINE_TYPES[format],
      { schema: { type: "string" } },
    ]),
  );
  const good = answer === undefined ? {} : { content: { [type]: { schema: answer }, ...lines } };
  return {
    operationId: operation,
    summary,
    "x-roles": allow,
    "x-scopes": scopesOf(route),
    security: securityOf(allow),
    parameters: [
      ...parametersOf("path", schemas.params),
      ...parametersOf("query", schemas.query),
      ...(route.conditional === true
        ? [{ name: "If-Match", in: "header", required: true, schema: { type: "string" } }]
        : []),
    ],
    ...(schemas.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: schemas.body, example: example.body } },
          },
        }),
    responses: { [status]: { description: "done", ...good }, ...failuresOf(route) },
  };
}

function securityOf(allow: Allow): Record<string, string[]>[] {
  if (allow === "public" || allow === "set-up") return [];
  return allow === "agent" ? [{ token: [] }] : [{ session: [] }, { token: [] }];
}

interface ObjectSchema {
  properties?: Record<string, unknown>;
  required?: string[];
}

function parametersOf(place: "path" | "query", schema: ObjectSchema | undefined) {
  return Object.entries(schema?.properties ?? {}).map(([name, each]) => ({
    name,
    in: place,
    required: place === "path" || schema?.required?.includes(name) === true,
    schema: each,
  }));
}

/** Media types of answers that come as lines. */
const LINE_TYPES = { csv: "text/csv", ndjson: "application/x-ndjson" };

/** Problems by status: several codes may share one. */
function failuresOf({ fails }: AnyRoute): Record<string, unknown> {
  const byStatus = Map.groupBy(fails, (code: keyof typeof PROBLEMS) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.join(", "),
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  );
}
