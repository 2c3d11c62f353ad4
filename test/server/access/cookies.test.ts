import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { databases } from "../../support/databases.ts";
import { asBrowser, makeServer, openServer, sessionIn, sessionOf } from "../../support/serverWorld.ts";
import { joinServer } from "../../support/twoServers.ts";

const WHO = { method: "GET", url: "/api/v1/session" } as const;

test("a browser that is signed in to two servers of one host is signed in to both", async () => {
  const worlds = [await makeServer(), await makeServer()];
  onTestFinished(async () => {
    for (const each of worlds) await each.close();
  });
  // As a browser has them: those of a host, whatever the port.
  const jar = new Map<string, string>();
  for (const world of worlds) {
    const [name = "", value = ""] = (await sessionOf(world, "administrator")).split("=");
    jar.set(name, value);
  }
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  for (const { people } of worlds) {
    expect((await people.inject(asBrowser(WHO, cookie))).statusCode).toBe(200);
  }
  const [first, second] = worlds;
  const left = await first?.people.inject(asBrowser({ ...WHO, method: "DELETE" }, cookie));
  expect(sessionIn(left ?? { cookies: [] })).toBe(`${first?.context.cookies.session}=`);
  expect((await second?.people.inject(asBrowser(WHO, cookie)))?.statusCode).toBe(200);
});

test.for(databases().filter(({ name }) => name === "PostgreSQL"))(
  "servers of one database are one to a browser",
  async ({ isHere, makeUrl }, { skip }) => {
    if (!isHere) skip("there is no PostgreSQL");
    const one = await makeServer(await makeUrl());
    const dir = path.join(path.dirname(one.dir), "second");
    await joinServer(one.dir, dir);
    const two = await openServer(dir, "");
    onTestFinished(async () => {
      await two.stop();
      await one.close();
    });
    const session = await sessionOf(one, "administrator");
    expect((await two.people.inject(asBrowser(WHO, session))).statusCode).toBe(200);
  },
);
