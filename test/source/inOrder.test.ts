import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KINDS, type Kind } from "../../src/core/content/kind.ts";
import { type ErrorCode, NearsourceError } from "../../src/errors.ts";
import { inOrder, type Tried } from "../../src/source/inOrder.ts";

interface Place {
  url: string;
  kinds: Kind[];
  /** The result of asking it: the kinds it delivers, and its failure. */
  has: Kind[];
  fails?: ErrorCode | undefined;
  throws?: boolean;
}

const FAILURES = ["HTTP_NOT_FOUND", "HASH_MISMATCH", "CONNECTION_REFUSED", "STALLED"] as const;

const places: fc.Arbitrary<Place[]> = fc.array(
  fc.record({
    url: fc.constantFrom("http://a", "http://b", "http://c"),
    kinds: fc.subarray([...KINDS]),
    has: fc.subarray([...KINDS]),
    fails: fc.option(fc.constantFrom(...FAILURES), { nil: undefined }),
    throws: fc.boolean(),
  }),
  { maxLength: 8 },
);

/** Walks, and says who was asked for what. */
async function walk(steps: Place[], needed: Set<Kind>, dead = new Map<string, ErrorCode>()) {
  const asked: { step: Place; kinds: Kind[] }[] = [];
  const passedOver: Place[] = [];
  const failed: [Place, ErrorCode[]][] = [];
  const attempt = async (step: Place, kinds: Kind[]): Promise<Tried> => {
    asked.push({ step, kinds });
    const errors = step.fails === undefined ? [] : [new NearsourceError(step.fails, "as it was told")];
    if (step.throws === true && errors[0] !== undefined) throw errors[0];
    return { delivered: kinds.filter((kind) => step.has.includes(kind)), errors };
  };
  await inOrder(steps, needed, attempt, {
    dead,
    onDead: (step) => passedOver.push(step),
    onErrors: (step, errors) => failed.push([step, errors.map(({ code }) => code)]),
  });
  return { asked, passedOver, failed, dead };
}

describe("source after source", () => {
  test("is asked in the order given, for what is still needed and it can deliver, and for nothing twice", async () => {
    await fc.assert(
      fc.asyncProperty(places, fc.subarray([...KINDS]), async (steps, wanted) => {
        const needed = new Set(wanted);
        const { asked } = await walk(steps, needed);
        const places = asked.map(({ step }) => steps.indexOf(step));
        expect(places).toEqual(places.toSorted((one, other) => one - other));
        const left = new Set(wanted);
        for (const { step, kinds } of asked) {
          expect(kinds).toEqual(step.kinds.filter((kind) => left.has(kind)));
          expect(kinds).not.toEqual([]);
          const came = step.throws === true && step.fails !== undefined ? [] : step.has;
          for (const kind of came) if (kinds.includes(kind)) left.delete(kind);
        }
        expect(needed).toEqual(left);
      }),
    );
  });

  test("is asked nothing more once it was found useless as a whole, and that is told", async () => {
    const dead: Place = { url: "http://a", kinds: ["components"], has: [], fails: "CONNECTION_REFUSED" };
    const again: Place = { url: "http://a", kinds: ["programs"], has: ["programs"] };
    const other: Place = { url: "http://b", kinds: ["components"], has: ["components"] };
    const needed = new Set<Kind>(["components", "programs"]);
    const { asked, passedOver, failed } = await walk([dead, again, other], needed);
    expect(asked.map(({ step }) => step)).toEqual([dead, other]);
    expect(passedOver).toEqual([again]);
    expect(failed).toEqual([[dead, ["CONNECTION_REFUSED"]]]);
    expect([...needed]).toEqual(["programs"]);
  });

  test("goes on after what a source threw, as after what it said", async () => {
    const thrown: Place = {
      url: "http://a",
      kinds: ["components"],
      has: [],
      fails: "HTTP_NOT_FOUND",
      throws: true,
    };
    const other: Place = { url: "http://a", kinds: ["components"], has: ["components"] };
    const needed = new Set<Kind>(["components"]);
    const { failed } = await walk([thrown, other], needed);
    expect(needed.size).toBe(0);
    expect(failed).toEqual([[thrown, ["HTTP_NOT_FOUND"]]]);
  });

  test.for(["DISK_FULL", "INTERRUPTED"] as const)("ends with what no source could mend: %s", async (code) => {
    const full: Place = { url: "http://a", kinds: ["components"], has: [], fails: code, throws: true };
    const next: Place = { url: "http://b", kinds: ["components"], has: ["components"] };
    await expect(walk([full, next], new Set<Kind>(["components"]))).rejects.toMatchObject({ code });
  });
});
