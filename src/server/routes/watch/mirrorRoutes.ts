import Type from "typebox";
import { Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { refreshMirror, verifyMirror } from "../../mirror/refreshMirror.ts";

const Count = Type.Integer({ minimum: 0 });

const Mirror = Type.Object({
  source: OrNull(Type.String()),
  every: OrNull(Count),
  components: OrNull(Type.Array(Type.String())),
  verifyEvery: OrNull(Count),
  verified: OrNull(Type.Object({ at: Moment, objects: Count, damaged: Count, missing: Count })),
  isRunning: Type.Boolean(),
  looked: OrNull(
    Type.Object({ at: Moment, outcome: Type.Enum(["newer", "nothing newer", "failed"]), received: Count }),
  ),
  nextAt: OrNull(Moment),
  version: OrNull(Count),
  confirmedAt: OrNull(Moment),
  age: OrNull(Count),
  error: OrNull(Type.Object({ code: Type.String(), message: Type.String(), at: Moment })),
  objects: Count,
  bytes: Count,
  absent: Count,
  filling: OrNull(Type.Object({ received: Count, needed: Count })),
  received: Count,
});

const get = route({
  operation: "getMirror",
  method: "GET",
  path: "/mirror",
  summary: "Says how new the vendor's content is here, what of it is held, and why it is not newer",
  allow: "viewer",
  schemas: {},
  answer: Mirror,
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ mirror }) => mirror.state(),
});

const refresh = route({
  operation: "refreshMirror",
  method: "POST",
  path: "/mirror/refresh",
  summary: "Looks for newer content of the vendor's now, also while the mirror is paused",
  allow: "operator",
  schemas: {},
  answer: Mirror,
  status: 202,
  example: {},
  fails: ["CONFLICT"],
  audit: "refreshMirror",
  handle: (context, { caller, address }) => refreshMirror(context, { caller, address }),
});

const verify = route({
  operation: "verifyMirror",
  method: "POST",
  path: "/mirror/verify",
  summary: "Reads all mirrored files through now, and fetches those again that were altered on the disk",
  allow: "operator",
  schemas: {},
  answer: Mirror,
  status: 202,
  example: {},
  fails: ["CONFLICT"],
  audit: "verifyMirror",
  handle: (context, { caller, address }) => verifyMirror(context, { caller, address }),
});

export const mirrorRoutes = [get, refresh, verify];
