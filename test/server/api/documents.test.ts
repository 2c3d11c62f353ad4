import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { agentSideRoutes } from "../../../src/server/agentSide/agentSideRoutes.ts";
import { allRoutes } from "../../../src/server/allRoutes.ts";
import { apiPage } from "../../../src/server/api/apiPage.ts";
import { openApi } from "../../../src/server/api/openApi.ts";

test("docs/api.md is what the routes say: npm run docs:api makes it anew", () => {
  expect(readFileSync("docs/api.md", "utf8")).toBe(apiPage(allRoutes, agentSideRoutes));
});

test("operations have names of their own, and so have the calls", () => {
  for (const routes of [allRoutes, agentSideRoutes]) {
    const names = routes.map(({ operation }) => operation);
    const calls = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(calls).size).toBe(calls.length);
  }
});

test("the OpenAPI document names every call with its roles and its problems", () => {
  const { paths } = openApi({ title: "Nearsource", prefix: "/api/v1", routes: allRoutes }) as {
    paths: Record<string, Record<string, { "x-roles": string; responses: Record<string, unknown> }>>;
  };
  for (const { method, path, allow, status } of allRoutes) {
    const operation = paths[`/api/v1${path.replaceAll(/:(\w+)/g, "{$1}")}`]?.[method.toLowerCase()];
    expect(operation?.["x-roles"]).toBe(allow);
    expect(operation?.responses).toHaveProperty(String(status));
  }
});
