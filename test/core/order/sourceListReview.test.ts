import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KINDS } from "../../../src/core/content/kind.ts";
import type { Finding } from "../../../src/core/findings/findingCodes.ts";
import { parseAddress } from "../../../src/core/order/address.ts";
import { isForAddress } from "../../../src/core/order/entryMatch.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";
import * as reviewed from "../../../src/core/order/sourceListReview.ts";

/** Places and texts of findings. */
const said = (findings: Finding[]) =>
  findings.map(({ entry, message }) => (entry === null ? { remark: message } : { entry, remark: message }));
const reviewSourceList = (list: ReturnType<typeof parseSourceList>) => said(reviewed.reviewSourceList(list));
const reviewFields = (list: unknown) => said(reviewed.reviewFields(list));

const NEAR = "http://ua-berlin.corp.example:21112";
const FAR = "http://ua-munich.corp.example:21112";

/** The findings on a list of these ranges and URLs. */
function review(...entries: [range: string, url: string][]) {
  return reviewSourceList(parseSourceList({ entries: entries.map(([range, url]) => ({ range, url })) }));
}

test("a list of ranges apart has nothing odd about it", () => {
  expect(review(["10.1.0.0/16", NEAR], ["10.2.0.0/16", FAR], ["2001:db8::/32", FAR])).toEqual([]);
});

test("a list that goes from near to far has nothing odd about it", () => {
  expect(review(["10.1.2.0/24", NEAR], ["10.1.0.0/16", FAR], ["0.0.0.0/0", "http://far.test"])).toEqual([]);
});

describe("a finding names", () => {
  test("an entry whose range lies within an earlier one, which is tried first", () => {
    expect(review(["10.0.0.0/8", NEAR], ["10.1.0.0/16", FAR])).toEqual([
      { entry: 1, remark: "10.1.0.0/16 lies within 10.0.0.0/8 of entries[0], which is tried first" },
    ]);
  });

  test("an entry whose range is that of an earlier one", () => {
    expect(review(["10.1.0.0/16", NEAR], ["10.1.0.0-10.1.255.255", FAR])).toMatchObject([
      {
        entry: 1,
        remark: expect.stringContaining(
          "10.1.0.0-10.1.255.255 is the range of entries[0] too, which is tried first",
        ),
      },
    ]);
  });

  test("an entry whose range overlaps an earlier one", () => {
    expect(review(["10.1.0.0-10.1.0.99", NEAR], ["10.1.0.99-10.1.0.200", FAR])).toEqual([
      {
        entry: 1,
        remark: "10.1.0.99-10.1.0.200 overlaps 10.1.0.0-10.1.0.99 of entries[0], which is tried first",
      },
    ]);
  });

  test("the one that is overlapped in part, not the one that is contained", () => {
    const list: [string, string][] = [
      ["10.1.0.0/24", NEAR],
      ["10.1.4.0-10.1.9.255", FAR],
      ["10.1.0.0-10.1.5.255", FAR],
    ];
    expect(review(...list)).toEqual([
      {
        entry: 2,
        remark: "10.1.0.0-10.1.5.255 overlaps 10.1.4.0-10.1.9.255 of entries[1], which is tried first",
      },
    ]);
  });

  test("an entry that repeats a source for addresses it has already, rather than its range", () => {
    expect(review(["10.1.0.0/16", FAR], ["10.0.0.0/8", NEAR], ["10.1.2.0/24", `${NEAR}/`])).toMatchObject([
      { entry: 2, remark: expect.stringContaining(`repeats ${NEAR} of entries[1]`) },
    ]);
  });

  test("an entry that brings another kind as nothing odd: it is the first for that", () => {
    const list = parseSourceList({
      entries: [
        { range: "10.1.0.0/16", url: NEAR, kinds: ["components"] },
        { range: "10.1.0.0/16", url: NEAR, kinds: ["components", "programs"] },
      ],
    });
    expect(reviewSourceList(list)).toEqual([]);
  });

  test("an entry that several earlier ones hide together", () => {
    expect(review(["10.1.0.0/17", NEAR], ["10.1.128.0/17", FAR], ["10.1.0.0/16", "http://all.test"])).toEqual(
      [{ entry: 2, remark: "10.1.0.0/16 lies within entries[0], entries[1], which are tried first" }],
    );
  });

  test("neighbours, families and later entries of no entry", () => {
    expect(review(["10.1.0.0-10.1.0.99", NEAR], ["10.1.0.100-10.1.0.200", FAR])).toEqual([]);
    expect(review(["0.0.0.0/0", NEAR], ["::/0", FAR])).toEqual([]);
  });
});

describe("a finding on the list as a whole says", () => {
  test("that entries are not used in the mode standard", () => {
    const list = parseSourceList({ mode: "standard", entries: [{ range: "10.0.0.0/8", url: NEAR }] });
    expect(reviewSourceList(list)).toEqual([{ remark: "its mode is standard, so its entries are not used" }]);
    expect(reviewSourceList(parseSourceList({ mode: "standard" }))).toEqual([]);
  });

  test("that the list leads nowhere", () => {
    const list = parseSourceList({ serverFallback: { enabled: false } });
    expect(reviewSourceList(list)).toEqual([
      { remark: "it has no entries and does not fall back to the server" },
    ]);
    expect(reviewSourceList(parseSourceList({}))).toEqual([]);
  });
});

describe("a field that this program does not know", () => {
  test("is pointed out, wherever it stands", () => {
    const entry = { range: "10.0.0.0/8", url: NEAR };
    const list = {
      entires: [],
      entries: [entry, { ...entry, kind: ["settings"] }],
      serverFallback: { on: true },
    };
    expect(reviewFields(list)).toEqual([
      { remark: 'its field "entires" is not known here and has no effect (did you mean "entries"?)' },
      { remark: 'its field "serverFallback.on" is not known here and has no effect' },
      { entry: 1, remark: 'its field "kind" is not known here and has no effect (did you mean "kinds"?)' },
    ]);
  });

  test("is not found in a list that has every field there is", () => {
    const entry = { range: "10.0.0.0/8", name: "ua", url: NEAR, kinds: ["components"] };
    const serverFallback = { enabled: true, kinds: ["settings"] };
    const list = {
      version: 1,
      mode: "customized",
      entries: [entry],
      serverFallback,
      updateAgentsOnlyFromServer: true,
    };
    expect(reviewFields(list)).toEqual([]);
  });
});

describe("exceptions and search domains", () => {
  const reviewOf = (...entries: object[]) => {
    const written = entries.map((each) => ({ url: FAR, ...each }));
    return reviewed
      .reviewSourceList(parseSourceList({ entries: written }))
      .map(({ entry, message }) => `${entry}: ${message}`);
  };

  test("set entries apart that would hide or overlap", () => {
    expect(
      reviewOf(
        { range: "10.0.0.0/8", except: ["10.1.0.0/16", "10.2.0.0-10.2.9.9"], url: NEAR },
        { range: "10.1.0.0/16" },
        { range: "10.2.0.0/21" },
      ),
    ).toEqual([]);
    expect(
      reviewOf(
        { range: "192.168.1.0/24", dnsSuffix: "berlin.corp.example", url: NEAR },
        { range: "192.168.1.0/24", dnsSuffix: "lyon.corp.example" },
        { range: "192.168.1.0/24" },
      ),
    ).toEqual([]);
  });

  test("do not where they leave what the later one has", () => {
    const hole = { range: "10.0.0.0/8", except: ["10.1.0.0/24"], url: NEAR };
    expect(reviewOf(hole, { range: "10.1.0.0/16" })).toEqual([
      "1: 10.1.0.0/16 overlaps 10.0.0.0/8 of entries[0], which is tried first",
    ]);
    expect(reviewOf(hole, { range: "10.1.0.0/16", except: ["10.1.0.0-10.1.1.0"] })).toEqual([
      "1: 10.1.0.0/16 lies within 10.0.0.0/8 of entries[0], which is tried first",
    ]);
    expect(
      reviewOf({ range: "10.0.0.0/8", url: NEAR }, { range: "10.1.0.0/16", dnsSuffix: "corp.example" }),
    ).toEqual(["1: 10.1.0.0/16 lies within 10.0.0.0/8 of entries[0], which is tried first"]);
  });

  test("without effect, or that leave nobody, are said", () => {
    expect(reviewOf({ range: "10.1.0.0/16", except: ["10.2.0.0/16", "::/0", "10.1.2.3"] })).toEqual([
      "0: excepts 10.2.0.0/16, of which nothing is in 10.1.0.0/16",
      "0: excepts ::/0, of which nothing is in 10.1.0.0/16",
    ]);
    expect(reviewOf({ range: "10.1.0.0/16", except: ["10.1.0.0/17", "10.1.128.0-10.9.9.9"] })).toEqual([
      "0: excepts all of 10.1.0.0/16: it is for nobody",
    ]);
  });

  test("that the list has and does not require, or the other way round, are said of the list", () => {
    expect(reviewFields({ entries: [{ range: "10.1.0.0/16", url: NEAR, except: [] }] })).toEqual([
      {
        remark:
          'it has except, which an older agent passes over, to go where it should not: add "except" to "requires"',
      },
    ]);
    expect(reviewFields({ requires: ["dnsSuffix"], entries: [] })).toEqual([
      {
        remark: "it requires dnsSuffix and does not have it: agents that lack it refuse the list for nothing",
      },
    ]);
    expect(
      reviewFields({
        requires: ["dnsSuffix"],
        entries: [{ range: "::/0", url: NEAR, dnsSuffix: "a.example" }],
      }),
    ).toEqual([]);
  });
});

test("an entry is shadowed exactly where it is the first for no address, domain and kind: as a look at each of them says", () => {
  const octet = fc.integer({ min: 0, max: 12 });
  const address = octet.map((last) => `10.0.0.${last}`);
  const range = fc.tuple(octet, octet).map(([one, other]) => {
    return `10.0.0.${Math.min(one, other)}-10.0.0.${Math.max(one, other)}`;
  });
  const domains = ["a.example", "b.example"];
  const entry = fc.record(
    {
      range: fc.oneof(range, address),
      url: fc.constantFrom("http://a.test", "http://b.test", "http://c.test"),
      kinds: fc.subarray([...KINDS], { minLength: 1 }),
      except: fc.array(range, { maxLength: 2 }),
      dnsSuffix: fc.constantFrom(...domains),
    },
    { requiredKeys: ["range", "url", "kinds"] },
  );
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 7 }), (written) => {
      const list = parseSourceList({ entries: written });
      const places = Array.from({ length: 13 }, (_, last) => parseAddress(`10.0.0.${last}`)).flatMap((each) =>
        [undefined, ...domains].map((domain) => ({ each, domain })),
      );
      const firsts = places.flatMap(({ each, domain }) => {
        const near = [...list.entries.entries()].filter(([, { dnsSuffix, ...rest }]) => {
          return isForAddress(rest, each) && (dnsSuffix === undefined || dnsSuffix === domain);
        });
        return KINDS.map((kind) => near.find(([, { kinds }]) => kinds.includes(kind))?.[0]);
      });
      const isForSomebody = (index: number) =>
        places.some(({ each }) => {
          const { dnsSuffix: _, ...rest } = list.entries[index] as (typeof list.entries)[number];
          return isForAddress(rest, each);
        });
      const expected = [...list.entries.keys()].filter(
        (index) => isForSomebody(index) && !firsts.includes(index),
      );
      const found = reviewed
        .reviewSourceList(list)
        .filter(({ code }) => code === "ENTRY_SHADOWED" || code === "ENTRY_REPEATED")
        .map((each) => each.entry);
      expect(found).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});
