import type { AnyRoute } from "../api/route.ts";
import { agentRoutes } from "./agentRoutes.ts";
import { apiTokenRoutes } from "./apiTokenRoutes.ts";
import { auditRoutes } from "./auditRoutes.ts";
import { documentRoutes } from "./documentRoutes.ts";
import { domainRoutes } from "./domainRoutes.ts";
import { enrolmentRoutes } from "./enrolmentRoutes.ts";
import { expiryRoutes } from "./expiryRoutes.ts";
import { mirrorRoutes } from "./mirrorRoutes.ts";
import { notificationRoutes } from "./notificationRoutes.ts";
import { policyRoutes } from "./policyRoutes.ts";
import { sessionRoutes } from "./sessionRoutes.ts";
import { sourceListRoutes } from "./sourceListRoutes.ts";
import { trafficRoutes } from "./trafficRoutes.ts";
import { updateAgentRoutes } from "./updateAgentRoutes.ts";
import { userRoutes } from "./userRoutes.ts";
import { whatIfRoutes } from "./whatIfRoutes.ts";

const operations: readonly AnyRoute[] = [
  ...sessionRoutes,
  ...userRoutes,
  ...apiTokenRoutes,
  ...agentRoutes,
  ...updateAgentRoutes,
  ...domainRoutes,
  ...policyRoutes,
  ...enrolmentRoutes,
  ...sourceListRoutes,
  ...notificationRoutes,
  ...mirrorRoutes,
  ...whatIfRoutes,
  ...expiryRoutes,
  ...trafficRoutes,
  ...auditRoutes,
];

/** Every operation of the administrators' API: routing, documentation and tests read this list. */
export const allRoutes: readonly AnyRoute[] = [...operations, ...documentRoutes(operations)];
