import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OwnExchange } from "../../../src/agent/channels/ownExchange.ts";
import { SILENT } from "../../../src/config/log.ts";
import { createResolver, toLookup } from "../../../src/dns/resolver.ts";
import { createExchange } from "../../../src/http/smallClient.ts";
import { openDataDir } from "../../../src/store/openDataDir.ts";
import { readIdentity, writeIdentity } from "../../../src/store/state/identity.ts";
import { databases } from "../../support/databases.ts";
import { newHome } from "../../support/repositories.ts";
import {
  asBrowser,
  asScript,
  callApi,
  enrolMachine,
  makeServer,
  PASSWORD,
  reportRun,
  type ServerWorld,
  tokenOf,
} from "../../support/serverWorld.ts";

const CHILD = path.join(import.meta.dirname, "rotateChild.ts");
const DAY = 86_400_000;

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("the secret of an agent", () => {
    let world: ServerWorld;
    let token: string;
    let server: string;
    let count = 0;

    beforeAll(async () => {
      world = await makeServer(await makeUrl(), { enrolment: "open" });
      const payload = { token: world.token, user: "ada", password: PASSWORD };
      await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
      token = await tokenOf(world, "administrator");
      server = await world.agents.listen({ host: "127.0.0.1", port: 0 });
    });
    afterAll(() => world.close());

    /** An agent with an identity on disk, and what it says to the server. */
    async function newAgent() {
      const given = await enrolMachine(world, token, { name: `pc-${++count}` });
      const dirs = await openDataDir(path.join(await newHome("agent"), "data"));
      await writeIdentity(dirs, given);
      return { ...given, dirs, home: `${server}/v1/agents/${given.id}` };
    }
    type TestAgent = Awaited<ReturnType<typeof newAgent>>;

    test("that another machine took over shows as a copy, and no name drives a terminal", async () => {
      const name = `pc-${++count}`;
      const before = await enrolMachine(world, token, { name });
      const after = await enrolMachine(world, token, { name });
      expect(after.id).toBe(before.id);
      expect(await reportRun(world, before, { outcome: "updated" })).toBe(401);
      expect((await callApi(world, token, `GET /agents/${after.id}`)).body.doubledAt).not.toBeNull();
      expect(await reportRun(world, after, { outcome: "updated" })).toBe(204);
      for (const odd of ["a\u001b[2J", "=x\n", "a\u202eb"]) {
        const payload = { name: odd, addresses: [], fingerprint: "1".repeat(64), program: "1" };
        const request = asScript({ method: "POST", url: "/v1/enrol", payload });
        expect((await world.agents.inject(request)).statusCode).toBe(400);
      }
    });

    /** One request of an agent, and the rotation that may follow. */
    async function ask({ dirs, home }: Pick<TestAgent, "dirs" | "home">): Promise<number> {
      const open = createExchange(toLookup(createResolver({})));
      const exchange = await new OwnExchange({
        exchange: open,
        dataDir: dirs.root,
        home,
        log: SILENT,
        onDomain: () => {},
      }).open();
      const request = { method: "GET", url: `${home}/notifications?settings=0`, timeout: 30_000 } as const;
      const { status } = await exchange.send({
        ...request,
        limit: 65_536,
        signal: new AbortController().signal,
      });
      await exchange.settled();
      exchange.close();
      return status;
    }

    const secretOf = async ({ dirs }: TestAgent) => (await readIdentity(dirs))?.secret;
    const isTaken = async ({ id }: TestAgent, secret = "") => {
      const request = { method: "POST", url: `/v1/agents/${id}/secret` } as const;
      return (await world.agents.inject(asScript(request, secret))).statusCode === 200;
    };

    test("is replaced when a person asks, and the old one is nothing from the first use of the new one on", async () => {
      const agent = await newAgent();
      expect((await callApi(world, token, `POST /agents/${agent.id}/rotate`)).status).toBe(204);
      expect(await ask(agent)).toBe(200);
      const fresh = await secretOf(agent);
      expect(fresh).not.toBe(agent.secret);
      expect(await ask(agent)).toBe(200);
      expect([await secretOf(agent), await isTaken(agent, agent.secret)]).toEqual([fresh, false]);
    });

    test("is replaced after its days, by itself, and not before", async () => {
      const agent = await newAgent();
      world.clock.now += 89 * DAY;
      await ask(agent);
      expect(await secretOf(agent)).toBe(agent.secret);
      world.clock.now += DAY;
      await ask(agent);
      expect(await secretOf(agent)).not.toBe(agent.secret);
      expect(await ask(agent)).toBe(200);
    });

    test("works, whenever the agent is killed while it is replaced", { timeout: 120_000 }, async () => {
      const agent = await newAgent();
      for (let n = 1; ; n++) {
        await callApi(world, token, `POST /agents/${agent.id}/rotate`);
        const child = spawn(process.execPath, [CHILD, agent.dirs.root, agent.home, String(n)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const [said, [, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
        if (signal === null) {
          expect([n > 3, said]).toEqual([true, expect.stringMatching(/ 200\n$/)]);
          break;
        }
        // Another agent process goes on with what is there: it is given a new one, and uses it.
        for (const _ of [1, 2]) expect(await ask(agent), `killed at call ${n}`).toBe(200);
      }
      const files = await fs.readdir(agent.dirs.root);
      expect(files.filter((name) => name.startsWith("identity"))).toEqual(["identity.json"]);
      expect((await fs.stat(path.join(agent.dirs.root, "identity.json"))).mode & 0o777).toBe(0o600);
    });

    test("works, whichever of the answers to the agent is lost", async () => {
      const agent = await newAgent();
      const renew = async (secret: string) =>
        (
          await world.agents.inject(
            asScript({ method: "POST", url: `/v1/agents/${agent.id}/secret` }, secret),
          )
        ).json();
      const lost = await renew(agent.secret);
      const { secret } = await renew(agent.secret);
      expect(await isTaken(agent, lost.secret)).toBe(false);
      expect(await isTaken(agent, secret)).toBe(true);
      // The second answer is lost with the state of the server: it is set back, and knows the one before.
      const { dirs } = agent;
      await writeIdentity(dirs, { id: agent.id, secret: "x".repeat(43), lastSecret: secret });
      expect(await ask(agent)).toBe(200);
    });

    test("that was copied is refused once the other machine has a new one, and it is said", async () => {
      const agent = await newAgent();
      await callApi(world, token, `POST /agents/${agent.id}/rotate`);
      const copy = { ...agent, dirs: await openDataDir(path.join(await newHome("copy"), "data")) };
      await writeIdentity(copy.dirs, { id: agent.id, secret: agent.secret });
      await ask(agent);
      await ask(agent);
      expect((await callApi(world, token, `GET /agents/${agent.id}`)).body.doubledAt).toBeNull();
      expect(await ask(copy)).toBe(401);
      expect((await callApi(world, token, `GET /agents/${agent.id}`)).body.doubledAt).toBe(world.clock.now);
      expect(await ask(agent)).toBe(200);
    });

    test("is dead at once when it is taken back, and only a token gives the machine another", async () => {
      const agent = await newAgent();
      expect((await callApi(world, token, `POST /agents/${agent.id}/revoke`)).status).toBe(204);
      expect(await ask(agent)).toBe(401);
      expect((await callApi(world, token, `POST /agents/${agent.id}/rotate`)).status).toBe(409);
      expect((await callApi(world, token, `GET /agents/${agent.id}`)).body.revokedAt).toBe(world.clock.now);
      const { fingerprint } = await world.context.database.db
        .selectFrom("agents")
        .select("fingerprint")
        .where("id", "=", agent.id)
        .executeTakeFirstOrThrow();
      const machine = { name: `pc-${count}`, addresses: [], fingerprint, program: "0.1.0" };
      const enrol = { method: "POST", url: "/v1/enrol", payload: machine } as const;
      const refused = await world.agents.inject(asScript(enrol));
      expect([refused.statusCode, refused.json().code]).toEqual([401, "TOKEN_INVALID"]);
      const again = await enrolMachine(world, token, { name: `pc-${count}` });
      expect(again.id).toBe(agent.id);
      expect(await isTaken(agent, again.secret)).toBe(true);
      expect((await callApi(world, token, `GET /agents/${agent.id}`)).body.revokedAt).toBeNull();
    });

    test("opens nothing at the administrators' side, and no API token anything at the agents'", async () => {
      const { id, secret } = await newAgent();
      const people = await world.people.inject(asScript({ method: "GET", url: "/api/v1/agents" }, secret));
      const request = { method: "GET", url: `/v1/agents/${id}/notifications` } as const;
      const agents = await world.agents.inject(asScript(request, token));
      expect([people.statusCode, agents.statusCode]).toEqual([401, 401]);
    });
  });
});
