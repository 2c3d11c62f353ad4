import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { Secret, type TOTP, URI } from "otpauth";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databases } from "../../support/databases.ts";
import { PROGRAM } from "../../support/program.ts";
import {
  asBrowser,
  callApi,
  makeReadyServer,
  PASSWORD,
  type ServerWorld,
  sessionIn,
} from "../../support/serverWorld.ts";

const STEP = 30_000;

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("a second factor", () => {
    let world: ServerWorld;
    let token: string;
    let count = 0;
    beforeAll(async () => {
      ({ world, token } = await makeReadyServer("administrator", await makeUrl(), {
        requireSecondFactor: ["operator"],
      }));
    });
    afterAll(() => world.close());

    async function signIn(user: string, code?: string, password = PASSWORD) {
      const payload = { user, password, ...(code === undefined ? {} : { code }) };
      const answer = await world.people.inject(
        asBrowser({
          method: "POST",
          url: "/api/v1/session",
          payload,
          remoteAddress: `192.0.2.${++count % 250}`,
        }),
      );
      return { status: answer.statusCode, code: answer.json().code, cookie: sessionIn(answer) ?? "" };
    }

    const as = async (cookie: string, line: string, payload?: object) => {
      const [method, url] = line.split(" ");
      const request = { method, url: `/api/v1${url}`, ...(payload && { payload }) } as Parameters<
        typeof asBrowser
      >[0];
      const answer = await world.people.inject(asBrowser(request, cookie));
      return { status: answer.statusCode, body: answer.body === "" ? null : answer.json() };
    };

    const FACTOR = "/session/second-factor";
    const codeOf = (totp: TOTP, steps = 0) => totp.generate({ timestamp: world.clock.now + steps * STEP });

    /** A user, with a second factor that is confirmed. */
    async function enrolled(role = "viewer") {
      world.clock.now += 3_600_000;
      const user = `user ${++count}`;
      const { body } = await callApi(world, token, "POST /users", { user, password: PASSWORD, role });
      const { cookie } = await signIn(user);
      const begun = (await as(cookie, `POST ${FACTOR}`, { password: PASSWORD })).body;
      const totp = URI.parse(begun.uri) as TOTP;
      const confirmed = await as(cookie, `POST ${FACTOR}/confirm`, { code: codeOf(totp) });
      expect(confirmed.status).toBe(200);
      return {
        user,
        id: body.id,
        cookie,
        totp,
        begun,
        recoveryCodes: confirmed.body.recoveryCodes as string[],
      };
    }

    test("is asked for once it was confirmed by a code of it, by a problem of its own", async () => {
      const { user, totp, begun, cookie } = await enrolled();
      expect(Secret.fromBase32(begun.secret).hex).toBe(totp.secret.hex);
      expect([totp.issuer, totp.label]).toEqual(["Nearsource", user]);
      expect((await as(cookie, `GET ${FACTOR}`)).body).toEqual({
        state: "on",
        required: false,
        recoveryCodes: 10,
      });
      expect(await signIn(user)).toMatchObject({ status: 401, code: "SECOND_FACTOR_NEEDED" });
      expect(await signIn(user, codeOf(totp, 1), "wrong")).toMatchObject({
        status: 401,
        code: "CREDENTIALS_WRONG",
      });
      expect(await signIn(user, codeOf(totp, 1))).toMatchObject({ status: 201 });
    });

    test("takes each code once, of this step and of the ones beside it, and no older one afterwards", async () => {
      const { user, totp } = await enrolled();
      // The code that confirmed it was taken.
      expect(await signIn(user, codeOf(totp))).toMatchObject({ code: "SECOND_FACTOR_WRONG" });
      world.clock.now += 10 * STEP;
      expect(await signIn(user, codeOf(totp, 2))).toMatchObject({ code: "SECOND_FACTOR_WRONG" });
      expect(await signIn(user, codeOf(totp, -2))).toMatchObject({ code: "SECOND_FACTOR_WRONG" });
      const [one, other] = await Promise.all([signIn(user, codeOf(totp)), signIn(user, codeOf(totp))]);
      expect([one.status, other.status].toSorted()).toEqual([201, 401]);
      expect(await signIn(user, codeOf(totp, -1))).toMatchObject({ code: "SECOND_FACTOR_WRONG" });
      expect(await signIn(user, codeOf(totp, 1))).toMatchObject({ status: 201 });
    });

    test("is guessed at no faster than a password", async () => {
      const { user } = await enrolled();
      const answers = [];
      for (let guess = 0; guess < 7; guess++)
        answers.push((await signIn(user, String(100_000 + guess))).status);
      expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429]);
    });

    test("that is lost is made up for by recovery codes, each once, which is written down", async () => {
      const { user, recoveryCodes } = await enrolled();
      const [first = ""] = recoveryCodes;
      expect(await signIn(user, first.toUpperCase().replaceAll("-", " "))).toMatchObject({ status: 201 });
      expect(await signIn(user, first)).toMatchObject({ code: "SECOND_FACTOR_WRONG" });
      const [entry] = (await callApi(world, token, "GET /audit?limit=1")).body.items;
      expect(entry).toMatchObject({ actor: user, operation: "useRecoveryCode" });
    });

    test("lets in one of those who come at once with the same recovery code", async () => {
      const { user, recoveryCodes } = await enrolled();
      const code = recoveryCodes[0] ?? "";
      const answers = await Promise.all(Array.from({ length: 4 }, () => signIn(user, code)));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 401, 401, 401]);
    });

    test("is taken away by an administrator, or on the machine, and ended by its owner with the password", async () => {
      const first = await enrolled();
      expect((await callApi(world, token, `DELETE /users/${first.id}/second-factor`)).status).toBe(204);
      expect(await signIn(first.user)).toMatchObject({ status: 201 });
      const second = await enrolled();
      expect((await as(second.cookie, `POST ${FACTOR}`, { password: PASSWORD })).status).toBe(409);
      expect((await as(second.cookie, `POST ${FACTOR}/end`, { password: "wrong" })).status).toBe(422);
      expect((await as(second.cookie, `POST ${FACTOR}/end`, { password: PASSWORD })).status).toBe(204);
      expect(await signIn(second.user)).toMatchObject({ status: 201 });
      const third = await enrolled();
      await new Promise<void>((resolve, reject) => {
        const words = [PROGRAM, "server", "password", third.user, world.dir, "--reset-second-factor"];
        execFile(process.execPath, words, (error) => (error ? reject(error) : resolve())).stdin?.end(
          "a new password 1",
        );
      });
      expect(await signIn(third.user, undefined, "a new password 1")).toMatchObject({ status: 201 });
    });

    test("that a role needs is enrolled before anything else, and stays", async () => {
      const { body } = await callApi(world, token, "POST /users", {
        user: "op",
        password: PASSWORD,
        role: "operator",
      });
      const { cookie } = await signIn("op");
      expect((await as(cookie, "GET /agents")).body.code).toBe("SECOND_FACTOR_MISSING");
      expect((await as(cookie, "GET /session")).status).toBe(200);
      const totp = URI.parse((await as(cookie, `POST ${FACTOR}`, { password: PASSWORD })).body.uri) as TOTP;
      await as(cookie, `POST ${FACTOR}/confirm`, { code: codeOf(totp) });
      expect((await as(cookie, "GET /agents")).status).toBe(200);
      expect((await as(cookie, `POST ${FACTOR}/end`, { password: PASSWORD })).status).toBe(409);
      expect(body.factorAt).toBeNull();
    });

    test("is encrypted in the database, by a key in the server's folder; without that nobody is let in", async () => {
      const { user, begun, totp } = await enrolled();
      const rows = JSON.stringify(await world.context.database.db.selectFrom("users").selectAll().execute());
      expect(rows).not.toContain(begun.secret);
      expect(rows).not.toContain(totp.secret.hex);
      const key = path.join(world.dir, "keys", "second-factor.key");
      expect((await fs.stat(key)).mode & 0o777).toBe(0o600);
      await fs.rename(key, `${key}.away`);
      expect(await signIn(user, codeOf(totp, 1))).toMatchObject({ status: 503, code: "UNAVAILABLE" });
      await fs.writeFile(key, Buffer.alloc(32), { mode: 0o600 });
      expect(await signIn(user, codeOf(totp, 1))).toMatchObject({ status: 503, code: "UNAVAILABLE" });
      await fs.rename(`${key}.away`, key);
      expect(await signIn(user, codeOf(totp, 1))).toMatchObject({ status: 201 });
    });
  });
});
