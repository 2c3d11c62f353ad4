import { placeOf } from "./document.ts";
import { CONTENT_KINDS } from "./kind.ts";
import { policySchema, updateAgentsSchema } from "./policy.ts";
import { hasNoEffect, unknownFields } from "./unknownFields.ts";

/** What is odd about a valid policy, as it was written: fields and holds that have no effect. */
export function reviewPolicy(policy: unknown): string[] {
  const { holds = {} } = policy as { holds?: object };
  const lost = Object.keys(holds).filter(
    (name) => !CONTENT_KINDS.some((kind) => name.startsWith(`${kind}/`) && name.length > kind.length + 1),
  );
  return [
    ...remarksOn(unknownFields(policySchema, policy)),
    ...lost.map((name) => {
      return `its hold of ${JSON.stringify(name)} has no effect: a hold is of kind/name, such as ${JSON.stringify(`components/${name}`)}`;
    }),
  ];
}

/** What is odd about valid grants of the Update Agent role: fields that have no effect. */
export function reviewUpdateAgents(grants: unknown): string[] {
  return remarksOn(unknownFields(updateAgentsSchema, grants));
}

function remarksOn(unknown: ReturnType<typeof unknownFields>): string[] {
  return unknown.map((field) => hasNoEffect(placeOf(field.path), field));
}
