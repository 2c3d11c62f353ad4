export { api } from "./apiClient.ts";

/** Place in the body, or name of the parameter, and what is wrong there. */
export interface Fault {
  field: string;
  message: string;
}

/** A refusal by the server (RFC 9457), or no answer at all (`OFFLINE`). */
export class ApiProblem extends Error {
  readonly code: string;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  readonly detail: string | undefined;
  readonly errors: readonly Fault[];
  /** Further members of the problem document. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor({ code, status, title, detail, errors, ...more }: ProblemDocument) {
    super(title);
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.errors = errors ?? [];
    this.more = more;
  }
}

interface ProblemDocument {
  code: string;
  status: number;
  title: string;
  detail?: string | undefined;
  errors?: Fault[] | undefined;
  [more: string]: unknown;
}

/** A good answer. */
export interface Answered<Body> {
  body: Body;
  /** The version of what was answered, for `If-Match`. */
  version: string | undefined;
}

/** An answer as the client has it. */
interface Sent {
  data?: unknown;
  error?: unknown;
  response: Response;
}

type BodyOf<Found extends Sent> = Exclude<Found["data"], undefined>;

/** Called with each refusal, so that one place notices a session that has ended. */
export const refusals: { heard(problem: ApiProblem): void } = { heard: () => {} };

/**
 * Waits for an answer.
 *
 * @throws ApiProblem
 */
export async function answerOf<Found extends Sent>(sent: Promise<Found>): Promise<Answered<BodyOf<Found>>> {
  let found: Found;
  try {
    found = await sent;
  } catch (cause) {
    const problem = new ApiProblem({ code: "OFFLINE", status: 0, title: "the server does not answer" });
    problem.cause = cause;
    refusals.heard(problem);
    throw problem;
  }
  const { data, error, response } = found;
  if (!response.ok) {
    const problem = problemOf(error, response);
    refusals.heard(problem);
    throw problem;
  }
  const [, version] = /^(?:W\/)?"(.*)"$/.exec(response.headers.get("etag") ?? "") ?? [];
  return { body: data as BodyOf<Found>, version };
}

/** Header fields that say which version of something is changed. */
export function ifMatch(version: string | number): { "If-Match": string } {
  return { "If-Match": `"${version}"` };
}

function problemOf(error: unknown, { status, statusText }: Response): ApiProblem {
  const isProblem = typeof error === "object" && error !== null && "code" in error;
  return new ApiProblem(
    isProblem
      ? (error as ProblemDocument)
      : { code: "UNEXPECTED", status, title: statusText || String(status) },
  );
}
