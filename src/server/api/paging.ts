import Type, { type TSchema } from "typebox";
import { Problem } from "./problem.ts";

/** The query of a list: how many, and from where on. */
export const pageQuery = {
  cursor: Type.Optional(Type.String({ maxLength: 500 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
};

/** A part of a list: `next` is the cursor of the part that follows, null at the end. */
export function pageOf<Item extends TSchema>(item: Item) {
  return Type.Object({
    items: Type.Array(item),
    next: Type.Union([Type.String(), Type.Null()]),
    total: Type.Integer({ minimum: 0 }),
  });
}

const DEFAULT_LIMIT = 50;

/** Place of the last item in the order of the list, which a cursor stands for. */
export function readCursor<Place>(
  { cursor, limit = DEFAULT_LIMIT }: { cursor?: string; limit?: number },
  isPlace: (value: unknown) => value is Place,
): { after: Place | undefined; limit: number } {
  if (cursor === undefined) return { after: undefined, limit };
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    place = undefined;
  }
  if (!isPlace(place)) {
    throw new Problem("PARAMETER_INVALID", undefined, {
      errors: [{ field: "cursor", message: "is none that this list gave" }],
    });
  }
  return { after: place, limit };
}

/** Whether a place is a number that grows along the list: a sequence, a version. */
export function isNumber(place: unknown): place is number {
  return Number.isSafeInteger(place);
}

/** A part of a list, made of one item more than were asked for where there are more, and the number of all items. */
export function toPage<Item>(found: Item[], limit: number, total: number, placeOf: (item: Item) => unknown) {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const next =
    found.length > limit && last !== undefined
      ? Buffer.from(JSON.stringify(placeOf(last))).toString("base64url")
      : null;
  return { items, next, total };
}
