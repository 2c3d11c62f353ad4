import Type from "typebox";
import { AGENT_STATES } from "../../../core/fleet/agentState.ts";
import { DomainName, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { reportOnFleet } from "../../fleet/reportOnFleet.ts";

const Count = Type.Integer({ minimum: 0 });
const States = Type.Record(Type.Enum(AGENT_STATES), Count);
const Transfers = { bytes: Count, wasted: Count, far: Count, copies: Count, whole: Count, saved: Count };

const Line = Type.Object({
  source: Type.String(),
  kind: Type.Enum(["server", "active-update", "update-agent", "url"]),
  ranges: Type.Array(Type.String()),
  agents: Count,
  limit: OrNull(Count),
  verdict: OrNull(Type.Enum(["overloaded", "excessive", "idle"])),
  attempts: Count,
  failed: Count,
  bytes: Count,
  wasted: Count,
});

const report = route({
  operation: "getReport",
  method: "GET",
  path: "/report",
  summary:
    "Reports on the fleet: agents and bytes of each source, load against limits, networks, and what Update Agents and deltas saved the link; of the last 30 days by default",
  allow: "viewer",
  schemas: { query: Type.Object({ from: Type.Optional(Moment), to: Type.Optional(Moment) }) },
  answer: Type.Object({
    from: Moment,
    to: Moment,
    agents: Count,
    states: States,
    domains: Type.Array(Type.Object({ domain: DomainName, states: Type.Partial(States) })),
    lines: Type.Array(Line),
    withoutSource: Count,
    total: Type.Object({ ...Transfers, near: Count }),
    days: Type.Array(Type.Object({ day: Moment, ...Transfers })),
    networks: Type.Array(
      Type.Object({
        network: Type.String(),
        ...{ runs: Count, bytes: Count, wasted: Count, far: Count, whole: Count },
      }),
    ),
    moreNetworks: Count,
  }),
  status: 200,
  example: { query: { from: 1_795_000_000_000, to: 1_795_086_400_000 } },
  fails: ["PARAMETER_INVALID", "REFUSED"],
  audit: "none",
  handle: (context, { query }) => reportOnFleet(context, query),
});

export const reportRoutes = [report];
