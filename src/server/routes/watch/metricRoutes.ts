import Type from "typebox";
import { route } from "../../api/route.ts";
import { metricsOf } from "../../metrics/metricsPage.ts";

const get = route({
  operation: "getMetrics",
  method: "GET",
  path: "/metrics",
  summary: "The work and the state of this server, and of the fleet, as OpenMetrics; also at `/metrics`",
  allow: "viewer",
  schemas: {},
  answer: Type.String(),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  text: "application/openmetrics-text",
  handle: async (context) => ({ body: "", text: await metricsOf(context) }),
});

export const metricRoutes = [get];
