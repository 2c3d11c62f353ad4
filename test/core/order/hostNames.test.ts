import { expect, test } from "vitest";
import { namesOfHost } from "../../../src/core/order/hostNames.ts";

test.each([
  ["ua", [], ["ua"]],
  ["UA.", ["Corp.Example."], ["ua", "ua.corp.example"]],
  ["ua", ["berlin.example", "paris.example"], ["ua", "ua.berlin.example"]],
  ["Ua.Corp.Example", ["corp.example"], ["ua.corp.example", "ua"]],
  ["ua.corp.example.", ["other.example", "corp.example"], ["ua.corp.example"]],
  ["ua.corp.example", [], ["ua.corp.example"]],
  ["uacorp.example", ["corp.example"], ["uacorp.example"]],
  ["", ["corp.example"], []],
])("a machine called %j, whose search list is %j, goes by %j", (name, search, names) => {
  expect(namesOfHost(name, search)).toEqual(names);
});
