import { describe, expect, test } from "vitest";
import { DocumentError } from "../../../src/core/document.ts";
import { parseRange } from "../../../src/core/order/address.ts";
import {
  MAX_ENTRIES,
  parseSourceList,
  parseSourceUrl,
  STANDARD_SOURCE,
  withRequires,
} from "../../../src/core/order/sourceList.ts";

const entry = { range: "10.1.0.0/16", url: "http://ua-berlin.corp.example:21112" };

/** The reason why the list is refused. */
function refusal(list: unknown): string {
  try {
    parseSourceList(list);
  } catch (error) {
    expect(error).toBeInstanceOf(DocumentError);
    return (error as Error).message;
  }
  return "it was accepted";
}

describe("a source list is read", () => {
  test("with every field it may have (docs/design.md §4)", () => {
    const list = parseSourceList({
      requires: ["except", "dnsSuffix"],
      version: 7,
      mode: "customized",
      entries: [
        { ...entry, name: "ua-berlin", kinds: ["components", "settings"] },
        {
          range: "10.1.0.10-10.1.0.99",
          except: ["10.1.0.20", "10.1.0.32/28"],
          dnsSuffix: "Berlin.Corp.Example.",
          url: "https://mirror.example/updates",
        },
      ],
      serverFallback: { enabled: false, kinds: ["programs", "components"] },
      updateAgentsOnlyFromServer: true,
    });
    expect(list).toEqual({
      requires: ["except", "dnsSuffix"],
      version: 7,
      mode: "customized",
      entries: [
        {
          range: parseRange("10.1.0.0/16"),
          rangeText: "10.1.0.0/16",
          name: "ua-berlin",
          url: "http://ua-berlin.corp.example:21112",
          kinds: ["settings", "components"],
        },
        {
          range: parseRange("10.1.0.10-10.1.0.99"),
          rangeText: "10.1.0.10-10.1.0.99",
          except: [
            { range: parseRange("10.1.0.20"), rangeText: "10.1.0.20" },
            { range: parseRange("10.1.0.32/28"), rangeText: "10.1.0.32/28" },
          ],
          dnsSuffix: "berlin.corp.example",
          url: "https://mirror.example/updates",
          kinds: ["components"],
        },
      ],
      serverFallback: { enabled: false, kinds: ["components", "programs"] },
      updateAgentsOnlyFromServer: true,
    });
  });

  test("with the defaults where it says nothing: customized, and the server for every kind", () => {
    expect(parseSourceList({})).toEqual({
      requires: [],
      version: 0,
      mode: "customized",
      entries: [],
      serverFallback: { enabled: true, kinds: ["settings", "components", "programs"] },
      updateAgentsOnlyFromServer: false,
    });
  });

  test("with names in any script", () => {
    const names = ["ua-berlin", "Größe 7", "東京", "مكتب", "📦 cellar"];
    const list = parseSourceList({ entries: names.map((name) => ({ ...entry, name })) });
    expect(list.entries.map(({ name }) => name)).toEqual(names);
  });

  test("with nothing ticked for the server, which is a choice", () => {
    expect(parseSourceList({ serverFallback: { kinds: [] } }).serverFallback.kinds).toEqual([]);
  });

  test("without what a newer version of it may have", () => {
    const newer = { entries: [{ ...entry, weight: 3 }], colour: "blue" };
    expect(parseSourceList(newer)).toEqual(parseSourceList({ entries: [entry] }));
  });

  test("up to its greatest length", () => {
    expect(parseSourceList({ entries: Array(MAX_ENTRIES).fill(entry) }).entries).toHaveLength(1_024);
  });
});

describe("an invalid list is refused whole, with the entry, the field and the reason:", () => {
  const withEntry = (fields: object) => ({ entries: [entry, { ...entry, ...fields }] });

  test.for([
    [null, "must be an object, not null"],
    ["a list", 'must be an object, not "a list"'],
    [[entry], "must be an object, not a list"],
    [{ version: -1 }, "version: must be 0 or more, not -1"],
    [{ version: 1.5 }, "version: must be a whole number, not 1.5"],
    [{ version: "7" }, 'version: must be a number, not "7"'],
    [{ mode: "custom" }, 'mode: must be one of "standard", "customized", not "custom"'],
    [{ entries: {} }, "entries: must be a list, not an object"],
    [{ entries: [entry, null] }, "entries[1]: must be an object, not null"],
    [{ entries: [entry, { url: entry.url }] }, "entries[1].range: is missing"],
    [{ entries: [entry, { range: entry.range }] }, "entries[1].url: is missing"],
    [
      withEntry({ range: "10.0.0.9-10.0.0.1" }),
      'entries[1].range: "10.0.0.9-10.0.0.1" ends before it begins',
    ],
    [withEntry({ range: 10 }), "entries[1].range: must be text, not 10"],
    [withEntry({ url: "ftp://mirror.example" }), "must begin with http:// or https://"],
    [withEntry({ url: "mirror.example" }), 'entries[1].url: "mirror.example" is not a URL'],
    [withEntry({ name: "" }), "entries[1].name: is empty"],
    [withEntry({ name: "a".repeat(256) }), "entries[1].name: "],
    [withEntry({ name: "two\nlines" }), "entries[1].name: has characters that cannot be shown"],
    [withEntry({ name: "\u001b[31mred" }), "entries[1].name: has characters that cannot be shown"],
    [withEntry({ name: "\u202egnp.exe" }), "entries[1].name: has characters that cannot be shown"],
    [withEntry({ name: "half \ud83d" }), "entries[1].name: has characters that cannot be shown"],
    [withEntry({ range: "10.0.0.1\u001b[2J" }), 'entries[1].range: "10.0.0.1\\u001b[2J" is not'],
    [withEntry({ kinds: [] }), "entries[1].kinds: names no kind"],
    [withEntry({ kinds: ["patterns"] }), "entries[1].kinds[0]: must be one of"],
    [withEntry({ kinds: "components" }), 'entries[1].kinds: must be a list, not "components"'],
    [withEntry({ except: "10.1.2.0/24" }), 'entries[1].except: must be a list, not "10.1.2.0/24"'],
    [
      withEntry({ except: ["10.1.2.0/33"] }),
      'entries[1].except[0]: "10.1.2.0/33" has a prefix length outside',
    ],
    [withEntry({ except: ["10.1.2.0/24", 7] }), "entries[1].except[1]: must be text, not 7"],
    [withEntry({ except: Array(65).fill("10.1.2.3") }), "entries[1].except: has more than 64 ranges"],
    [withEntry({ dnsSuffix: ".corp.example" }), 'entries[1].dnsSuffix: ".corp.example" is not a domain'],
    [withEntry({ dnsSuffix: "." }), 'entries[1].dnsSuffix: "." is not a domain'],
    [withEntry({ dnsSuffix: "*.corp.example" }), 'entries[1].dnsSuffix: "*.corp.example" is not a domain'],
    [withEntry({ dnsSuffix: ["corp.example"] }), "entries[1].dnsSuffix: must be text, not a list"],
    [{ requires: "except" }, 'requires: must be a list, not "except"'],
    [
      { requires: ["except", "weights"], entries: [{ range: { newer: true } }] },
      'requires[1]: "weights" is not known to this program; a newer one is needed for this list',
    ],
    [{ requires: Array(33).fill("except") }, "requires: has more than 32 names"],
    [{ serverFallback: true }, "serverFallback: must be an object, not true"],
    [{ serverFallback: { enabled: "yes" } }, 'serverFallback.enabled: must be true or false, not "yes"'],
    [{ serverFallback: { kinds: ["all"] } }, "serverFallback.kinds[0]: must be one of"],
    [{ updateAgentsOnlyFromServer: 1 }, "updateAgentsOnlyFromServer: must be true or false, not 1"],
  ] as const)("%j", ([list, reason]) => {
    expect(refusal(list)).toContain(reason);
  });

  test("more entries than 1,024, before any of them is looked at", () => {
    expect(refusal({ entries: Array(MAX_ENTRIES + 1).fill(null) })).toBe(
      "entries: has more than 1024 entries",
    );
  });
});

describe("the URL of a source", () => {
  test.for([
    ["http://ua-berlin.corp.example:21112/", "http://ua-berlin.corp.example:21112"],
    ["HTTP://UA-Berlin.Corp.Example:21112", "http://ua-berlin.corp.example:21112"],
    ["https://mirror.example:443/updates//", "https://mirror.example/updates"],
    ["http://mirror.example:80", "http://mirror.example"],
    ["http://[2001:DB8:0::5]:21112", "http://[2001:db8::5]:21112"],
    ["http://mirror.example/a/../b", "http://mirror.example/b"],
  ])("%s is compared as %s", ([text = "", url]) => {
    expect(parseSourceUrl(text)).toBe(url);
  });

  test.for([
    ["", "is not a URL"],
    ["//mirror.example", "is not a URL"],
    ["http://", "is not a URL"],
    ["http://mirror.example:99999", "is not a URL"],
    ["file:///srv/updates", "must begin with http:// or https://"],
    ["javascript:alert(1)", "must begin with http:// or https://"],
    ["http://mirror.example/?a=1", "must not have a query (?)"],
    ["http://mirror.example/?", "must not have a query (?)"],
    ["http://mirror.example/#top", "must not have a fragment (#)"],
    ["http://mirror.example/#", "must not have a fragment (#)"],
  ])("%s is refused: it %s", ([text = "", reason = ""]) => {
    expect(() => parseSourceUrl(text)).toThrow(reason);
  });

  test("that the parser would mend is refused, with the entry", () => {
    for (const url of ["http://010.001.002.003", "http:\\\\ua.corp.example", "http://ua.corp.example:0"])
      expect(() => parseSourceList({ entries: [{ range: "10.0.0.0/8", url }] })).toThrow(
        /^entries\[0\]\.url: /,
      );
  });

  test("is refused with credentials, which are not repeated", () => {
    expect(() => parseSourceUrl("https://me:secret@mirror.example")).toThrow(
      /^the URL of mirror.example must not carry a user name or password$/,
    );
  });
});

test("an agent without a list has the standard source", () => {
  expect(STANDARD_SOURCE).toMatchObject({ mode: "standard", entries: [], serverFallback: { enabled: true } });
});

describe("what a list requires", () => {
  test("is added where it is missing, after what was named by hand", () => {
    const list = {
      entries: [
        { ...entry, except: [] },
        { ...entry, dnsSuffix: "corp.example" },
      ],
    };
    expect(withRequires(list)).toEqual({ ...list, requires: ["except", "dnsSuffix"] });
    const named = { ...list, requires: ["dnsSuffix"] };
    expect(withRequires(named)).toEqual({ ...list, requires: ["dnsSuffix", "except"] });
  });

  test("is left as it is where nothing is missing, or the list is none", () => {
    for (const list of [{ entries: [entry] }, { requires: "all" }, { entries: 7 }, { entries: [null, 7] }])
      expect(withRequires(list)).toBe(list);
  });
});
