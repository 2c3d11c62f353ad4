import assert from "node:assert/strict";
import fc from "fast-check";
import { KINDS } from "../../src/core/content/kind.ts";
import { readImport } from "../../src/core/imports/readImport.ts";
import { readSiteMap } from "../../src/core/imports/siteMap.ts";
import { writeSourceTable } from "../../src/core/imports/sourceTable.ts";
import { listOfSubnets } from "../../src/core/imports/subnetList.ts";
import { parseSourceList, withRequires } from "../../src/core/order/sourceList.ts";
import { type FuzzTarget, unexpected } from "./target.ts";

const SITES = readSiteMap("site,name,url\nBerlin,ua-berlin,http://ua-berlin.example\n*,ua,http://ua.example");

/** What other systems export, and the table that says where their sites go. */
export function importTargets(): FuzzTarget[] {
  return [
    { name: "imports", json: true, made: madeExport(), check: (input) => checkImport(input.toString()) },
    { name: "site-map", json: false, made: madeTable(), check: (input) => checkMap(input.toString()) },
  ];
}

const cell = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "10.1.0.0/16",
    "10.1.2.0/24",
    "2001:db8::/32",
    "CN=Berlin,CN=Sites",
    '"',
    "Berlin",
    "active",
    "=",
  ),
);

function madeTable(): fc.Arbitrary<Buffer> {
  const names = [
    "name",
    "site",
    "prefix",
    "tags",
    "scope",
    "first",
    "last",
    "url",
    "kinds",
    "order",
    "except",
    "tag",
  ];
  const header = fc.subarray(names, { minLength: 1 });
  return fc
    .tuple(
      header,
      fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 6 }),
      fc.constantFrom(",", ";", "\t"),
    )
    .map(([columns, rows, by]) => Buffer.from([columns, ...rows].map((row) => row.join(by)).join("\r\n")));
}

function madeExport(): fc.Arbitrary<Buffer> {
  const place = fc.oneof(fc.constant(null), fc.string(), fc.record({ name: cell, slug: fc.string() }));
  const prefix = fc.record(
    {
      prefix: cell,
      site: place,
      scope: place,
      scope_type: fc.string(),
      status: place,
      tags: fc.array(place),
    },
    { requiredKeys: ["prefix"] },
  );
  const answer = fc.record({ count: fc.nat(), next: fc.option(fc.webUrl()), results: fc.array(prefix) });
  return fc.oneof(
    madeTable(),
    answer.map((value) => Buffer.from(JSON.stringify(value))),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  );
}

/** Refused with a reason of ours, and by no accident. */
function unlessRefused<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    const isAccident = [TypeError, RangeError, ReferenceError, assert.AssertionError].some(
      (each) => error instanceof each,
    );
    assert(error instanceof Error && !isAccident, unexpected(error));
    return undefined;
  }
}

/** What is taken over is a list as agents read it, or one that they refuse for a range or a URL; and a table again. */
function checkImport(text: string): boolean {
  const found = unlessRefused(() => readImport(text));
  if (found === undefined) return false;
  const { list, remarks } = "subnets" in found ? listOfSubnets(found, SITES) : found;
  for (const remark of remarks) assert(remark.length > 0);
  const parsed = unlessRefused(() => parseSourceList(withRequires({ ...list })));
  if ("subnets" in found) {
    // Subnets and the map are checked before: no entry of theirs is wrong.
    assert(parsed !== undefined || list.entries.length > 1_024);
    assert(found.subnets.length === 0 || list.entries.length > 0);
  }
  if (parsed === undefined) return true;
  for (const { kinds } of parsed.entries) assert(kinds.every((kind) => KINDS.includes(kind)));
  assert(writeSourceTable(parsed.entries).endsWith("\n"));
  return true;
}

function checkMap(text: string): boolean {
  const map = unlessRefused(() => readSiteMap(text));
  if (map === undefined) return false;
  for (const { site, tag, url } of map) assert((site === undefined) !== (tag === undefined) && url !== "");
  return true;
}
