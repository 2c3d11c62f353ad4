/** Run by bench/order.ts: prints the milliseconds that each part takes in this process. */

import { KINDS } from "../../src/core/content/kind.ts";
import { parseAddress } from "../../src/core/order/address.ts";
import { MAX_ENTRIES, parseSourceList, type SourceList } from "../../src/core/order/sourceList.ts";
import { updateOrder } from "../../src/core/order/updateOrder.ts";
import { DEFAULT_POLICY } from "../../src/core/settings/policy.ts";
import { median } from "../measure.ts";

const REPEATS = 100;

/** IPv4 and IPv6 in turn, each in a /16 or a /32 of its own. */
const addresses = Array.from({ length: 10 }, (_, index) =>
  parseAddress(index % 2 === 0 ? `10.${index}.0.1` : `2001:db${index}::1`),
);

/** The text of a list; of its ranges one in eight, or every one, holds one of the addresses. */
function listText(matching: "some" | "all"): string {
  const entries = Array.from({ length: MAX_ENTRIES }, (_, index) => {
    const own = index % 10;
    const held = own % 2 === 0 ? `10.${own}.0.0/16` : `2001:db${own}::/32`;
    const other = index % 3 === 0 ? `172.16.0.0-172.16.${index % 255}.9` : `192.168.${index % 255}.0/24`;
    return {
      range: matching === "all" || index % 8 === 0 ? held : other,
      name: `ua-${index}`,
      url: `http://ua-${index}.corp.example:21112`,
      kinds: ["components", "settings"],
    };
  });
  return JSON.stringify({ version: 1, entries, serverFallback: { enabled: true } });
}

function orderOf(list: SourceList): unknown {
  return updateOrder({
    list,
    policy: DEFAULT_POLICY,
    role: "agent",
    addresses,
    dnsSuffixes: [],
    self: { names: ["agent.corp.example"], port: 21_112 },
    server: "https://server.corp.example",
    activeUpdate: "https://updates.vendor.example",
    kinds: [...KINDS],
  });
}

/** Milliseconds of wall time, and of this thread's CPU. */
export interface Took {
  wall: number;
  cpu: number;
}

function took(work: () => unknown): Took {
  const cpuBegan = process.threadCpuUsage();
  const began = performance.now();
  work();
  const wall = performance.now() - began;
  const { user, system } = process.threadCpuUsage(cpuBegan);
  return { wall, cpu: (user + system) / 1_000 };
}

function warm(work: () => unknown): Took {
  for (let turn = 0; turn < REPEATS; turn++) work();
  const all = Array.from({ length: REPEATS }, () => took(work));
  return { wall: median(all.map(({ wall }) => wall)), cpu: median(all.map(({ cpu }) => cpu)) };
}

const text = listText("some");
const read = () => parseSourceList(JSON.parse(text));
const parse = took(read);
const some = read();
const all = parseSourceList(JSON.parse(listText("all")));
const orderFirst = took(() => orderOf(all));
const figures = {
  parse,
  parseWarm: warm(read),
  order: warm(() => orderOf(some)),
  orderAll: warm(() => orderOf(all)),
  orderFirst,
};
process.stdout.write(JSON.stringify(figures));
