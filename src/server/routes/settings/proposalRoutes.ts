import Type from "typebox";
import { ById } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { approveProposal, rejectProposal } from "../../releases/proposals.ts";
import { listProposals } from "../../store/releases/proposalStore.ts";
import { Proposal } from "./releaseRoutes.ts";

/** Proposals that a list has at most: the newest. */
const MOST = 200;

const list = route({
  operation: "listProposals",
  method: "GET",
  path: "/proposals",
  summary:
    "Lists changes of rollouts and policies that wait for a second person, or were decided, the newest first",
  allow: "viewer",
  schemas: {
    query: Type.Object({ state: Type.Optional(Type.Enum(["waiting", "approved", "rejected"])) }),
  },
  answer: Type.Object({ items: Type.Array(Proposal) }),
  status: 200,
  example: { query: { state: "waiting" } },
  fails: ["PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database }, { query }) => ({
    items: await listProposals(database.db, { state: query.state, limit: MOST }),
  }),
});

const approve = route({
  operation: "approveProposal",
  method: "POST",
  path: "/proposals/:id/approve",
  summary: "Approves a change of somebody else, which is then signed and published",
  allow: "operator",
  schemas: { params: ById },
  answer: Proposal,
  status: 200,
  example: { params: { id: "some-proposal" } },
  fails: [
    "PARAMETER_INVALID",
    "NOT_FOUND",
    "NOT_ALLOWED",
    "CONFLICT",
    "CHANGED_MEANWHILE",
    "REFUSED",
    "UNAVAILABLE",
  ],
  audit: "approveProposal",
  handle: (context, { params, caller, address }) => approveProposal(context, params.id, { caller, address }),
});

const reject = route({
  operation: "rejectProposal",
  method: "POST",
  path: "/proposals/:id/reject",
  summary: "Drops a change that waits",
  allow: "operator",
  schemas: { params: ById },
  answer: Proposal,
  status: 200,
  example: { params: { id: "some-proposal" } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND", "CONFLICT"],
  audit: "rejectProposal",
  handle: (context, { params, caller, address }) => rejectProposal(context, params.id, { caller, address }),
});

export const proposalRoutes = [list, approve, reject];
