import Type from "typebox";
import { Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { listExpiries } from "../../expiries.ts";

const Expiry = Type.Object({
  area: Type.Enum(["settings", "content", "enrolment", "access", "certificate"]),
  what: Type.String(),
  expires: OrNull(Moment),
  state: Type.Enum(["fine", "soon", "ended"]),
  reason: OrNull(Type.String()),
  remedy: Type.String(),
});

const list = route({
  operation: "listExpiries",
  method: "GET",
  path: "/expiries",
  summary:
    "Lists everything that ends, the next first: metadata, roots, certificates and tokens, each with what to do",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Expiry) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async (context) => ({ items: await listExpiries(context) }),
});

export const expiryRoutes = [list];
