import { createPrivateKey, type KeyObject } from "node:crypto";

/** The marks of a private key in text, in the encodings that text comes in. */
const MARKS = ["PRIVATE KEY", "Private-Lines:"].flatMap((mark) => [
  { mark: Buffer.from(mark, "latin1"), encoding: "latin1" as const },
  { mark: Buffer.from(mark, "utf16le"), encoding: "utf16le" as const },
]);

/** Bytes of the text before a mark, and from it on, that show whether a key follows. */
const BEFORE = 128;
const AFTER = 4_096;

/** Files up to this length (bytes) may be a key as a whole. */
const WHOLE = 65_536;

/** Between the lines of a key: line breaks and blanks, also as programs and JSON write them. */
const BETWEEN = String.raw`(?:\s|\\[nrt]|["'+,;|>])`;

/**
 * A PEM block (RFC 7468, RFC 4716, OpenSSH, PGP) with the beginning of a key in it. Programs that only
 * know of such blocks have the first line without the rest. PuTTY's files have lines of their own.
 */
const KEY_IN_TEXT = new RegExp(
  `-{4,5} ?BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}${BETWEEN}*` +
    String.raw`(?:[A-Z][A-Za-z-]{1,40}: [^\r\n\\]{0,200}(?:[\r\n]|\\[nr])${BETWEEN}*)*[A-Za-z0-9+/]{40}` +
    String.raw`|Private-Lines: \d+\s+[A-Za-z0-9+/]{40}`,
);

/**
 * Looks for private keys in a file as it comes, a piece at a time: PEM of any kind anywhere in it, also
 * in UTF-16 or within JSON or a program's text; or a file that is one, in DER or as a JSON Web Key.
 */
export function newKeyDetector() {
  let tail = Buffer.alloc(0);
  let whole: Buffer | undefined = Buffer.alloc(0);

  /** Whether the bytes of the file so far contain a key. */
  function update(bytes: Uint8Array): boolean {
    const text = Buffer.concat([tail, bytes]);
    tail = text.subarray(-(BEFORE + AFTER));
    if (whole !== undefined)
      whole = whole.length + bytes.length > WHOLE ? undefined : Buffer.concat([whole, bytes]);
    return MARKS.some(({ mark, encoding }) => isMarked(text, mark, encoding));
  }

  /** Whether the file, of which all has come, is a key. */
  function end(): boolean {
    return whole !== undefined && (isDer(whole) || isPkcs12(whole) || isJsonWebKey(whole));
  }

  return { update, end };
}

/** Whether there is a private key in these bytes, which are a whole file. */
export function hasPrivateKey(bytes: Uint8Array): boolean {
  const detector = newKeyDetector();
  return detector.update(bytes) || detector.end();
}

function isMarked(text: Buffer, mark: Buffer, encoding: "latin1" | "utf16le"): boolean {
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) {
    // An even number of bytes, so that characters of two stay whole.
    const from = at - Math.min(at - (at % 2), BEFORE);
    if (KEY_IN_TEXT.test(text.toString(encoding, from, at + AFTER))) return true;
  }
  return false;
}

function isDer(bytes: Buffer): boolean {
  if (bytes[0] !== 0x30) return false;
  return (["pkcs8", "pkcs1", "sec1"] as const).some((type) =>
    isPrivate(() => createPrivateKey({ key: bytes, format: "der", type })),
  );
}

/** `version 3, contentInfo` of a PFX (RFC 7292 §4): the number and the object identifier that it begins with. */
function isPkcs12(bytes: Buffer): boolean {
  const start = bytes.subarray(0, 40);
  return (
    bytes[0] === 0x30 &&
    PFX.some((type) => start.includes(type)) &&
    start.includes(Buffer.from("02010330", "hex"))
  );
}

/** pkcs7-data and pkcs7-signedData. */
const PFX = ["06092a864886f70d010701", "06092a864886f70d010702"].map((hex) => Buffer.from(hex, "hex"));

function isJsonWebKey(bytes: Buffer): boolean {
  const text = bytes.toString("utf8");
  return /"kty"\s*:/.test(text) && /"(?:d|k)"\s*:\s*"[A-Za-z0-9_-]{16,}"/.test(text);
}

function isPrivate(read: () => KeyObject): boolean {
  try {
    return read().type === "private";
  } catch {
    return false;
  }
}
