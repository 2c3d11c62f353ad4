import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KINDS } from "../../../src/core/content/kind.ts";
import { leftOutOfTable, readSourceTable, writeSourceTable } from "../../../src/core/imports/sourceTable.ts";
import { parseSourceList, type SourceListEntry } from "../../../src/core/order/sourceList.ts";

describe("a source list as a table", () => {
  test("is read in the order that it says, with what stands in quotes", () => {
    const text = [
      "order,first,last,name,url,kinds,comment",
      '2,10.2.0.0/16,,"ua-lyon, old",http://ua-lyon.corp.example:21112,components settings,',
      "1,10.1.0.1,10.1.0.99,ua-berlin,http://ua-berlin.corp.example:21112,,near the lift",
      "",
    ].join("\r\n");
    expect(readSourceTable(text).list.entries).toEqual([
      {
        range: "10.1.0.1-10.1.0.99",
        name: "ua-berlin",
        url: "http://ua-berlin.corp.example:21112",
        kinds: ["components"],
      },
      {
        range: "10.2.0.0/16",
        name: "ua-lyon, old",
        url: "http://ua-lyon.corp.example:21112",
        kinds: ["components", "settings"],
      },
    ]);
  });

  test.for([
    ["first,name\n10.0.0.1,x", 'it has no column "url"'],
    ["first,url\n,http://x", 'line 2: it needs "first" and "url"'],
    ["first,url,kinds\n10.0.0.1,http://x,patterns", 'line 2: "patterns" is no kind'],
    ['first,url\n"10.0.0.1,http://x', "unterminated"],
  ])("is refused where it cannot be read: %j", ([text = "", reason = ""]) => {
    expect(() => readSourceTable(text)).toThrow(reason);
  });

  test("comes back as it went out", () => {
    const address = fc.ipV4();
    const entry = fc.record(
      {
        range: fc.oneof(
          address,
          fc.tuple(address, fc.integer({ min: 0, max: 32 })).map((parts) => parts.join("/")),
        ),
        name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ,;"'-]{0,20}[A-Za-z0-9]$/),
        url: fc.constantFrom("http://ua.example:21112", "https://mirror.example/updates"),
        kinds: fc.subarray([...KINDS], { minLength: 1 }),
        except: fc.array(fc.oneof(address, fc.constant("10.0.0.1 - 10.0.0.9")), {
          minLength: 1,
          maxLength: 3,
        }),
        dnsSuffix: fc.constantFrom("corp.example", "berlin.corp.example"),
      },
      { requiredKeys: ["range", "url", "kinds"] },
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const list = parseSourceList({ entries });
        const { list: read } = readSourceTable(writeSourceTable(list.entries));
        const withoutBlanks = (each: SourceListEntry) => ({
          ...each,
          ...(each.except && {
            except: each.except.map((one) => ({ ...one, rangeText: one.rangeText.replaceAll(" ", "") })),
          }),
        });
        expect(parseSourceList({ entries: read.entries }).entries).toEqual(list.entries.map(withoutBlanks));
      }),
    );
  });

  test("has no cell that a spreadsheet takes for a formula", () => {
    const { entries } = parseSourceList({
      entries: [{ range: "10.0.0.1", name: "=cmd|' /C calc'!A0", url: "http://ua.example:21112" }],
    });
    expect(writeSourceTable(entries)).not.toMatch(/(^|,)"?[=+@]/m);
  });

  test("has further columns only where entries have the like, and what it cannot have is said", () => {
    const list = parseSourceList({
      entries: [{ range: "10.0.0.0/8", except: ["10.1.0.0/16", "10.2.0.1"], url: "http://ua.example:21112" }],
      serverFallback: { enabled: false },
      updateAgentsOnlyFromServer: true,
    });
    expect(writeSourceTable(list.entries)).toBe(
      "order,first,last,name,url,kinds,comment,except\n1,10.0.0.0/8,,,http://ua.example:21112,components,,10.1.0.0/16 10.2.0.1\n",
    );
    expect(leftOutOfTable(list)).toEqual([
      '"serverFallback" of the list is not in the table, which has entries alone',
      '"updateAgentsOnlyFromServer" of the list is not in the table, which has entries alone',
    ]);
  });
});
