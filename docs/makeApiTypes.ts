import { writeFileSync } from "node:fs";
import path from "node:path";
import openapiTS, { astToString } from "openapi-typescript";
import { allRoutes } from "../src/server/allRoutes.ts";
import { openApi } from "../src/server/api/openApi.ts";

/** The files that say to the page which operations there are: made of the routes, and never written by hand. */
export async function apiTypes(): Promise<Record<string, string>> {
  const document = openApi({ title: "Nearsource", prefix: "/api/v1", routes: allRoutes });
  // The generator's input type is that of a parsed document.
  const nodes = await openapiTS(document as unknown as Parameters<typeof openapiTS>[0], {
    alphabetize: true,
  });
  const roles = allRoutes.map(({ operation, allow }) => `  ${operation}: ${JSON.stringify(allow)},`);
  return {
    "apiTypes.ts": `// Made by npm run console:types.\n${astToString(nodes)}`,
    "operations.ts": [
      "// Made by npm run console:types.",
      "/** Operations of the API, each with the least role that may call it. */",
      "export const OPERATIONS = {",
      ...roles.toSorted(),
      "} as const;\n",
    ].join("\n"),
  };
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(await apiTypes())) {
    writeFileSync(path.join(import.meta.dirname, "..", "src", "console", "api", file), text);
  }
}
