/** Problems of requests, each with its status and a sentence for people. Codes are stable and only added to (docs/api.md). */
export const PROBLEMS = {
  BODY_INVALID: { status: 400, title: "the body is not as this operation takes it" },
  PARAMETER_INVALID: { status: 400, title: "a parameter is not as this operation takes it" },
  NOT_SIGNED_IN: { status: 401, title: "sign in, or send an API token" },
  CREDENTIALS_WRONG: { status: 401, title: "name and password do not belong together" },
  SECOND_FACTOR_NEEDED: { status: 401, title: "a code of the second factor is needed too" },
  SECOND_FACTOR_WRONG: { status: 401, title: "the code is wrong, or was used already" },
  TOKEN_INVALID: { status: 401, title: "the token is unknown, used up, or has expired" },
  NOT_ALLOWED: { status: 403, title: "this account's role does not allow it" },
  SECOND_FACTOR_MISSING: { status: 403, title: "this role needs a second factor: begin and confirm one" },
  SCOPE_TOO_NARROW: { status: 403, title: "this token is not for this operation" },
  OTHER_SITE: { status: 403, title: "the request came from another site" },
  HOST_UNKNOWN: { status: 403, title: "this server is not called so" },
  NOT_SET_UP: { status: 403, title: "the server has no administrator yet: open the set-up link" },
  READ_ONLY: { status: 403, title: "it is kept elsewhere: change it there, and apply it with an API token" },
  NOT_FOUND: { status: 404, title: "there is no such thing" },
  METHOD_UNKNOWN: { status: 405, title: "nothing is done so here" },
  CONFLICT: { status: 409, title: "it contradicts what is there" },
  SECOND_PERSON_NEEDED: {
    status: 409,
    title: "it reaches more of the fleet than one person may change alone",
  },
  CHANGED_MEANWHILE: { status: 412, title: "somebody else has changed it meanwhile" },
  BODY_TOO_LONG: { status: 413, title: "the body is longer than this operation takes" },
  TYPE_UNKNOWN: { status: 415, title: "the body must be JSON" },
  REFUSED: { status: 422, title: "it was checked, and refused" },
  IF_MATCH_MISSING: { status: 428, title: "say with If-Match which version is to be changed" },
  TOO_MANY: { status: 429, title: "too many requests; try again later" },
  UNEXPECTED: { status: 500, title: "the server failed; its log has the reason" },
  UNAVAILABLE: { status: 503, title: "the server cannot do it at the moment" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One thing that is wrong, and where. */
export interface Fault {
  /** Place in the body, such as `entries[3].range`, or name of the parameter. */
  field: string;
  message: string;
}

/** A problem document (RFC 9457). */
export interface ProblemDocument {
  type: "about:blank";
  title: string;
  status: number;
  code: ProblemCode;
  detail?: string;
  errors?: Fault[];
}

/** Refusal of a request by a service. Its cause is logged, and never sent. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly errors: Fault[] | undefined;
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    detail?: string,
    options: { errors?: Fault[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(detail ?? PROBLEMS[code].title, { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.errors = options.errors;
    this.retryAfter = options.retryAfter;
  }
}

/** Somebody else was there first: which version there is now, of whom and since when. */
export function changedMeanwhile(now: { version: number; author: string; at: number }): Problem {
  const { version, author, at } = now;
  return new Problem(
    "CHANGED_MEANWHILE",
    `version ${version} is of ${author}, saved ${new Date(at).toISOString()}`,
  );
}

export function toDocument({ code, detail, errors }: Problem): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  return {
    type: "about:blank",
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors }),
  };
}
