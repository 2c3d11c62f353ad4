import Type from "typebox";
import { HOLD_HEADER, RUN_HEADER } from "../../core/fleet/notification/hold.ts";
import { headersForAgent } from "../access/agentBearer.ts";
import { ById, DnsSuffixes, DomainName, Id, OrNull } from "../api/parts.ts";
import { type AnyRoute, route } from "../api/route.ts";
import { renewSecret } from "../fleet/agentSecrets.ts";
import { enrolAgent, rootsForAll } from "../fleet/enrolAgent.ts";
import { takeReport } from "../fleet/takeReports.ts";
import { answerPoll } from "../notify/answerPoll.ts";

const Short = Type.String({ maxLength: 200 });
const Timestamp = Type.String({ maxLength: 40, pattern: "^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$" });
const enrol = route({
  operation: "enrol",
  method: "POST",
  path: "/enrol",
  summary: "Makes an agent of a machine",
  allow: "public",
  schemas: {
    body: Type.Object(
      {
        token: Type.Optional(Short),
        // It is shown in the audit log, in terminals and in tables.
        name: Type.String({
          minLength: 1,
          maxLength: 253,
          pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]+$",
        }),
        addresses: Type.Array(Type.String({ maxLength: 45 }), { maxItems: 64 }),
        dnsSuffixes: Type.Optional(DnsSuffixes),
        fingerprint: Type.String({ pattern: "^[0-9a-f]{64}$" }),
        program: Type.String({ maxLength: 50 }),
      },
      { additionalProperties: false },
    ),
  },
  answer: Type.Object({ id: Id, secret: Type.String(), domain: DomainName }),
  status: 201,
  example: {
    body: {
      token: "a-token",
      name: "pc-17",
      addresses: ["10.1.2.3"],
      fingerprint: "0".repeat(64),
      program: "0.1.0",
    },
  },
  fails: ["BODY_INVALID", "TOKEN_INVALID", "NOT_ALLOWED", "TOO_MANY"],
  audit: "enrolAgent",
  handle: (context, { body, address }) => enrolAgent(context, body, address),
});

/** A number that a report adds to sums, which no database keeps without an end. */
const Amount = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Kinds = Type.Array(Short, { maxItems: 10 });

const Pin = Type.Object({ version: Type.Integer(), sha256: Type.String() });

const roots = route({
  operation: "getFirstRoots",
  method: "GET",
  path: "/roots",
  summary: "Names the roots where trust starts, to machines that enrol without a token",
  allow: "public",
  schemas: {},
  answer: Type.Object({ settings: Pin, content: Type.Optional(Pin) }),
  status: 200,
  example: {},
  fails: ["NOT_ALLOWED", "UNAVAILABLE"],
  audit: "none",
  handle: (context) => rootsForAll(context),
});

const Attempt = Type.Object({
  rule: Type.Optional(Short),
  ms: Type.Optional(Amount),
  name: Type.Optional(Short),
  url: Type.String(),
  outcome: Short,
  code: Type.Optional(Short),
  bytes: Type.Optional(Type.Integer({ minimum: 0 })),
  wasted: Type.Optional(Amount),
  address: Type.Optional(Short),
  dnsMs: Type.Optional(Amount),
  connectMs: Type.Optional(Amount),
  firstByteMs: Type.Optional(Amount),
  transferMs: Type.Optional(Amount),
  servedBy: Type.Optional(Short),
});

/** `kind/name` of a component. */
const Component = Type.String({ maxLength: 150 });
const Release = Type.Integer({ minimum: 1 });

const report = route({
  operation: "putReport",
  method: "PUT",
  path: "/agents/:id/report",
  summary: "Takes the report of a run",
  allow: "agent",
  schemas: {
    params: ById,
    // An agent that is newer than the server says more than is looked at here, and all of it is kept.
    body: Type.Object({
      started: Timestamp,
      ended: Timestamp,
      trigger: Short,
      program: Short,
      port: Type.Optional(OrNull(Type.Integer({ minimum: 1, maximum: 65_535 }))),
      topic: Type.Optional(OrNull(Short)),
      hostNames: Type.Optional(Type.Array(Type.String({ maxLength: 253 }), { maxItems: 8 })),
      publicUrls: Type.Optional(Type.Array(Type.String({ maxLength: 500 }), { maxItems: 8 })),
      freeBytes: Type.Optional(Amount),
      uptime: Type.Optional(Amount),
      held: Type.Optional(Type.Object({ content: Type.Optional(Amount), settings: Type.Optional(Amount) })),
      report: Type.Optional(
        Type.Object({
          outcome: Short,
          sourceList: Type.Optional(Type.Object({ version: Amount, from: Short })),
          bytes: Type.Optional(Type.Integer({ minimum: 0 })),
          addresses: Type.Optional(Type.Array(Type.String({ maxLength: 45 }), { maxItems: 64 })),
          dnsSuffixes: Type.Optional(DnsSuffixes),
          attempts: Type.Optional(Type.Array(Attempt, { maxItems: 2_000 })),
          installed: Type.Optional(
            Type.Array(Type.Object({ bytes: Type.Optional(Amount), whole: Type.Optional(Amount) })),
          ),
          undelivered: Type.Optional(Kinds),
          uncovered: Type.Optional(Kinds),
          failure: Type.Optional(Type.Object({ code: Short })),
          components: Type.Optional(
            Type.Array(Type.Object({ component: Component, release: Release, version: Short }), {
              maxItems: 1_000,
            }),
          ),
          held: Type.Optional(
            Type.Array(
              Type.Object({
                component: Component,
                release: Release,
                reason: Short,
                stage: Type.Optional(Type.Integer()),
                from: Type.Optional(Type.Number()),
              }),
              { maxItems: 1_000 },
            ),
          ),
        }),
      ),
      failure: Type.Optional(Type.Object({ code: Short, message: Type.String() })),
    }),
  },
  status: 204,
  example: {
    params: { id: "some-agent" },
    body: {
      started: "2026-11-25T12:00:00.000Z",
      ended: "2026-11-25T12:00:02.000Z",
      trigger: "schedule",
      program: "0.1.0",
      report: { outcome: "updated", bytes: 20_110 },
    },
  },
  fails: ["BODY_INVALID", "NOT_SIGNED_IN", "NOT_ALLOWED", "TOO_MANY"],
  audit: "none",
  guard: ({ reports }) => reports.refuseIfBusy(),
  handle: async (context, { params, body, address, caller }) => {
    await takeReport(context, params.id, body, address);
    return { body: undefined, headers: headersForAgent(caller) };
  },
});

/** Version of a timestamp that an agent holds; 0 for none, absent for a repository that it does not follow. */
const Version = Type.Optional(Type.Integer({ minimum: 0 }));

const poll = route({
  operation: "getNotifications",
  method: "GET",
  path: "/agents/:id/notifications",
  summary: "Answers with the timestamps that are newer than these, as soon as there are some",
  allow: "agent",
  schemas: {
    params: ById,
    query: Type.Object({
      content: Version,
      settings: Version,
      /** Seconds for which the agent waits, which it had from the last answer. */
      hold: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
    }),
  },
  answer: Type.Unknown(),
  status: 200,
  example: { params: { id: "some-agent" }, query: { content: 0, settings: 0, hold: 50 } },
  fails: ["NOT_SIGNED_IN", "NOT_ALLOWED", "PARAMETER_INVALID"],
  audit: "none",
  isHeld: true,
  handle: async (context, { params, query: { hold, ...versions }, caller }) => {
    const { body, run, hold: next, held } = await answerPoll(context, { agentId: params.id, versions, hold });
    const headers = headersForAgent(caller);
    if (held !== undefined) return { body: null, held: (response) => held(response, headers) };
    const all = { ...headers, [HOLD_HEADER]: String(next) };
    return run === true
      ? { body, status: 204, headers: { ...all, [RUN_HEADER]: "now" } }
      : { body, headers: all };
  },
});

const secret = route({
  operation: "renewSecret",
  method: "POST",
  path: "/agents/:id/secret",
  summary: "Gives an agent another secret; the one before is good until this one was used",
  allow: "agent",
  schemas: { params: ById },
  answer: Type.Object({ secret: Type.String() }),
  status: 200,
  example: { params: { id: "some-agent" } },
  fails: ["NOT_SIGNED_IN", "NOT_ALLOWED", "PARAMETER_INVALID"],
  audit: "none",
  handle: (context, { params }) => renewSecret(context, params.id),
});

/** Operations for agents, besides the trees. */
export const agentSideRoutes: readonly AnyRoute[] = [enrol, roots, report, poll, secret];
