import Type from "typebox";
import { Id, Moment, OrNull } from "../../api/parts.ts";
import { Problem } from "../../api/problem.ts";
import { route } from "../../api/route.ts";
import { trafficBetween, withAgents } from "../../store/fleet/trafficStore.ts";

const Count = Type.Integer({ minimum: 0 });
const Hour = Type.Object({
  hour: Moment,
  source: Type.String(),
  agent: OrNull(Id),
  attempts: Count,
  failed: Count,
  bytes: Count,
  wasted: Count,
});

const DAY = 86_400_000;
/** Rows of one answer, at most. */
const MOST = 20_000;

const list = route({
  operation: "listTraffic",
  method: "GET",
  path: "/traffic",
  summary:
    "Sums up by hour and source what agents reported: attempts, failures, bytes, and which of these were thrown away; of the last day by default",
  allow: "viewer",
  schemas: { query: Type.Object({ from: Type.Optional(Moment), to: Type.Optional(Moment) }) },
  answer: Type.Object({ items: Type.Array(Hour) }),
  status: 200,
  example: { query: { from: 1_795_000_000_000, to: 1_795_086_400_000 } },
  fails: ["PARAMETER_INVALID", "REFUSED"],
  audit: "none",
  handle: async ({ database, now }, { query }) => {
    const { to = now() + 1, from = to - DAY } = query;
    const items = await trafficBetween(database.db, { from, to, limit: MOST + 1 });
    if (items.length > MOST)
      throw new Problem("REFUSED", `that is more than ${MOST} rows: ask for fewer hours`);
    return { items: await withAgents(database.db, items) };
  },
});

export const trafficRoutes = [list];
