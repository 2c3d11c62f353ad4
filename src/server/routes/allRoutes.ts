import type { AnyRoute } from "../api/route.ts";
import { agentRoutes } from "./agentRoutes.ts";
import { auditRoutes } from "./auditRoutes.ts";
import { enrolmentRoutes } from "./enrolmentRoutes.ts";
import { sessionRoutes } from "./sessionRoutes.ts";
import { sourceListRoutes } from "./sourceListRoutes.ts";

/** Every operation of the administrators' API: routing, documentation and tests read this list. */
export const allRoutes: readonly AnyRoute[] = [
  ...sessionRoutes,
  ...agentRoutes,
  ...enrolmentRoutes,
  ...sourceListRoutes,
  ...auditRoutes,
];
