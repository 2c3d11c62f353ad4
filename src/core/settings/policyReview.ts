import { CONTENT_KINDS } from "../content/kind.ts";
import { placeOf } from "../document.ts";
import { policySchema, updateAgentsSchema } from "./policy.ts";
import { hasNoEffect, unknownFields } from "./unknownFields.ts";

/** Finds the oddities of a policy as it was written: fields and holds that have no effect. */
export function reviewPolicy(policy: unknown): string[] {
  const { holds } = Object(policy) as { holds?: unknown };
  const lost = Object.keys(Object(holds)).filter(
    (name) => !CONTENT_KINDS.some((kind) => name.startsWith(`${kind}/`) && name.length > kind.length + 1),
  );
  return [
    ...remarksOn(unknownFields(policySchema, policy)),
    ...lost.map((name) => {
      return `its hold of ${JSON.stringify(name)} has no effect: a hold is of kind/name, such as ${JSON.stringify(`components/${name}`)}`;
    }),
  ];
}

/** An agent's id as it makes one by itself, a UUID (RFC 9562), or as a server gives one at enrolment. */
const AGENT_ID = /^(?:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]{22})$/;

/**
 * Finds the oddities of grants of the Update Agent role: fields that have no effect, ids that no agent has.
 */
export function reviewUpdateAgents(grants: unknown): string[] {
  const { agents } = Object(grants) as { agents?: unknown };
  const ids = Array.isArray(agents) ? agents.map((each) => Object(each).id as unknown) : [];
  return [
    ...remarksOn(unknownFields(updateAgentsSchema, grants)),
    ...ids.flatMap((id, index) =>
      typeof id !== "string" || id === "" || AGENT_ID.test(id)
        ? []
        : [
            `agents[${index}].id: ${JSON.stringify(id)} is not the id of an agent, as nearsource status shows it there, such as "3f2b8c1e-5d64-4a7b-9c0d-1e2f3a4b5c6d"`,
          ],
    ),
  ];
}

function remarksOn(unknown: ReturnType<typeof unknownFields>): string[] {
  return unknown.map((field) => hasNoEffect(placeOf(field.path), field));
}
