import Type from "typebox";
import { KINDS } from "../../core/content/kind.ts";
import { FINDINGS, type FindingCode } from "../../core/findings/findingCodes.ts";
import { ROLES } from "./roles.ts";

/** Schemas that several routes share. */

/** Milliseconds since the epoch. */
export const Moment = Type.Integer({ minimum: 0 });
export const OrNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
export const Id = Type.String({ minLength: 1, maxLength: 100, pattern: "^[A-Za-z0-9_-]+$" });
export const ById = Type.Object({ id: Id });
/** The name of a domain, as in `settings/policies/<domain>.json`. */
export const DomainName = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$" });
export const RoleName = Type.Enum(ROLES);
export const KindName = Type.Enum(KINDS);
/** A free text of people, on one line. */
export const Line = Type.String({ maxLength: 500, pattern: "^[^\\u0000-\\u001f\\u007f]*$" });
/** Remark on a source list. */
export const ListFinding = Type.Object({
  level: Type.Enum(["error", "warning"]),
  entry: OrNull(Type.Integer({ minimum: 0 })),
  field: Type.String(),
  code: Type.Enum(Object.keys(FINDINGS) as FindingCode[]),
  message: Type.String(),
  remedy: Type.String(),
});
/** Agents by their first source. */
export const Sources = Type.Object({
  agents: Type.Integer(),
  sources: Type.Array(
    Type.Object({
      name: Type.String(),
      agents: Type.Integer(),
      kinds: Type.Record(Type.String(), Type.Integer()),
    }),
  ),
  uncovered: Type.Record(Type.String(), Type.Integer()),
  unmatched: Type.Integer(),
});
/** Effect of a change on the fleet. */
export const Effect = Type.Object({
  before: Sources,
  after: Sources,
  moved: Type.Array(
    Type.Object({ from: OrNull(Type.String()), to: OrNull(Type.String()), agents: Type.Integer() }),
  ),
});
export const Nothing = Type.Null();
export const UserName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: "^[^\\u0000-\\u001f\\u007f]+$",
});
/** Long enough that it is not guessed; NIST SP 800-63B asks for no more rules. */
export const NewPassword = Type.String({ minLength: 12, maxLength: 1_000 });

/** The domains of a machine's DNS search list. */
export const DnsSuffixes = Type.Array(Type.String({ maxLength: 253 }), { maxItems: 32 });
