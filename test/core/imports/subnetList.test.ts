import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRows, rowsOfObjects } from "../../../src/core/imports/rows.ts";
import { readSiteMap } from "../../../src/core/imports/siteMap.ts";
import { listOfSubnets } from "../../../src/core/imports/subnetList.ts";
import {
  readAdSubnets,
  readNetboxAnswer,
  readNetboxTable,
  type Subnets,
} from "../../../src/core/imports/subnets.ts";
import { formatAddress, parseAddress, rangeContains } from "../../../src/core/order/address.ts";
import { isForAddress } from "../../../src/core/order/entryMatch.ts";
import { parseSourceList, withRequires } from "../../../src/core/order/sourceList.ts";

const FOLDER = path.join(import.meta.dirname, "..", "..", "..", "fixtures", "imports");
const read = (file: string, encoding: BufferEncoding = "utf8") =>
  readFileSync(path.join(FOLDER, file), encoding);
const SITES = readSiteMap(read("sites.csv"));

/** Each entry as its range, what it excepts, and where it leads. */
const shown = (subnets: Subnets, map = SITES) =>
  listOfSubnets(subnets, map).list.entries.map(
    ({ range, except, name }) =>
      `${range}${except === undefined ? "" : ` less ${except.join(" ")}`}: ${name}`,
  );

describe("subnets of Active Directory", () => {
  const subnets = readAdSubnets(readRows(read("ad-subnets.csv")));

  test("are a list, the most specific first, without what is of sites that go nowhere", () => {
    expect(shown(subnets)).toEqual([
      "10.1.9.0/24: ua-lyon",
      "10.1.0.0/16 less 10.1.7.0/24: ua-berlin",
      "10.1.0.0/16 less 10.1.7.0/24: ua-berlin-2",
      "10.0.0.0/8 less 10.1.7.0/24: ua-hq",
      "2001:db8:1::/48: ua-berlin",
      "2001:db8:1::/48: ua-berlin-2",
    ]);
  });

  test("that were left out are said, and rows of the map that nothing is of", () => {
    expect(listOfSubnets(subnets, SITES).remarks).toEqual([
      "line 8 is left out: 172.16.0.0/12 has no site",
      expect.stringContaining('line 9 is left out: "10.1.3.0/24'),
      "the site Berlin, Lab has no row in the map: agents in 10.1.7.0/24 go to the server",
      "line 6 of the map has no effect: no subnet is of the site rome",
    ]);
  });

  test("are read from what a German Excel writes, and from JSON", () => {
    const german = readAdSubnets(readRows(read("ad-subnets-german.csv", "latin1")));
    expect(german.subnets).toMatchObject([{ text: "10.1.0.0/16", sites: ["Köln"] }]);
    const json = rowsOfObjects([{ Name: "10.1.0.0/16", Site: "CN=Berlin,CN=Sites", Location: null }]);
    expect(readAdSubnets(json).subnets).toMatchObject([{ text: "10.1.0.0/16", sites: ["Berlin"] }]);
  });
});

describe("prefixes of NetBox", () => {
  test("are read from its table: reserved ones, regions and second VRFs are left out", () => {
    const subnets = readNetboxTable(readRows(read("netbox-prefixes.csv")));
    const map = [
      ...SITES,
      ...readSiteMap("tag,name,url\nUA-Lyon,ua-lyon,http://ua-lyon.corp.example:21112\n"),
    ];
    expect(shown(subnets, map)).toEqual([
      "10.1.9.0/24: ua-lyon",
      "10.1.0.0/16: ua-berlin",
      "10.1.0.0/16: ua-berlin-2",
      "10.2.0.0/16: ua-lyon",
    ]);
    expect(subnets.remarks).toEqual([
      "line 4 is left out: 10.1.10.0/24 is reserved",
      "line 6 is left out: 10.1.0.0/16 is there already, of Berlin",
    ]);
  });

  test("are read from its API by name or slug, and that there are more pages is said", () => {
    const subnets = readNetboxAnswer(JSON.parse(read("netbox-prefixes.json")));
    expect(shown(subnets)).toEqual([
      "10.1.9.0/24: ua-lyon",
      "10.1.0.0/16: ua-berlin",
      "10.1.0.0/16: ua-berlin-2",
    ]);
    expect(subnets.remarks).toEqual([
      "it has 4 of 120 prefixes: ask NetBox for all of them, with ?limit=0",
      "prefix 4 is left out: 10.4.0.0/16 is deprecated",
    ]);
  });
});

describe("the map of sites", () => {
  test.for([
    ["site,url,speed\nBerlin,http://ua,3", 'the column "speed" is not known'],
    ["site,name\nBerlin,ua", 'it has no column "url"'],
    ["site,tag,url\n,,http://ua", 'line 2: it needs either "site" or "tag"'],
    ["site,url,kinds\nBerlin,http://ua,patterns", 'line 2: "patterns" is no kind'],
  ])("is refused where it cannot be read: %j", ([text = "", reason = ""]) => {
    expect(() => readSiteMap(text)).toThrow(reason);
  });

  test("may have a row for all other sites", () => {
    const map = readSiteMap("site;name;url\r\n*;ua-any;http://ua-any.example\r\n");
    const subnets = readAdSubnets(readRows("Name,Site\n10.1.0.0/16,Oslo"));
    expect(shown(subnets, map)).toEqual(["10.1.0.0/16: ua-any"]);
  });
});

test("more exceptions than an entry may have become ranges of their own", () => {
  const labs = Array.from({ length: 70 }, (_, index) => `10.1.${index * 2}.0/24,Lab`);
  const subnets = readAdSubnets(readRows(["Name,Site", "10.1.0.0/16,Berlin", ...labs].join("\n")));
  const { list } = listOfSubnets(subnets, readSiteMap("site,url\nBerlin,http://ua.example"));
  expect(list.entries).toHaveLength(70);
  expect(list.entries[0]).toMatchObject({ range: "10.1.1.0-10.1.1.255" });
  parseSourceList(list);
});

test("an address goes first where its most specific subnet says, or nowhere", () => {
  const bits = fc.integer({ min: 24, max: 32 });
  const subnet = fc.tuple(fc.integer({ min: 0, max: 255 }), bits, fc.constantFrom("berlin", "lyon", "lab"));
  const map = readSiteMap("site,name,url\nberlin,berlin,http://b.example\nlyon,lyon,http://l.example");
  fc.assert(
    fc.property(fc.array(subnet, { maxLength: 12 }), (all) => {
      const lines = all.map(([last, length, site]) => `10.0.0.${last}/${length},${site}`);
      const { subnets } = readAdSubnets(readRows(["Name,Site", ...lines].join("\n")));
      const { list } = listOfSubnets({ subnets, remarks: [] }, map);
      const { entries } = parseSourceList(withRequires({ ...list }));
      for (let last = 0; last < 256; last += 3) {
        const address = parseAddress(`10.0.0.${last}`);
        const around = subnets.filter(({ range }) => rangeContains(range, address));
        const size = (text: string) => Number(text.split("/")[1]);
        const [nearest] = around.toSorted((one, other) => size(other.text) - size(one.text));
        const site = nearest?.sites[0];
        const first = entries.find((entry) => isForAddress(entry, address));
        expect(first?.name, formatAddress(address)).toBe(site === "lab" ? undefined : site);
      }
    }),
  );
});
