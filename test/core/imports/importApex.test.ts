import { describe, expect, test } from "vitest";
import { KINDS } from "../../../src/core/content/kind.ts";
import { importApex, isApexExport } from "../../../src/core/imports/importApex.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";

const settings = (entries: object[]) => ({
  AllowUpdateFromOtherAU: 1,
  UpdateComponentFromServerIfOUSFailed: 1,
  UpdateSettingFromServerIfOUSFailed: "0",
  UpdateProgramFromServerIfOUSFailed: 1,
  OUSList: entries,
});
const v4 = { FromIP: "192.168.1.1", ToIP: "192.168.1.255", OUS: "http://192.168.183.141:21112/activeupdate" };
const v6 = { Prefix: "fec0:0:0:12::", Length: 64, OUS: "https://ua.corp.example:4343/activeupdate/" };

const expected = {
  mode: "customized",
  entries: [
    {
      range: "192.168.1.1-192.168.1.255",
      url: "http://192.168.183.141:21112",
      kinds: [...KINDS],
    },
    {
      range: "fec0:0:0:12::/64",
      url: "https://ua.corp.example:4343",
      kinds: [...KINDS],
    },
  ],
  serverFallback: { enabled: true, kinds: ["components", "programs"] },
};

/** Entries as the API takes them: JSON in a string each. */
const entry = (type: string, value: object, nest: (text: string) => unknown) => ({
  OUSSettingType: type,
  OUSSettingJSONString: nest(JSON.stringify(value)),
});
const twice = (text: string) =>
  JSON.stringify({ act: "cmd_deploy_update_sources", setting_data_JSON_string: text });
const both = (nest: (text: string) => unknown) =>
  JSON.stringify(settings([entry("IPv4", v4, nest), entry("IPv6", v6, nest)]));

describe("update sources of Apex Central", () => {
  test.for([
    ["the settings alone", both((text) => text)],
    ["within the request's body, each level escaped", twice(both((text) => text))],
    ["as objects, where somebody has parsed them", JSON.stringify(settings([v4, v6]))],
    ["with the inner quotes as they stand in its documentation", both((text) => text).replaceAll("\\", "")],
    ["with blanks within the address", both((text) => text).replaceAll("/activeupdate", " /activeupdate")],
  ])("are taken over: %s", ([, text = ""]) => {
    const { list } = importApex(text);
    expect(list).toEqual(expected);
    expect(parseSourceList(list).entries).toHaveLength(2);
  });

  test("whose entries are not complete are left out, and that is said", () => {
    const text = both((each) => each)
      .replace("ToIP", "Until")
      .replace("Prefix", "Net");
    const { list, remarks } = importApex(text);
    expect(list.entries.map(({ range }) => range)).toEqual(["192.168.1.1"]);
    expect(remarks).toContain("entry 2 has no range or no source, and is left out");
  });

  test("that say the standard source, and no fallback, say so here", () => {
    const text = both((each) => each)
      .replaceAll(/(Failed\\*":)\\*"?1/g, "$10")
      .replace('AU":1', 'AU":0');
    expect(importApex(text).list).toMatchObject({
      mode: "standard",
      serverFallback: { enabled: false, kinds: [] },
    });
  });

  test("are told from anything else", () => {
    expect(isApexExport("order,first,last,name,url")).toBe(false);
    expect(() => importApex("{}")).toThrow("OUSList");
  });
});
