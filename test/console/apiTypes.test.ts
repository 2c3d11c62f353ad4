import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiTypes } from "../../docs/makeApiTypes.ts";

test("the page's types of the API are those that its routes make", async () => {
  for (const [file, text] of Object.entries(await apiTypes())) {
    const written = readFileSync(new URL(`../../src/console/api/${file}`, import.meta.url), "utf8");
    expect(written === text, `${file} is old: npm run console:types makes it again`).toBe(true);
  }
});
