import { readFileSync } from "node:fs";
import path from "node:path";
import nock from "nock";
import { etagOf, namedState, pathOf, type Sites, tamper, webRoot } from "./names.ts";

/**
 * `http.json`: what each source is asked, in its order, and what it answers.
 *
 *     { "source": "http://ua-berlin.corp.example:21112", "answers": [
 *         ["root", 404],
 *         ["timestamp", "v2"],                          the file as it is in that state
 *         ["object lpt.dat", "v2", "tampered"],         the same with one digit changed
 *         ["snapshot", 503, { "retry-after": "30" }],   a status, with headers
 *         ["timestamp", "ECONNREFUSED"] ] }             no answer at all
 *
 * `names.ts` says which requests there are. A status, and a file that the state does not name, need
 * the state whose name for the file is meant: `["object lpt.dat of v2", 404]`; without it, that is the
 * state which this source answered with last.
 */
export interface SourceTraffic {
  source: string;
  answers: Answer[];
}

export type Answer = [request: string, answer: string | number, more?: "tampered" | Record<string, string>];

/** The requests made, to be compared with the declared ones. */
export interface Asked {
  /** Requests in their order, by source. */
  asked: Record<string, string[]>;
  /** Requests that no answer was declared for. */
  unmocked: string[];
  /** Answers that nobody asked for. */
  unused: string[];
}

/** Declared traffic in the shape of `Asked`. */
export function declared(traffic: SourceTraffic[]): Asked {
  const asked = traffic.map(({ source, answers }) => [source, answers.map(([request]) => request)]);
  return { asked: Object.fromEntries(asked), unmocked: [], unused: [] };
}

/** Answers as declared, and only so. The result tells what came of it. */
export function expectTraffic(traffic: SourceTraffic[], sites: Sites): () => Asked {
  const seen = startSeen();
  const asked: Asked["asked"] = {};
  for (const { source, answers } of traffic) {
    const requests: string[] = [];
    asked[source] = requests;
    let last: string | undefined;
    for (const answer of answers) {
      if (isState(answer[1], sites)) last = String(answer[1]);
      const state = namedState(answer[0]) ?? last;
      reply(source, answer, { sites, state, onAsked: () => requests.push(answer[0]) });
    }
  }
  return () => {
    const unused = nock.pendingMocks();
    return { asked, unmocked: seen.stop(), unused };
  };
}

/** Every source there is holds these web roots whole: an earlier run that went well. */
export async function serveWhole(roots: (string | undefined)[], work: () => Promise<void>): Promise<void> {
  const seen = startSeen();
  nock(/./)
    .persist()
    .get(/./)
    .reply((request: Request) => {
      const [, file = ""] = new URL(request.url).pathname.match(/\/((?:content|settings)\/.*)$/) ?? [];
      const bytes = roots.map((root) => root && readIfThere(path.join(root, file))).find(Boolean);
      return bytes ? [200, bytes, { etag: etagOf(bytes) }] : [404];
    });
  await work();
  seen.stop();
}

function startSeen() {
  nock.disableNetConnect();
  // A branch that broke off leaves nothing to the next one.
  nock.cleanAll();
  const unmocked: string[] = [];
  const note = (request: Request) => unmocked.push(`${request.method} ${request.url}`);
  nock.emitter.on("no match", note);
  const stop = () => {
    nock.emitter.off("no match", note);
    nock.cleanAll();
    return unmocked;
  };
  return { stop };
}

function isState(answer: string | number, { content, settings }: Sites): boolean {
  return content.has(String(answer)) || settings.has(String(answer));
}

/** `state` is the one that names the file. */
interface Means {
  sites: Sites;
  state: string | undefined;
  onAsked: () => void;
}

function reply(source: string, [request, answer, more]: Answer, { sites, state, onAsked }: Means): void {
  const { origin, pathname } = new URL(source);
  const file = pathOf(request, sites, state);
  const scope = nock(origin).on("request", onAsked);
  const asked = scope.get(`${pathname.replace(/\/$/, "")}/${file}`);
  const headers = typeof more === "object" ? more : {};
  const root = webRoot(sites, request, String(answer));
  if (root !== undefined) {
    const bytes = readFileSync(path.join(root, file));
    const body = more === "tampered" ? tamper(bytes) : bytes;
    asked.reply(200, body, { "content-length": String(body.length), etag: etagOf(body), ...headers });
  } else if (typeof answer === "string") {
    asked.replyWithError(Object.assign(new Error(answer), { code: answer }));
  } else if (answer === 304) {
    const held = readFileSync(path.join(webRoot(sites, request, state ?? "") ?? "", file));
    asked.matchHeader("if-none-match", etagOf(held)).reply(304, "", headers);
  } else {
    asked.reply(answer, "", headers);
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
