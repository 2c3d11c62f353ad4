import type { AnyRoute } from "./api/route.ts";
import { scopesOf } from "./api/scopes.ts";
import { agentRoutes } from "./routes/fleet/agentRoutes.ts";
import { agentSecretRoutes } from "./routes/fleet/agentSecretRoutes.ts";
import { enrolmentRoutes } from "./routes/fleet/enrolmentRoutes.ts";
import { notificationRoutes } from "./routes/fleet/notificationRoutes.ts";
import { reportRoutes } from "./routes/fleet/reportRoutes.ts";
import { suggestionRoutes } from "./routes/fleet/suggestionRoutes.ts";
import { trafficRoutes } from "./routes/fleet/trafficRoutes.ts";
import { updateAgentRoutes } from "./routes/fleet/updateAgentRoutes.ts";
import { apiTokenRoutes } from "./routes/people/apiTokenRoutes.ts";
import { openIdRoutes } from "./routes/people/openIdRoutes.ts";
import { secondFactorRoutes } from "./routes/people/secondFactorRoutes.ts";
import { sessionRoutes } from "./routes/people/sessionRoutes.ts";
import { userRoutes } from "./routes/people/userRoutes.ts";
import { userSessionRoutes } from "./routes/people/userSessionRoutes.ts";
import { domainRoutes } from "./routes/settings/domainRoutes.ts";
import { policyRoutes } from "./routes/settings/policyRoutes.ts";
import { proposalRoutes } from "./routes/settings/proposalRoutes.ts";
import { releaseRoutes } from "./routes/settings/releaseRoutes.ts";
import { sourceListRoutes } from "./routes/settings/sourceListRoutes.ts";
import { whatIfRoutes } from "./routes/settings/whatIfRoutes.ts";
import { auditRoutes } from "./routes/watch/auditRoutes.ts";
import { documentRoutes } from "./routes/watch/documentRoutes.ts";
import { eventRoutes } from "./routes/watch/eventRoutes.ts";
import { expiryRoutes } from "./routes/watch/expiryRoutes.ts";
import { metricRoutes } from "./routes/watch/metricRoutes.ts";
import { mirrorRoutes } from "./routes/watch/mirrorRoutes.ts";
import { webhookRoutes } from "./routes/watch/webhookRoutes.ts";

const operations: readonly AnyRoute[] = [
  ...sessionRoutes,
  ...userRoutes,
  ...userSessionRoutes,
  ...secondFactorRoutes,
  ...openIdRoutes,
  ...apiTokenRoutes(() => new Set(allRoutes.flatMap(scopesOf))),
  ...agentRoutes,
  ...agentSecretRoutes,
  ...updateAgentRoutes,
  ...domainRoutes,
  ...policyRoutes,
  ...enrolmentRoutes,
  ...sourceListRoutes,
  ...releaseRoutes,
  ...proposalRoutes,
  ...notificationRoutes,
  ...mirrorRoutes,
  ...whatIfRoutes,
  ...suggestionRoutes,
  ...expiryRoutes,
  ...trafficRoutes,
  ...reportRoutes,
  ...webhookRoutes,
  ...metricRoutes,
  ...auditRoutes,
  ...eventRoutes,
];

/** Every operation of the administrators' API: routing, documentation and tests read this list. */
export const allRoutes: readonly AnyRoute[] = [...operations, ...documentRoutes(operations)];
