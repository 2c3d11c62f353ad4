import Type from "typebox";
import { writeToken } from "../../../core/fleet/enrolmentToken.ts";
import { hashOfSecret, newId, newSecret } from "../../access/secrets.ts";
import { actorOf } from "../../api/caller.ts";
import { ById, DomainName, Id, Moment, OrNull } from "../../api/parts.ts";
import { Problem } from "../../api/problem.ts";
import { route } from "../../api/route.ts";
import { firstRoots } from "../../settings/rootPins.ts";
import { insertAudit } from "../../store/auditStore.ts";
import {
  deleteEnrolmentToken,
  insertEnrolmentToken,
  listEnrolmentTokens,
} from "../../store/people/tokenStore.ts";
import { transact } from "../../store/transaction.ts";

const Token = Type.Object({
  id: Id,
  uses: OrNull(Type.Integer()),
  used: Type.Integer(),
  domain: DomainName,
  createdBy: Type.String(),
  createdAt: Moment,
  expiresAt: OrNull(Moment),
});

const list = route({
  operation: "listEnrolmentTokens",
  method: "GET",
  path: "/enrolment-tokens",
  summary: "Lists the enrolment tokens, without their secrets",
  allow: "operator",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Token) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }) => ({ items: await listEnrolmentTokens(database.db) }),
});

const create = route({
  operation: "createEnrolmentToken",
  method: "POST",
  path: "/enrolment-tokens",
  summary: "Makes an enrolment token, which is shown this once",
  allow: "operator",
  schemas: {
    body: Type.Object(
      {
        uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
        expires: Type.Optional(Moment),
        domain: Type.Optional(DomainName),
      },
      { additionalProperties: false },
    ),
  },
  answer: Type.Object({ id: Id, token: Type.String() }),
  status: 201,
  example: { body: { uses: 100, domain: "default" } },
  fails: ["BODY_INVALID", "REFUSED", "UNAVAILABLE"],
  audit: "createEnrolmentToken",
  handle: async ({ config, trees, database, now, random }, { body, caller, address }) => {
    const { uses = null, expires = null, domain = "default" } = body;
    const [id, secret] = [newId(random), newSecret(random)];
    const { settings, content } = await firstRoots(trees.www);
    if (settings === undefined) throw new Problem("UNAVAILABLE", "the settings repository has no root");
    const pins = { settings, content };
    await transact(database.db, async (tx) => {
      const known = await tx
        .selectFrom("domains")
        .select("name")
        .where("name", "=", domain)
        .executeTakeFirst();
      if (known === undefined) throw new Problem("REFUSED", `there is no domain ${domain}`);
      const createdBy = actorOf(caller);
      const row = { id, uses, domain, createdBy, createdAt: now(), expiresAt: expires };
      await insertEnrolmentToken(tx, { ...row, hash: hashOfSecret(secret) });
      await insertAudit(tx, {
        at: now(),
        actor: createdBy,
        address,
        operation: "createEnrolmentToken",
        subject: id,
        detail: { uses, domain },
      });
    });
    return { id, token: writeToken({ ...pins, secret, insecure: config.insecure }) };
  },
});

const remove = route({
  operation: "deleteEnrolmentToken",
  method: "DELETE",
  path: "/enrolment-tokens/:id",
  summary: "Takes an enrolment token back",
  allow: "operator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-token" } },
  fails: ["NOT_FOUND"],
  audit: "deleteEnrolmentToken",
  handle: async ({ database, now }, { params, caller, address }) => {
    await transact(database.db, async (tx) => {
      if (!(await deleteEnrolmentToken(tx, params.id))) throw new Problem("NOT_FOUND");
      await insertAudit(tx, {
        at: now(),
        actor: actorOf(caller),
        address,
        operation: "deleteEnrolmentToken",
        subject: params.id,
        detail: null,
      });
    });
    return { body: undefined };
  },
});

export const enrolmentRoutes = [list, create, remove];
