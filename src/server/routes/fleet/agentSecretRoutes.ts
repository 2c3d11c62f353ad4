import { ById } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { revokeAgent, rotateAgent } from "../../fleet/agentSecrets.ts";

const revoke = route({
  operation: "revokeAgent",
  method: "POST",
  path: "/agents/:id/revoke",
  summary: "Takes an agent's secret back: it is refused until it is enrolled again, with a token",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-agent" } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND"],
  audit: "revokeAgent",
  handle: async (context, { params, caller, address }) => {
    await revokeAgent(context, params.id, { caller, address });
    return { body: undefined };
  },
});

const rotate = route({
  operation: "rotateAgent",
  method: "POST",
  path: "/agents/:id/rotate",
  summary: "Has an agent fetch another secret, as soon as it reports or asks for notifications",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-agent" } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND", "CONFLICT"],
  audit: "rotateAgent",
  handle: async (context, { params, caller, address }) => {
    await rotateAgent(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const agentSecretRoutes = [revoke, rotate];
