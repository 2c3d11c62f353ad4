import { createHash, randomBytes } from "node:crypto";
import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance, InjectOptions } from "fastify";
import { expect } from "vitest";
import { SILENT } from "../../src/config/log.ts";
import { readToken } from "../../src/core/fleet/enrolmentToken.ts";
import { createResolver } from "../../src/dns/resolver.ts";
import { describeRepository } from "../../src/publisher/describe.ts";
import { cookiesOf } from "../../src/server/access/cookies.ts";
import { hashPassword } from "../../src/server/access/passwordHash.ts";
import { SecretLookup } from "../../src/server/access/secretLookup.ts";
import { hashOfSecret, newId, newSecret } from "../../src/server/access/secrets.ts";
import { agentSideRoutes } from "../../src/server/agentSide/agentSideRoutes.ts";
import { allRoutes } from "../../src/server/allRoutes.ts";
import { buildApi } from "../../src/server/api/buildApi.ts";
import { EventStreams } from "../../src/server/api/eventStreams.ts";
import type { Role } from "../../src/server/api/roles.ts";
import type { Context } from "../../src/server/context.ts";
import { listen, openChanges } from "../../src/server/events/hear.ts";
import { openIntake } from "../../src/server/fleet/takeReports.ts";
import { initServer } from "../../src/server/initServer.ts";
import { ServerMetrics } from "../../src/server/metrics/serverMetrics.ts";
import { ContentMirror } from "../../src/server/mirror/contentMirror.ts";
import { openPolls } from "../../src/server/notify/answerPoll.ts";
import { openSettings } from "../../src/server/publication/settingsTree.ts";
import { readServerConfig, treesOf } from "../../src/server/serverConfig.ts";
import { PublishedTrees } from "../../src/server/settings/publishedTrees.ts";
import { openDatabase } from "../../src/server/store/database.ts";
import { insertUser } from "../../src/server/store/people/userStore.ts";
import { transact } from "../../src/server/store/transaction.ts";
import { WakeUps } from "../../src/server/store/wakeUps.ts";
import { writeNote } from "../../src/server/store/watch/noteStore.ts";

/** A server of its own, whose APIs are injected into: no socket is opened. */
export interface ServerWorld {
  dir: string;
  /** Of the set-up link. */
  token: string;
  context: Context;
  people: FastifyInstance;
  agents: FastifyInstance;
  /** The time that the server believes in, to be moved on. */
  clock: { now: number };
  /** Ends it, and leaves its folder to `openServer`. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param database the address of an empty one; a file of its own by default
 * @param settings keys of `server.json` beside those that `server init` writes
 */
export async function makeServer(
  database?: string,
  settings: Record<string, unknown> = {},
): Promise<ServerWorld> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-server-"));
  const dir = path.join(folder, "server");
  const { token, config } = await initServer({ dir, database });
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  await fs.writeFile(config, JSON.stringify({ ...written, ...settings }));
  return await openServer(dir, token);
}

/** Makes the first administrator, by the link's token. */
export async function setUp({ people, token }: ServerWorld): Promise<void> {
  const payload = { token, user: "ada", password: PASSWORD };
  const answer = await people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
  if (answer.statusCode !== 201) throw new Error(`the set-up failed: ${answer.body}`);
}

/** Arguments of `callApi` after the world and the token. */
type CallWords = Parameters<typeof callApi> extends [unknown, unknown, ...infer Rest] ? Rest : never;
export type Call = (...given: CallWords) => ReturnType<typeof callApi>;

/** A server that is set up, and calls of its administrators' API by a token of a role. */
export async function makeReadyServer(
  role: Role,
  ...given: Parameters<typeof makeServer>
): Promise<{ world: ServerWorld; token: string; call: Call }> {
  const world = await makeServer(...given);
  await setUp(world);
  const token = await tokenOf(world, role);
  return { world, token, call: (...words) => callApi(world, token, ...words) };
}

/** A server in a folder where there has been one before. */
export async function openServer(dir: string, token: string): Promise<ServerWorld> {
  const config = await readServerConfig(dir);
  const database = await openDatabase(config.database, (name) => path.resolve(dir, name));
  const trees = new PublishedTrees(treesOf(config));
  await openSettings({ config, database, trees });
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const noteConfirmed = (confirmedAt: number) => writeNote(database.db, "mirrored", { confirmedAt }, now());
  const context: Context = {
    config,
    database,
    log: SILENT,
    trees,
    cookies: await cookiesOf(trees),
    upkeep: { publishing: undefined, failing: new Set(), ending: new Set() },
    secrets: new SecretLookup(database),
    polls: openPolls({ trees, database, log: SILENT, now: () => clock.now, random: () => 0 }),
    reports: openIntake({ config, database, now: () => clock.now, random: randomBytes }),
    streams: new EventStreams(),
    wakeUps: new WakeUps((reason) => expect.unreachable(reason)),
    changes: openChanges(database),
    metrics: new ServerMetrics(),
    mirror: new ContentMirror({ config, trees, log: SILENT, now, noteConfirmed }),
    // No name is looked up beyond this machine, unless a test says where.
    resolver: createResolver({ servers: ["127.0.0.1:9"], search: [], now: () => clock.now }),
    now: () => clock.now,
    random: randomBytes,
  };
  await listen(context);
  const names = new Set(["localhost"]);
  const people = await buildApi(context, allRoutes, {
    prefix: "/api/v1",
    side: "console",
    names,
    secure: false,
  });
  const agents = await buildApi(context, agentSideRoutes, {
    prefix: "/v1",
    side: "agents",
    names,
    secure: false,
  });
  const stop = async () => {
    await context.mirror.close();
    context.polls.close();
    context.streams.close();
    context.changes.close();
    await context.wakeUps.close();
    await people.close();
    await agents.close();
    await context.reports.close();
    await database.close();
  };
  const close = async () => {
    await stop();
    await fs.rm(path.dirname(dir), { recursive: true, force: true });
  };
  return { dir, token, context, people, agents, clock, stop, close };
}

/**
 * An API token of a role, without signing in; for these operations and areas, or for all. Its maker is nobody whom a
 * server without an administrator would count on.
 */
export async function tokenOf(
  { context }: ServerWorld,
  role: Role,
  scope?: readonly string[],
): Promise<string> {
  const { database, random, now } = context;
  const secret = newSecret(random);
  const maker = { id: "the-test", name: "the test", open_id: "the test" };
  await database.db
    .insertInto("users")
    .values({ ...maker, role: "administrator", password_hash: "", created_at: 0, disabled_at: null })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  await database.db
    .insertInto("api_tokens")
    .values({
      id: newId(random),
      name: `the ${role}`,
      token_hash: hashOfSecret(secret),
      role,
      created_by: maker.name,
      maker_id: maker.id,
      created_at: now(),
      expires_at: null,
      used_at: null,
      scope: scope === undefined ? null : JSON.stringify(scope),
    })
    .execute();
  return secret;
}

export const PASSWORD = "correct horse battery";

/** The hash of that password, made once for a file of tests: argon2id is slow on purpose. */
let hashed: Promise<string> | undefined;

/** A user of a role, and the cookie of a session. */
export async function sessionOf(world: ServerWorld, role: Role): Promise<string> {
  const { context, people } = world;
  const { database, random, now } = context;
  const name = `a ${role} ${newId(random).slice(0, 6)}`;
  hashed ??= hashPassword(PASSWORD, random);
  const passwordHash = await hashed;
  await transact(database.db, (tx) =>
    insertUser(tx, { id: newId(random), name, role, passwordHash, now: now() }),
  );
  const answer = await people.inject({
    ...asBrowser({ method: "POST", url: "/api/v1/session" }),
    payload: { user: name, password: PASSWORD },
  });
  return String(sessionIn(answer));
}

/** Calls the administrators' API with a token; the answer's status, body and entity tag. */
export async function callApi(
  { people }: ServerWorld,
  token: string,
  line: `${"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} ${string}`,
  payload?: object,
  version?: number,
) {
  const [method = "GET", url = ""] = line.split(" ");
  const headers = version === undefined ? {} : { "if-match": `"${version}"` };
  const request = { method, url: `/api/v1${url}`, headers, ...(payload === undefined ? {} : { payload }) };
  const answer = await people.inject(asScript(request as InjectOptions, token));
  const body = answer.body === "" ? null : JSON.parse(answer.body);
  return { status: answer.statusCode, body, headers: answer.headers };
}

/** Calls the administrators' API as a page does, in a session. */
export async function callInSession(
  { people }: ServerWorld,
  session: string,
  ...[line, payload, version]: CallWords
) {
  const [method = "GET", url = ""] = line.split(" ");
  const headers = version === undefined ? {} : { "if-match": `"${version}"` };
  const request = { method, url: `/api/v1${url}`, headers, ...(payload === undefined ? {} : { payload }) };
  const answer = await people.inject(asBrowser(request as InjectOptions, session));
  const body = answer.body === "" ? null : JSON.parse(answer.body);
  return { status: answer.statusCode, body, headers: answer.headers };
}

/** Enrols a machine: of a name there is one, unless it says which it is. @returns its id and secret */
export async function enrolMachine(
  world: ServerWorld,
  token: string,
  given: { name: string; addresses?: string[]; domain?: string; machine?: string },
): Promise<{ id: string; secret: string }> {
  const { name, addresses = [], domain = "default", machine = name } = given;
  const made = await callApi(world, token, "POST /enrolment-tokens", { domain });
  const secret = readToken(made.body.token)?.secret;
  const fingerprint = createHash("sha256").update(machine).digest("hex");
  const payload = { token: secret, name, addresses, fingerprint, program: "0.1.0" };
  return (await world.agents.inject(asScript({ method: "POST", url: "/v1/enrol", payload }))).json();
}

/** Runs that were reported, each of which took another time (ms): one that is sent again counts once. */
let reported = 0;

/** Report of a run of almost no time that ended now, by the server's clock; status of the answer. */
export async function reportRun(
  { agents, clock }: ServerWorld,
  { id, secret }: { id: string; secret: string },
  report: object,
  more: object = {},
): Promise<number> {
  const at = new Date(clock.now).toISOString();
  const started = new Date(clock.now - (++reported % 1_000)).toISOString();
  const payload = { started, ended: at, trigger: "schedule", program: "0.1.0", report, ...more };
  const request = { method: "PUT", url: `/v1/agents/${id}/report`, payload } as const;
  return (await agents.inject(asScript(request, secret))).statusCode;
}

/** A settings document as it is signed and published; undefined where there is none. */
export async function publishedDocument({ context }: ServerWorld, name: string): Promise<unknown> {
  const { documents, folder } = await describeRepository({
    dir: context.trees.www,
    keysDir: path.join(context.config.dir, "keys"),
    repository: "settings",
  });
  const found = documents.find((each) => each.name === name);
  if (found === undefined) return undefined;
  const [file = "", ...above] = name.split("/").toReversed();
  const place = path.join(folder, "targets", "settings", ...above, `${found.sha256}.${file}.json`);
  return JSON.parse(await fs.readFile(place, "utf8"));
}

/** The cookie of a session that an answer gives, as requests have it; undefined where it gives none. */
export function sessionIn({ cookies }: { cookies: { name: string; value: string }[] }): string | undefined {
  const found = cookies.find(({ name }) => name.startsWith("nearsource-session-"));
  return found && `${found.name}=${found.value}`;
}

/** A request as a page of the server's own site sends it. */
export function asBrowser(request: InjectOptions, session?: string): InjectOptions {
  const { headers = {} } = request;
  return {
    ...request,
    headers: {
      host: "localhost:21110",
      "sec-fetch-site": "same-origin",
      ...(session === undefined ? {} : { cookie: session }),
      ...headers,
    },
  };
}

/** A request as a script sends it. */
export function asScript(request: InjectOptions, token?: string): InjectOptions {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { ...request, headers: { host: "localhost:21110", ...request.headers, ...authorization } };
}
