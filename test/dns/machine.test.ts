import { promises as fs } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parseAddress } from "../../src/core/order/address.ts";
import { machineAddresses, machineName } from "../../src/dns/machine.ts";
import { newFolder } from "../support/world.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function refuse(call: "networkInterfaces" | "hostname"): void {
  vi.spyOn(os, call).mockImplementation(() => {
    throw new Error("A system error occurred: uv_interface_addresses returned Unknown system error 97");
  });
}

/** As the kernel writes it: a local address stands in both tables. */
const ROUTES = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.1.0.0/16 2 0 2
        |-- 10.1.0.0
           /16 link UNICAST
        |-- 10.1.2.3
           /32 host LOCAL
        |-- 10.1.255.255
           /32 link BROADCAST
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 10.1.2.3
        /32 host LOCAL
`;
const INET6 = `00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 04 40 00 82     eth0
`;

describe("the machine's addresses, where the system does not list its interfaces,", () => {
  test("are those that its routes lead to itself for", async () => {
    const folder = await newFolder();
    await fs.writeFile(path.join(folder, "fib_trie"), ROUTES);
    await fs.writeFile(path.join(folder, "if_inet6"), INET6);
    refuse("networkInterfaces");
    expect(machineAddresses(folder)).toEqual([
      "10.1.2.3",
      "127.0.0.1",
      "0000:0000:0000:0000:0000:0000:0000:0001",
      "fd00:0000:0000:0000:0000:0000:0000:0002",
    ]);
  });

  test.skipIf(process.platform !== "linux")("are the same as it would list", () => {
    const sorted = () =>
      machineAddresses()
        .map((each) => JSON.stringify(parseAddress(each.replace(/%.*$/, ""))))
        .sort();
    const listed = sorted();
    refuse("networkInterfaces");
    expect(sorted()).toEqual(listed);
  });

  test("are none where that is hidden too", async () => {
    refuse("networkInterfaces");
    expect(machineAddresses(await newFolder())).toEqual([]);
  });
});

test("a machine that does not say its name has none", () => {
  refuse("hostname");
  expect(machineName()).toBeUndefined();
  vi.spyOn(os, "hostname").mockReturnValue("");
  expect(machineName()).toBeUndefined();
  vi.spyOn(os, "hostname").mockReturnValue("UA-Berlin");
  expect(machineName()).toBe("ua-berlin");
});
