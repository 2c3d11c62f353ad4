import type { InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agentSideRoutes } from "../../../src/server/agentSide/agentSideRoutes.ts";
import { allRoutes } from "../../../src/server/allRoutes.ts";
import { PROBLEMS } from "../../../src/server/api/problem.ts";
import { ROLES, type Role } from "../../../src/server/api/roles.ts";
import type { AnyRoute } from "../../../src/server/api/route.ts";
import { scopesOf } from "../../../src/server/api/scopes.ts";
import { databases } from "../../support/databases.ts";
import {
  asBrowser,
  asScript,
  enrolMachine,
  makeServer,
  type ServerWorld,
  sessionOf,
  tokenOf,
} from "../../support/serverWorld.ts";

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("access is what the routes say:", () => {
    let world: ServerWorld;
    let fresh: ServerWorld;
    const sessions = {} as Record<Role, string>;
    const tokens = {} as Record<Role, string>;
    let ended: string;
    /** A token of an administrator for something else than any operation. */
    let narrow: string;

    beforeAll(async () => {
      world = await makeServer(await makeUrl());
      fresh = await makeServer(await makeUrl());
      expect(await setUpWith(world, world.token)).toBe(201);
      ended = await sessionOf(world, "administrator");
      world.clock.now += 24 * 3_600_000;
      narrow = await tokenOf(world, "administrator", ["something-else"]);
      for (const role of ROLES) {
        sessions[role] = await sessionOf(world, role);
        tokens[role] = await tokenOf(world, role);
      }
    });

    const setUpWith = async ({ people }: ServerWorld, token: string) => {
      const payload = { token, user: "ada", password: "correct horse battery" };
      return (await people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }))).statusCode;
    };

    afterAll(async () => {
      await world.close();
      await fresh.close();
    });

    /** The request of a route's example. */
    function requestOf({ method, path, example }: AnyRoute, prefix = "/api/v1") {
      const {
        params = {},
        query = {},
        body,
      } = example as {
        params?: Record<string, unknown>;
        query?: Record<string, unknown>;
        body?: object;
      };
      const place = path.replaceAll(/:(\w+)/g, (_, name: string) => String(params[name]));
      const words = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
      const url = `${prefix}${place}${words.size === 0 ? "" : `?${words}`}`;
      return {
        method,
        url,
        headers: { "if-match": '"0"' },
        ...(body === undefined ? {} : { payload: body }),
      } as const;
    }

    /** Its answer; of events that go on, the head alone. */
    const inject = async ({ people }: ServerWorld, { streams }: AnyRoute, request: InjectOptions) => {
      if (streams !== true) return await people.inject(request);
      const head = await people.inject({ ...request, payloadAsStream: true });
      if (head.statusCode >= 400) return await people.inject(request);
      head.stream().destroy();
      return head;
    };

    const mayCall = ({ allow }: AnyRoute, role: Role) =>
      allow === "public" ||
      (ROLES.includes(allow as Role) && ROLES.indexOf(role) >= ROLES.indexOf(allow as Role));

    const refused = [401, 403];
    const rows = allRoutes.map((each) => [`${each.method} ${each.path}`, each] as const);

    describe("every operation of the administrators' API, by its own example,", () => {
      test.for(rows)(
        "%s is refused to nobody, to an ended session and to an unknown token, unless it is open",
        async ([, each]) => {
          const unknown = [
            asBrowser(requestOf(each)),
            asBrowser(requestOf(each), ended),
            asBrowser(requestOf(each), `${world.context.cookies.session}=not-a-session`),
            asScript(requestOf(each), "x".repeat(43)),
          ];
          for (const request of unknown) {
            const { statusCode } = await inject(world, each, request);
            if (each.allow === "public") continue;
            // The set-up is over, and is nothing that there is.
            expect(statusCode).toBe(each.allow === "set-up" ? 404 : 401);
          }
        },
      );

      test.for(rows)("%s is answered to the roles that may, and to no other", async ([, each]) => {
        for (const role of ROLES) {
          for (const request of [
            asBrowser(requestOf(each), sessions[role]),
            asScript(requestOf(each), tokens[role]),
          ]) {
            if (each.operation === "signOut") continue;
            const { statusCode, json } = await inject(world, each, request);
            if (each.allow === "set-up") expect(statusCode).toBe(404);
            else if (mayCall(each, role)) {
              if (each.operation !== "signIn") expect(refused).not.toContain(statusCode);
            } else expect([statusCode, json().code]).toEqual([403, "NOT_ALLOWED"]);
          }
        }
      });

      test.for(rows.filter(([, { allow }]) => ROLES.includes(allow as Role)))(
        "%s is refused to a token that is for something else, and answered to one that is for it",
        async ([, each]) => {
          const names = scopesOf(each);
          const other = await inject(world, each, asScript(requestOf(each), narrow));
          if (names.length === 0) return expect(refused).not.toContain(other.statusCode);
          expect([other.statusCode, other.json().code]).toEqual([403, "SCOPE_TOO_NARROW"]);
          for (const name of names) {
            const token = await tokenOf(world, "administrator", ["something-else", name]);
            const { statusCode } = await inject(world, each, asScript(requestOf(each), token));
            expect(refused).not.toContain(statusCode);
          }
          // A scope adds nothing to a role.
          if (each.allow === "viewer") return;
          const viewer = await tokenOf(world, "viewer", names);
          const { json } = await inject(world, each, asScript(requestOf(each), viewer));
          expect(json().code).toBe("NOT_ALLOWED");
        },
      );

      test.for(rows.filter(([, { method }]) => method !== "GET"))(
        "%s is refused to a page of another site, whoever is signed in",
        async ([, each]) => {
          for (const headers of [
            { "sec-fetch-site": "cross-site" },
            { "sec-fetch-site": "same-site" },
            { "sec-fetch-site": "", origin: "http://evil.example" },
          ]) {
            const request = requestOf(each);
            const { statusCode, json } = await inject(
              world,
              each,
              asBrowser({ ...request, headers: { ...request.headers, ...headers } }, sessions.administrator),
            );
            expect([statusCode, json().code]).toEqual([403, "OTHER_SITE"]);
          }
        },
      );

      test.for(rows)("%s is refused under a name that is not the server's", async ([, each]) => {
        const request = requestOf(each);
        const headers = { ...request.headers, host: "rebound.example:21110" };
        const { json } = await world.people.inject(
          asBrowser({ ...request, headers }, sessions.administrator),
        );
        expect(json().code).toBe("HOST_UNKNOWN");
      });

      test.for(rows.filter(([, { allow }]) => allow !== "set-up"))(
        "%s answers nothing before there is an administrator",
        async ([, each]) => {
          const { json } = await fresh.people.inject(asBrowser(requestOf(each)));
          expect(json().code).toBe("NOT_SET_UP");
        },
      );

      test.for(rows)(
        "%s says whatever is wrong as a problem that it is declared to have",
        async ([, each]) => {
          const answers = await Promise.all(
            [
              asScript(requestOf(each), tokens.administrator),
              asScript(
                { ...requestOf(each), payload: { nothing: "of", this: ["is", 1] } },
                tokens.administrator,
              ),
            ].map((request) => inject(world, each, request)),
          );
          for (const { statusCode, headers, json } of answers) {
            if (statusCode < 400) continue;
            const { code, status } = json();
            expect(headers["content-type"]).toContain("application/problem+json");
            expect(status).toBe(statusCode);
            expect(PROBLEMS[code as keyof typeof PROBLEMS].status).toBe(statusCode);
            expect([...each.fails, "NOT_FOUND"]).toContain(code);
          }
        },
      );
    });

    describe("every operation of the agents' side", () => {
      test.for(agentSideRoutes.map((each) => [`${each.method} ${each.path}`, each] as const))(
        "%s answers nothing before there is an administrator",
        async ([, each]) => {
          const { json } = await fresh.agents.inject(asScript(requestOf(each, "/v1")));
          expect(json().code).toBe("NOT_SET_UP");
        },
      );

      test.for(agentSideRoutes.map((each) => [`${each.method} ${each.path}`, each] as const))(
        "%s is open, or only for the very agent that the path names",
        async ([, each]) => {
          const request = requestOf(each, "/v1");
          if (each.allow === "public") return;
          expect((await world.agents.inject(asScript(request))).statusCode).toBe(401);
          expect((await world.agents.inject(asScript(request, tokens.administrator))).statusCode).toBe(401);
          const { secret } = await enrolMachine(world, tokens.operator, { name: "another" });
          expect((await world.agents.inject(asScript(request, secret))).json().code).toBe("NOT_ALLOWED");
        },
      );
    });
  });
});
