import os from "node:os";
import { describe, expect, test } from "vitest";
import { parseAddress, privacyOf } from "../../../src/core/order/address.ts";
import { startDnsServer } from "../../support/dnsServer.ts";
import { honestly, startRawServer } from "../../support/rawServer.ts";
import { startSource } from "../../support/source.ts";
import { sharedWorld } from "../../support/world.ts";
import { type Fault, head, meet, meetUrl } from "./meet.ts";

const stage = sharedWorld();

const to = (location: string): Fault["answer"] => {
  return (socket) => socket.write(head(302, `location: ${location}`, "content-length: 0"));
};

/** Places that no redirect may lead to, wherever it comes from. */
const places = [
  ["to a file", "file:///etc/passwd"],
  ["to data", "data:application/json,{}"],
  ["to ftp", "ftp://127.0.0.1/object"],
  ["to javascript", "javascript:alert(1)"],
  ["to a scheme nobody knows", "gopher://127.0.0.1/"],
  ["to a URL with a user name", "http://user@127.0.0.1/object"],
  ["to a URL with a password", "http://user:secret@127.0.0.1/object"],
  ["to something that is no URL", "http://[::1"],
  ["to a port that is none", "http://127.0.0.1:99999/"],
  ["to no host", "http://"],
  ["nowhere", ""],
].map(
  ([name, location]): Fault => ({ name: `${name}`, code: "REDIRECT_REFUSED", answer: to(`${location}`) }),
);

const withoutLocation: Fault["answer"] = (socket) => socket.write(head(302, "content-length: 0"));

describe.concurrent("a source that", () => {
  test.for(places)("redirects an object $name is passed over", async (fault) => {
    await meet(stage.world, { ...fault, on: "object" });
  });

  test("redirects an object without saying where to is passed over", async () => {
    await meet(stage.world, {
      name: "",
      code: "REDIRECT_REFUSED",
      on: "object",
      tries: 1,
      answer: withoutLocation,
    });
  });

  test("redirects an object in a circle is asked four times, then passed over", async () => {
    await meet(stage.world, {
      name: "circle",
      code: "REDIRECT_REFUSED",
      on: "object",
      tries: 4,
      answer: (socket, { path }) => to(path)?.(socket, { path, method: "GET", headers: {}, earlier: 0 }),
    });
  });

  test.for([301, 302, 303, 307, 308])(
    "redirects metadata with %i, be it to where it is, is passed over",
    async (status) => {
      const elsewhere = await startSource(stage.world.www(2));
      const answer: Fault["answer"] = (socket, { path }) => {
        socket.write(head(status, `location: ${elsewhere.url}${path}`, "content-length: 0"));
      };
      for (const on of ["all", "timestamp"] as const) {
        await meet(stage.world, { name: `${status}`, code: "REDIRECT_REFUSED", on, tries: 1, answer });
      }
      expect(elsewhere.requests).toEqual([]);
      await elsewhere.close();
    },
  );

  test.for([300, 305, 306, 399])("answers %i, which is no redirect, is passed over", async (status) => {
    await meet(stage.world, {
      name: `${status}`,
      code: "HTTP_STATUS",
      on: "object",
      tries: 1,
      answer: (socket) => socket.write(head(status, "location: /", "content-length: 0")),
    });
  });
});

/** An address of this machine that others could reach, so that loopback is more private than it. */
const outer = Object.values(os.networkInterfaces())
  .flatMap((each) => each ?? [])
  .filter(({ internal, address }) => !internal && !address.startsWith("fe80"))
  .map(({ address }) => address)
  .find((address) => privacyOf(parseAddress(address)) < 2);

const literals = [
  "127.0.0.1",
  "127.1",
  "2130706433",
  "0x7f.1",
  "0.0.0.0",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "169.254.169.254",
  "[fe80::1]",
];

describe.skipIf(outer === undefined).concurrent("a source in a network that redirects an object", () => {
  /** Redirects objects to `host`, at the port of a server that must not be asked. */
  async function meetRedirect(host: string, config: Record<string, unknown> = {}): Promise<void> {
    const inner = await startSource(stage.world.www(2));
    const honest = honestly(stage.world.www(2));
    const source = await startRawServer({
      ...(outer === undefined ? {} : { host: outer }),
      answer: (socket, request) => {
        if (!request.path.includes("/objects/")) return honest(socket, request);
        const location = `http://${host}:${inner.port}${request.path}`;
        return socket.write(head(302, `location: ${location}`, "content-length: 0"));
      },
    });
    try {
      await meetUrl(stage.world, source.url, { code: "ADDRESS_REFUSED", config });
      expect(inner.requests).toEqual([]);
    } finally {
      await Promise.all([source.close(), inner.close()]);
    }
  }

  test.for(literals)("to %s, which is more private, is passed over", (host) => meetRedirect(host));

  test("to localhost is passed over", () => meetRedirect("localhost"));

  test("to a name that leads to this machine is passed over", async () => {
    const dns = await startDnsServer({ records: { "rebind.test": { A: ["127.0.0.1"], AAAA: ["::1"] } } });
    await meetRedirect("rebind.test", { dns: { servers: [dns.address], search: [] } });
    expect(dns.queries.map(({ name }) => name)).toContain("rebind.test");
    await dns.close();
  });
});
