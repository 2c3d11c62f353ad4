import { describe, expect, test } from "vitest";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";
import { reviewFields, reviewSourceList } from "../../../src/core/order/sourceListReview.ts";

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
      { entry: 1, remark: expect.stringContaining("lies within 10.1.0.0/16 of entries[0]") },
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

  test("an entry that asks a source for other kinds as no repetition", () => {
    const list = parseSourceList({
      entries: [
        { range: "10.1.0.0/16", url: NEAR, kinds: ["components"] },
        { range: "10.1.0.0/16", url: NEAR, kinds: ["components", "programs"] },
      ],
    });
    expect(reviewSourceList(list)).toMatchObject([
      { entry: 1, remark: expect.stringContaining("lies within 10.1.0.0/16 of entries[0]") },
    ]);
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
  const reviewed = (...entries: object[]) => {
    const written = entries.map((each) => ({ url: FAR, ...each }));
    return reviewSourceList(parseSourceList({ entries: written })).map(
      ({ entry, remark }) => `${entry}: ${remark}`,
    );
  };

  test("set entries apart that would hide or overlap", () => {
    expect(
      reviewed(
        { range: "10.0.0.0/8", except: ["10.1.0.0/16", "10.2.0.0-10.2.9.9"], url: NEAR },
        { range: "10.1.0.0/16" },
        { range: "10.2.0.0/21" },
      ),
    ).toEqual([]);
    expect(
      reviewed(
        { range: "192.168.1.0/24", dnsSuffix: "berlin.corp.example", url: NEAR },
        { range: "192.168.1.0/24", dnsSuffix: "lyon.corp.example" },
        { range: "192.168.1.0/24" },
      ),
    ).toEqual([]);
  });

  test("do not where they leave what the later one has", () => {
    const hole = { range: "10.0.0.0/8", except: ["10.1.0.0/24"], url: NEAR };
    expect(reviewed(hole, { range: "10.1.0.0/16" })).toEqual([
      "1: 10.1.0.0/16 overlaps 10.0.0.0/8 of entries[0], which is tried first",
    ]);
    expect(reviewed(hole, { range: "10.1.0.0/16", except: ["10.1.0.0-10.1.1.0"] })).toEqual([
      "1: 10.1.0.0/16 lies within 10.0.0.0/8 of entries[0], which is tried first",
    ]);
    expect(
      reviewed({ range: "10.0.0.0/8", url: NEAR }, { range: "10.1.0.0/16", dnsSuffix: "corp.example" }),
    ).toEqual(["1: 10.1.0.0/16 lies within 10.0.0.0/8 of entries[0], which is tried first"]);
  });

  test("without effect, or that leave nobody, are said", () => {
    expect(reviewed({ range: "10.1.0.0/16", except: ["10.2.0.0/16", "::/0", "10.1.2.3"] })).toEqual([
      "0: excepts 10.2.0.0/16, of which nothing is in 10.1.0.0/16",
      "0: excepts ::/0, of which nothing is in 10.1.0.0/16",
    ]);
    expect(reviewed({ range: "10.1.0.0/16", except: ["10.1.0.0/17", "10.1.128.0-10.9.9.9"] })).toEqual([
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
