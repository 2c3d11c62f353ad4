/** The root of one repository, where trust starts: which of its versions, and the SHA-256 of that file. */
export interface RootPin {
  version: number;
  sha256: string;
}

/**
 * What an enrolment token says: a secret for the server, and which roots to trust, so that whoever stands
 * between the machine and the server cannot plant his own (docs/design.md §8).
 */
export interface EnrolmentToken {
  secret: string;
  settings: RootPin;
  content?: RootPin | undefined;
  /** The secret may travel over HTTP, unencrypted. */
  insecure?: boolean | undefined;
}

/** The token as people hand it on: one word of base64url. */
export function writeToken(token: EnrolmentToken): string {
  const { secret, settings, content, insecure } = token;
  const pin = ({ version, sha256 }: RootPin) => [version, sha256];
  const written = {
    s: secret,
    r: pin(settings),
    ...(content === undefined ? {} : { c: pin(content) }),
    ...(insecure === true ? { i: 1 } : {}),
  };
  return new TextEncoder()
    .encode(JSON.stringify(written))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Reads a token; undefined where it is none, such as a part of one. */
export function readToken(text: string): EnrolmentToken | undefined {
  try {
    const {
      s: secret,
      r,
      c,
      i,
    } = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(text.trim(), { alphabet: "base64url" })));
    const [settings, content] = [readPin(r), readPin(c)];
    if (typeof secret !== "string" || !/^[A-Za-z0-9_-]{20,200}$/.test(secret) || settings === undefined) {
      return undefined;
    }
    return { secret, settings, content, insecure: i === 1 };
  } catch {
    return undefined;
  }
}

function readPin(value: unknown): RootPin | undefined {
  if (!Array.isArray(value)) return undefined;
  const [version, sha256] = value as unknown[];
  const isPin =
    Number.isSafeInteger(version) &&
    (version as number) > 0 &&
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256);
  return isPin ? { version: version as number, sha256: sha256 as string } : undefined;
}
