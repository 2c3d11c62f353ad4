import { expect, test } from "vitest";
import { kindsOfAgents, words } from "../../src/console/words.ts";
import { WRONG_NUMBER } from "../support/wrongNumber.ts";

type Say = (...values: unknown[]) => unknown;

/** Every sentence that is made of values, by its place. */
function sentences(of: object, place = "words"): [string, Say][] {
  return Object.entries(of).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === "function") return [[`${place}.${name}`, value as Say] as [string, Say]];
    return typeof value === "object" && value !== null ? sentences(value, `${place}.${name}`) : [];
  });
}

test("no sentence of the page says 1 agents, or 2 agent", () => {
  const all = sentences(words);
  let tried = 0;
  for (const [place, say] of all) {
    for (const count of [0, 1, 2]) {
      try {
        const said = say(...Array.from({ length: say.length }, () => count));
        expect(String(said).replaceAll(/[*[\]]/g, ""), place).not.toMatch(WRONG_NUMBER);
        tried++;
      } catch (error) {
        // Of those that want something else than numbers nothing is said here.
        if (!(error instanceof TypeError)) throw error;
      }
    }
  }
  expect(tried).toBeGreaterThan(2 * all.length);
});

test("a source is shown with the agents of each kind where they are not the same", () => {
  expect(kindsOfAgents({ components: 6, programs: 27 }, 27)).toBe("programs for 27, components for 6");
  expect(kindsOfAgents({ components: 13, settings: 13 }, 13)).toBe("components and settings");
});
