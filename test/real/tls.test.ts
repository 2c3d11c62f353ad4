import { once } from "node:events";
import type { ServerOptions } from "node:https";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { startDnsServer } from "../support/dnsServer.ts";
import { startRawServer } from "../support/rawServer.ts";
import { startSource } from "../support/source.ts";
import {
  expectInstalled,
  expectTidy,
  makeAgent,
  makeWorld,
  runUpdate,
  type World,
} from "../support/world.ts";
import { type Authority, type CertificateOptions, makeAuthority, selfSigned } from "./certificates.ts";
import { head, meetUrl } from "./faults/meet.ts";

let world: World;
let trusted: Authority;
let stranger: Authority;
const before = tls.getCACertificates("default");
beforeAll(async () => {
  world = await makeWorld();
  trusted = await makeAuthority(world.folder, "Trusted by this test");
  stranger = await makeAuthority(world.folder, "Trusted by nobody");
  tls.setDefaultCACertificates([...before, trusted.cert]);
});
afterAll(async () => {
  tls.setDefaultCACertificates(before);
  await world.remove();
});

/** An agent meets a source over TLS with this certificate and these settings, then an honest one. */
async function meetTls(code: ErrorCode, certificate: ServerOptions, hasty = false): Promise<void> {
  const source = await startSource(world.www(2), { tls: certificate });
  try {
    await meetUrl(world, source.url, { code, hasty });
    expect(source.requests).toEqual([]);
  } finally {
    await source.close();
  }
}

const refused: [what: string, options: CertificateOptions][] = [
  ["expired yesterday", { from: -10, until: -1 }],
  ["is valid from tomorrow on", { from: 1, until: 10 }],
  ["is for another address", { names: "IP:127.0.0.9" }],
  ["is for a name", { names: "DNS:localhost" }],
  ["is for any name", { names: "DNS:*" }],
];

describe.concurrent("a source over TLS", () => {
  test("with a certificate of a trusted authority delivers", async () => {
    const source = await startSource(world.www(2), { tls: await trusted.issue() });
    const agent = await makeAgent(world, { sources: { secure: source.url }, installed: 1 });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "updated",
      attempts: [{ outcome: "delivered", address: "127.0.0.1" }],
    });
    await expectInstalled(agent, 2);
    await expectTidy(agent);
    await source.close();
  });

  test("by a name with a dot at its end is asked for the name without it", async () => {
    const asked: (string | false | null)[] = [];
    const certificate = await trusted.issue({ names: "DNS:ua.corp.test" });
    const source = await startSource(world.www(2), {
      tls: certificate,
      answer: ({ socket }) => {
        asked.push((socket as tls.TLSSocket).servername ?? null);
        return false;
      },
    });
    const dns = await startDnsServer({ records: { "ua.corp.test": { A: ["127.0.0.1"] } } });
    const agent = await makeAgent(world, {
      sources: { secure: `https://ua.corp.test.:${source.port}` },
      installed: 1,
      config: { dns: { servers: [dns.address], search: [] } },
    });
    const { report } = await runUpdate(agent);
    expect(report.outcome).toBe("updated");
    expect(new Set(asked)).toEqual(new Set(["ua.corp.test"]));
    await Promise.all([source.close(), dns.close()]);
  });

  test.for(refused)("whose certificate %s is passed over", async ([, options]) => {
    await meetTls("TLS_CERTIFICATE", await trusted.issue(options));
  });

  test("whose certificate an unknown authority issued is passed over", async () => {
    await meetTls("TLS_CERTIFICATE", await stranger.issue());
  });

  test("whose certificate comes with an unknown authority's own is passed over", async () => {
    const { cert, key } = await stranger.issue();
    await meetTls("TLS_CERTIFICATE", { cert: cert + stranger.cert, key });
  });

  test("whose certificate is its own authority is passed over", async () => {
    await meetTls("TLS_CERTIFICATE", await selfSigned(world.folder));
  });

  test("that speaks nothing above TLS 1.1 is passed over", async () => {
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    const certificate = { ...(await trusted.issue()), ...old };
    await meetTls("TLS_FAILED", certificate);
    // A client that takes anything does get through to such a source, which so is one.
    const source = await startSource(world.www(2), { tls: certificate });
    const lenient = tls.connect({ port: source.port, host: "127.0.0.1", ca: trusted.cert, ...old });
    await once(lenient, "secureConnect");
    expect(lenient.getProtocol()).toBe("TLSv1.1");
    lenient.destroy();
    await source.close();
  });

  test("that shares no cipher is passed over", async () => {
    const only = { maxVersion: "TLSv1.2", ciphers: "NULL-SHA256@SECLEVEL=0" } as const;
    await meetTls("TLS_FAILED", { ...(await trusted.issue()), ...only });
  });

  test("that wants a certificate of the agent is passed over", async () => {
    const mutual: ServerOptions = { requestCert: true, ca: [trusted.cert], maxVersion: "TLSv1.2" };
    await meetTls("TLS_FAILED", { ...(await trusted.issue()), ...mutual });
  });
});

const secure = (url: string) => url.replace("http:", "https:");

describe.concurrent("at the port of a source over TLS,", () => {
  test("nothing that answers the handshake is passed over", async () => {
    const server = await startRawServer({ onConnection: () => true });
    await meetUrl(world, secure(server.url), { code: "CONNECTION_TIMEOUT", hasty: true });
    await server.close();
  });

  test("something that speaks plain HTTP is passed over, and never spoken to in plain", async () => {
    const said: string[] = [];
    const server = await startRawServer({
      onConnection: (socket) => {
        socket.on("data", (bytes) => {
          said.push(bytes.toString("latin1"));
          socket.end(head(400, "content-length: 0"));
        });
        return true;
      },
    });
    await meetUrl(world, secure(server.url), { code: "TLS_FAILED" });
    expect(said.join("")).not.toContain("GET ");
    await server.close();
  });

  test("something that closes in the handshake is passed over", async () => {
    const server = await startRawServer({
      onConnection: (socket) => {
        socket.once("data", () => socket.end());
        return true;
      },
    });
    await meetUrl(world, secure(server.url), { code: "CONNECTION_RESET" });
    await server.close();
  });

  test("garbage is passed over", async () => {
    const server = await startRawServer({
      onConnection: (socket) => {
        socket.once("data", () => socket.write(Buffer.alloc(1_000, 0xee)));
        return true;
      },
    });
    await meetUrl(world, secure(server.url), { code: "TLS_FAILED" });
    await server.close();
  });
});

describe.concurrent("a name over TLS", () => {
  /** Starts a source with a certificate for `names` that `ua.test` leads to. */
  async function named(names: string) {
    const source = await startSource(world.www(2), { tls: await trusted.issue({ names }) });
    const dns = await startDnsServer({ records: { "ua.test": { A: ["127.0.0.1"] } } });
    const close = () => Promise.all([source.close(), dns.close()]);
    const config = { dns: { servers: [dns.address], search: [] } };
    return { url: `https://ua.test:${source.port}`, config, close };
  }

  test("is checked, not the address that it leads to", async () => {
    const { url, config, close } = await named("DNS:ua.test");
    const agent = await makeAgent(world, { sources: { secure: url }, installed: 1, config });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await close();
  });

  test.for(["DNS:ub.test", "IP:127.0.0.1"])("is refused with a certificate for %s", async (names) => {
    const { url, config, close } = await named(names);
    await meetUrl(world, url, { code: "TLS_CERTIFICATE", config });
    await close();
  });
});

test("a redirect from https to http is refused, whatever it leads to", async () => {
  const plain = await startSource(world.www(2));
  const source = await startSource(world.www(2), {
    tls: await trusted.issue(),
    answer: ({ url = "" }, response) => {
      if (!url.includes("/objects/")) return false;
      response.writeHead(302, { location: `${plain.url}${url}` }).end();
      return true;
    },
  });
  await meetUrl(world, source.url, { code: "REDIRECT_REFUSED" });
  expect(plain.requests).toEqual([]);
  await Promise.all([source.close(), plain.close()]);
});

test("a redirect from http to https is followed, and the certificate there is checked", async () => {
  const good = await startSource(world.www(2), { tls: await trusted.issue() });
  const bad = await startSource(world.www(2), { tls: await stranger.issue() });
  const redirecting = (target: string) =>
    startSource(world.www(2), {
      answer: ({ url = "" }, response) => {
        if (!url.includes("/objects/")) return false;
        response.writeHead(302, { location: `${target}${url}` }).end();
        return true;
      },
    });
  const [toGood, toBad] = [await redirecting(good.url), await redirecting(bad.url)];
  await meetUrl(world, toBad.url, { code: "TLS_CERTIFICATE" });
  const agent = await makeAgent(world, { sources: { toGood: toGood.url }, installed: 1 });
  expect((await runUpdate(agent)).report.outcome).toBe("updated");
  await Promise.all([good, bad, toGood, toBad].map((each) => each.close()));
});
