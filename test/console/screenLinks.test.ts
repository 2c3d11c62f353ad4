import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hrefOf, LINKS, placeOf, type ScreenName } from "../../src/console/screenLinks.ts";

const SCREENS = Object.keys(LINKS) as ScreenName[];
const text = fc
  .string({ unit: "binary-ascii", minLength: 1 })
  .filter((each) => each !== "." && each !== "..");

/** Any state of a screen: parameters of its path, and its words. */
const place = fc.constantFrom(...SCREENS).chain((screen) => {
  const { path, words } = LINKS[screen] as { path: string; words: Record<string, unknown> };
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  const params = fc.record(Object.fromEntries(names.map((name) => [name, text])));
  const said = Object.entries(words).map(([name, without]) => [name, wordLike(without)]);
  return fc.record({ screen: fc.constant(screen), params, words: fc.record(Object.fromEntries(said)) });
});

function wordLike(without: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(without)) return fc.array(fc.string({ unit: "binary-ascii" }));
  if (typeof without === "boolean") return fc.boolean();
  return typeof without === "number" ? fc.integer() : fc.string({ unit: "binary-ascii" });
}

describe("an address", () => {
  test("is read back as the screen and state that it was made of", () => {
    fc.assert(
      fc.property(place, ({ screen, params, words }) => {
        const href = hrefOf(screen as "overview", { ...words, ...params } as never);
        expect(placeOf(new URL(href, "http://localhost"))).toEqual({ screen, params, words });
      }),
    );
  });

  test("that is no screen's is none", () => {
    for (const each of ["/nothing", "/agents/", "/agents/a/b/c", "/agents/%E0%A4%A"]) {
      const place = placeOf(new URL(each, "http://localhost"));
      expect(place?.screen === "agents" || place === undefined, each).toBe(true);
    }
  });

  test.each(SCREENS)("of the screen %s is like none of another", (screen) => {
    const paths = SCREENS.filter((each) => each !== screen).map((each) => LINKS[each].path as string);
    expect(paths).not.toContain(LINKS[screen].path);
  });
});
