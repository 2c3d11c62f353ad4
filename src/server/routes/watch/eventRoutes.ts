import Type from "typebox";
import { isStillIn } from "../../access/sessions.ts";
import { route } from "../../api/route.ts";

const events = route({
  operation: "watchChanges",
  method: "GET",
  path: "/events",
  summary:
    "Says which resources have changed, as events: `hello` with the versions of all, then `changed` with `resource` and `version`; 204 when too many are listening",
  allow: "viewer",
  schemas: {},
  answer: Type.String(),
  status: 200,
  streams: true,
  example: {},
  fails: [],
  audit: "none",
  handle: async (context, { caller, gone }) => {
    const stream = context.changes.open(() => isStillIn(context, caller), gone);
    return stream === undefined ? { body: "", status: 204 } : { body: "", events: stream };
  },
});

export const eventRoutes = [events];
