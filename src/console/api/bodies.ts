import type { operations } from "./apiTypes.ts";

/** Body of an operation's good answer. */
export type Body<Operation extends keyof operations> = operations[Operation] extends {
  responses: infer Responses;
}
  ? Responses extends { 200: { content: { "application/json": infer Good } } }
    ? Good
    : Responses extends { 201: { content: { "application/json": infer Made } } }
      ? Made
      : never
  : never;

/** One of a list's items. */
export type Item<Operation extends keyof operations> =
  Body<Operation> extends { items: readonly (infer Each)[] } ? Each : never;
