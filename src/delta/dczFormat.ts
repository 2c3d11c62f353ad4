import type { Segments } from "../core/content/manifest.ts";

/**
 * Dictionary-compressed Zstandard (RFC 9842 §4): a skippable frame that holds the SHA-256 of the
 * dictionary, then a Zstandard frame made with it.
 */

const MAGIC = Buffer.from("5e2a4d1820000000", "hex");

/** Bytes of the header. */
export const DCZ_HEADER = MAGIC.length + 32;

/**
 * Bytes that begin like this are a dictionary of Zstandard's own making to it (RFC 8878 §5), not plain bytes.
 */
const DICTIONARY_MAGIC = Buffer.from("37a430ec", "hex");

/** Whether these bytes can serve as a dictionary. */
export function isPlainDictionary(bytes: Uint8Array): boolean {
  return !DICTIONARY_MAGIC.equals(bytes.subarray(0, DICTIONARY_MAGIC.length));
}

export function writeDczHeader(dictionarySha256: string): Buffer {
  return Buffer.concat([MAGIC, Buffer.from(dictionarySha256, "hex")]);
}

/**
 * Checks that `bytes` begin a delta from the dictionary of that hash.
 *
 * @throws Error with the reason
 */
export function checkDczHeader(bytes: Buffer, dictionarySha256: string): void {
  if (bytes.length < DCZ_HEADER || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Error("it is not a dcz delta");
  }
  if (bytes.toString("hex", MAGIC.length, DCZ_HEADER) !== dictionarySha256) {
    throw new Error("it is a delta from another file");
  }
}

/** The bytes of the base that are the dictionary of a segment, from `start` to before `end`; may be none. */
export function dictionaryOf(
  { size, margin }: Pick<Segments, "size" | "margin">,
  segment: number,
  baseLength: number,
): { start: number; end: number } {
  const end = Math.min(baseLength, (segment + 1) * size + margin);
  return { start: Math.min(Math.max(0, segment * size - margin), end), end };
}
