import Type from "typebox";
import { openApi } from "../../api/openApi.ts";
import type { AnyRoute } from "../../api/route.ts";
import { route } from "../../api/route.ts";

/**
 * The API's own description.
 *
 * @param others all the other routes of this side
 */
export function documentRoutes(others: readonly AnyRoute[]): AnyRoute[] {
  const describe: AnyRoute = route({
    operation: "getOpenApi",
    method: "GET",
    path: "/openapi.json",
    summary: "Describes this API as OpenAPI 3.1",
    allow: "viewer",
    scope: "any",
    schemas: {},
    answer: Type.Record(Type.String(), Type.Unknown()),
    status: 200,
    example: {},
    fails: [],
    audit: "none",
    handle: async ({ cookies: { session: cookie } }) =>
      openApi({ title: "Nearsource", prefix: "/api/v1", routes: [...others, describe], cookie }),
  });
  return [describe];
}
