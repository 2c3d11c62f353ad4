/**
 * A text that every database takes: without NUL, which one of them refuses and the other would cut short, and without halves
 * of characters, which are none in UTF-8.
 */
export function storable<Value>(value: Value): Value | string {
  if (typeof value !== "string") return value;
  const whole = value.isWellFormed() ? value : value.toWellFormed();
  return whole.includes("\0") ? whole.replaceAll("\0", "\ufffd") : whole;
}
