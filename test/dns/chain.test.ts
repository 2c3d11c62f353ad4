import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress } from "../../src/core/order/address.ts";
import { type DnsAnswer, DnsAnswerError, type DnsRecord } from "../../src/dns/answer.ts";
import { type ChainStep, followChain, interleaveAddresses, startChain } from "../../src/dns/chain.ts";

const a = (owner: string, text = "192.0.2.7", ttl = 60): DnsRecord => ({
  type: "A",
  owner,
  ttl,
  address: parseAddress(text),
});

const alias = (owner: string, target: string, ttl = 60): DnsRecord => ({ type: "CNAME", owner, ttl, target });

function answer(records: DnsRecord[], more: Partial<DnsAnswer> = {}): DnsAnswer {
  return { rcode: "NOERROR", truncated: false, records, ...more };
}

/** The result of `records` for the name a. */
function follow(records: DnsRecord[], more?: Partial<DnsAnswer>): ChainStep {
  return followChain(answer(records, more), "A", startChain("a"));
}

/** Aliases from n0 to n1 and so on. */
function links(count: number): DnsRecord[] {
  return Array.from({ length: count }, (_, index) => alias(`n${index}`, `n${index + 1}`));
}

const texts = (step: ChainStep) => step.addresses.map(formatAddress);

describe("aliases", () => {
  test("are followed in whatever order they stand", () => {
    const step = follow([a("c"), alias("b", "c"), alias("a", "b")]);
    expect(step).toMatchObject({ end: "addresses", chain: { names: ["a", "b", "c"] } });
  });

  test("lead to no records of other names", () => {
    const step = follow([alias("a", "b"), a("b"), a("c", "192.0.2.66"), alias("x", "c")]);
    expect(texts(step)).toEqual(["192.0.2.7"]);
  });

  test("that the server did not look up leave the chain unfinished", () => {
    expect(follow([alias("a", "b")]).end).toBe("unfinished");
  });

  test("whose end has no address, as an SOA record says, are finished", () => {
    expect(follow([alias("a", "b")], { negativeTtl: 60 }).end).toBe("none");
  });

  test("to a name that does not exist end there", () => {
    expect(follow([alias("a", "b")], { rcode: "NXDOMAIN" }).end).toBe("no such name");
  });

  test("that lead on in the next answer are one chain with one TTL", () => {
    const first = follow([alias("a", "b", 30)]);
    const second = followChain(answer([a("b")]), "A", first.chain);
    expect(second).toMatchObject({ end: "addresses", chain: { names: ["a", "b"], ttl: 30 } });
  });

  test("in a circle are refused, within one answer and across two", () => {
    expect(() => follow([alias("a", "b"), alias("b", "a")])).toThrow(/in a circle: a to b to a/);
    expect(() => follow([alias("a", "a")])).toThrow(DnsAnswerError);
    const first = follow([alias("a", "b")]);
    expect(() => followChain(answer([alias("b", "a")]), "A", first.chain)).toThrow(/in a circle/);
  });

  test("may be eight in a row, not nine", () => {
    const eight = followChain(answer([...links(8), a("n8")]), "A", startChain("n0"));
    expect(eight.end).toBe("addresses");
    expect(() => followChain(answer([...links(9), a("n9")]), "A", startChain("n0"))).toThrow(
      /more than 8 aliases/,
    );
  });

  test("to what is no host name are refused", () => {
    expect(() => follow([alias("a", "b c")])).toThrow(/"b c" is not a host name/);
  });
});

describe("addresses", () => {
  test("hold as long as the shortest TTL on the way to them", () => {
    expect(follow([alias("a", "b", 50), a("b", "192.0.2.7", 40), a("b", "192.0.2.8", 90)]).chain.ttl).toBe(
      40,
    );
  });

  test("that nobody can live at do not count", () => {
    expect(texts(follow([a("a", "0.0.0.0"), a("a")]))).toEqual(["192.0.2.7"]);
    expect(follow([a("a", "0.0.0.0")])).toMatchObject({ end: "none", addresses: [] });
    const any: DnsRecord = { type: "AAAA", owner: "a", ttl: 60, address: parseAddress("::") };
    expect(followChain(answer([any]), "AAAA", startChain("a")).end).toBe("none");
  });

  test("are each tried once", () => {
    expect(texts(follow([a("a"), a("a")]))).toEqual(["192.0.2.7"]);
  });

  test("are at most four, IPv6 and IPv4 in turn", () => {
    const order = (...all: string[]) => interleaveAddresses(all.map(parseAddress)).map(formatAddress);
    expect(order("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2", "2001:db8::3")).toEqual(
      ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"],
    );
    expect(order("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1")).toEqual([
      "2001:db8::1",
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.3",
    ]);
    expect(order("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5")).toHaveLength(4);
  });
});
