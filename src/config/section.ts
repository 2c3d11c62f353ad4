import * as v from "valibot";
import { nearestName } from "../core/settings/unknownFields.ts";

/** Whether JSON text was an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * An object of these keys and no other. `v.strictObject` names only the first key that is not known, and
 * none that is called `constructor` or `__proto__`.
 */
export function section<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.custom<Record<string, unknown>>(isObject, "must be an object"),
    v.intersect([onlyKeysOf(entries), v.object(entries)]),
  );
}

/** Checks the keys alone: those that have to be there, and those that are not known. */
function onlyKeysOf(entries: v.ObjectEntries) {
  const known = Object.keys(entries);
  const required = known.filter((key) => entries[key]?.type !== "optional");
  return v.pipe(
    v.custom<Record<string, unknown>>(isObject),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const { value } = dataset;
      const missing = required.filter((key) => !Object.hasOwn(value, key));
      for (const key of missing) addIssue({ message: `needs "${key}"` });
      for (const key of Object.keys(value).filter((each) => !known.includes(each))) {
        const meant = nearestName(key, known);
        const guess = meant === undefined ? "" : `, did you mean "${meant}"?`;
        addIssue({
          message: `is not a key of the configuration${guess}`,
          path: [{ type: "object", origin: "key", input: value, key, value: value[key] }],
        });
      }
    }),
    v.transform(() => ({})),
  );
}
