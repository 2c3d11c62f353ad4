import Type from "typebox";
import { pageOf, pageQuery } from "../../api/paging.ts";
import { DomainName, Id, Line, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { changeRollout } from "../../releases/changeRollout.ts";
import {
  agentsOfComponent,
  componentOf,
  listComponents,
  newestRelease,
  showComponent,
} from "../../releases/releaseView.ts";

const Count = Type.Integer({ minimum: 0 });
const Release = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

const ByComponent = Type.Object({
  kind: Type.Enum(["components", "programs"]),
  name: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$" }),
});
const EXAMPLE = { kind: "components", name: "no-such-component" } as const;

/** A part of the fleet, and how long after a release was first seen it may have it; `core/settings/rollout` says what agents take. */
const Stage = Type.Object(
  {
    domains: Type.Optional(Type.Array(DomainName, { minItems: 1, maxItems: 1_000 })),
    percent: Type.Number(),
    after: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);

const Limits = Type.Object(
  {
    share: Type.Number({ minimum: 0, maximum: 1 }),
    silence: OrNull(Type.Integer({ minimum: 1, maximum: 31_536_000_000 })),
  },
  { additionalProperties: false },
);

const Counts = Type.Object({
  agents: Count,
  installed: Count,
  failed: Count,
  unwell: Count,
  silent: Count,
  missing: Count,
  control: Type.Object({ agents: Count, silent: Count }),
});

const evidence = {
  stage: Count,
  opened: Moment,
  counts: Counts,
  bad: Count,
  of: Count,
  share: Type.Number(),
  silence: Count,
  sentence: Type.String(),
  agents: Type.Array(
    Type.Object({
      id: Id,
      name: Type.String(),
      what: Type.Enum(["failed", "unwell", "silent"]),
      code: OrNull(Type.String()),
      at: Moment,
    }),
  ),
};

const OneRelease = Type.Object({
  release: Release,
  version: Type.String(),
  seenAt: Moment,
  offered: Type.Boolean(),
  halt: OrNull(
    Type.Object({
      at: Moment,
      by: Type.String(),
      reason: Type.String(),
      evidence: OrNull(Type.Object(evidence)),
    }),
  ),
  agents: Count,
  failed: Count,
  stages: Type.Array(Moment),
});

const rollout = {
  component: Type.String(),
  stages: Type.Array(Stage),
  limits: Limits,
  pin: OrNull(Release),
  version: Count,
  author: Type.String(),
  changedAt: Moment,
};

const component = {
  ...rollout,
  kind: Type.String(),
  name: Type.String(),
  state: Type.Enum(["open", "in stages", "halted", "pinned"]),
  releases: Type.Array(OneRelease),
};

/** A change that waits for a second person, or that was decided. */
export const Proposal = Type.Object({
  id: Id,
  component: Type.String(),
  change: Type.Unknown(),
  fromVersion: Count,
  reach: Type.Number(),
  state: Type.Enum(["waiting", "approved", "rejected"]),
  author: Type.String(),
  /** The user who made it, or made the token that did. */
  authorId: OrNull(Id),
  createdAt: Moment,
  decidedBy: OrNull(Type.String()),
  decidedAt: OrNull(Moment),
});

const Changed = Type.Object({ rollout: Type.Object(rollout), proposal: OrNull(Proposal) });

const FAILS = [
  "BODY_INVALID",
  "PARAMETER_INVALID",
  "NOT_FOUND",
  "REFUSED",
  "CONFLICT",
  "CHANGED_MEANWHILE",
  "UNAVAILABLE",
] as const;

const list = route({
  operation: "listReleases",
  method: "GET",
  path: "/releases",
  summary: "Lists components with their releases, how these reach the fleet, and how many agents have which",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({
    items: Type.Array(Type.Object(component)),
    approval: OrNull(Type.Object({ share: Type.Number(), window: Type.Integer() })),
  }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async (context) => ({
    items: await listComponents(context),
    approval: context.config.approval ?? null,
  }),
});

const one = route({
  operation: "getReleases",
  method: "GET",
  path: "/releases/:kind/:name",
  summary:
    "Shows one component: who has which release, how its stages go, and on what evidence one was halted",
  allow: "viewer",
  schemas: { params: ByComponent },
  answer: Type.Object({
    ...component,
    domains: Type.Array(Type.Object({ domain: Type.String(), release: Release, agents: Count })),
    progress: Type.Array(Type.Object({ release: Release, ...evidence, wouldHalt: Type.Boolean() })),
  }),
  status: 200,
  example: { params: EXAMPLE },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { params }) => {
    const shown = await showComponent(context, componentOf(params));
    return { body: shown, version: shown.version };
  },
});

const agents = route({
  operation: "listReleaseAgents",
  method: "GET",
  path: "/releases/:kind/:name/agents",
  summary:
    "Lists agents with what they have of a component: all, those that have a release, or those at which one failed",
  allow: "viewer",
  schemas: {
    params: ByComponent,
    query: Type.Object({
      release: Type.Optional(Release),
      failed: Type.Optional(Release),
      ...pageQuery,
    }),
  },
  answer: pageOf(
    Type.Object({
      id: Id,
      name: Type.String(),
      domain: Type.String(),
      release: Release,
      version: Type.String(),
      since: Moment,
      failedRelease: OrNull(Release),
      code: OrNull(Type.String()),
      held: OrNull(
        Type.Object({
          component: Type.String(),
          release: Release,
          reason: Type.String(),
          stage: Type.Optional(Type.Integer()),
          from: Type.Optional(Type.Number()),
        }),
      ),
    }),
  ),
  status: 200,
  example: { params: EXAMPLE, query: { release: 42 } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: (context, { params, query }) => agentsOfComponent(context, componentOf(params), query),
});

const change = route({
  operation: "changeRollout",
  method: "PUT",
  path: "/releases/:kind/:name/rollout",
  summary:
    "Sets the stages of a component, and when one is halted; signed and published, or put before a second person",
  allow: "operator",
  schemas: {
    params: ByComponent,
    body: Type.Object(
      { stages: Type.Array(Stage, { maxItems: 50 }), limits: Type.Optional(Limits) },
      { additionalProperties: false },
    ),
  },
  answer: Changed,
  status: 200,
  example: { params: EXAMPLE, body: { stages: [{ percent: 100, after: 43_200_000 }] } },
  fails: [...FAILS, "IF_MATCH_MISSING"],
  audit: "changeRollout",
  conditional: true,
  handle: async (context, { params, body, ifMatch, caller, address }) => {
    const { stages, limits = { share: 0.05, silence: null } } = body;
    const wanted = { action: "stages", stages, limits } as const;
    const changed = await changeRollout(
      context,
      componentOf(params),
      wanted,
      { caller, address },
      Number(ifMatch),
    );
    return { body: changed, version: changed.rollout.version };
  },
});

const halt = route({
  operation: "haltRelease",
  method: "POST",
  path: "/releases/:kind/:name/halt",
  summary: "Halts a release, the newest by default: whoever has it keeps it, nobody else gets it",
  allow: "operator",
  schemas: {
    params: ByComponent,
    body: Type.Object(
      {
        release: Type.Optional(Release),
        reason: Type.Optional(Type.Intersect([Line, Type.String({ maxLength: 300 })])),
      },
      { additionalProperties: false },
    ),
  },
  answer: Changed,
  status: 200,
  example: { params: EXAMPLE, body: { reason: "it stops the spooler" } },
  fails: [...FAILS],
  audit: "haltRelease",
  handle: async (context, { params, body, caller, address }) => {
    const component = componentOf(params);
    const release = body.release ?? (await newestRelease(context, component));
    const wanted = { action: "halt", release, reason: body.reason ?? "" } as const;
    return await changeRollout(context, component, wanted, { caller, address });
  },
});

const resume = route({
  operation: "resumeRelease",
  method: "POST",
  path: "/releases/:kind/:name/resume",
  summary: "Lifts the halt of a release; without one, all halts and the pin",
  allow: "operator",
  schemas: {
    params: ByComponent,
    body: Type.Object({ release: Type.Optional(Release) }, { additionalProperties: false }),
  },
  answer: Changed,
  status: 200,
  example: { params: EXAMPLE, body: {} },
  fails: [...FAILS],
  audit: "resumeRelease",
  handle: async (context, { params, body, caller, address }) => {
    const wanted = { action: "resume", release: body.release ?? null } as const;
    return await changeRollout(context, componentOf(params), wanted, { caller, address });
  },
});

const rollBack = route({
  operation: "rollBackRelease",
  method: "POST",
  path: "/releases/:kind/:name/rollback",
  summary:
    "Pins a release that is still offered: every agent goes to it, and stays there until it is resumed",
  allow: "operator",
  schemas: {
    params: ByComponent,
    body: Type.Object({ release: Release }, { additionalProperties: false }),
  },
  answer: Changed,
  status: 200,
  example: { params: EXAMPLE, body: { release: 42 } },
  fails: [...FAILS],
  audit: "rollBackRelease",
  handle: async (context, { params, body, caller, address }) => {
    const wanted = { action: "pin", release: body.release } as const;
    return await changeRollout(context, componentOf(params), wanted, { caller, address });
  },
});

export const releaseRoutes = [list, one, agents, change, halt, resume, rollBack];
