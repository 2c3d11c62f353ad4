import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { createNotifyHandler } from "../agent/channels/notifyPort.ts";
import type { Log } from "../config/log.ts";
import { parseRange } from "../core/order/address.ts";
import { senderOf } from "../core/order/forwardedAddress.ts";
import { machineName } from "../dns/machine.ts";
import { createResolver } from "../dns/resolver.ts";
import { onOneLine } from "../errors.ts";
import { mostConnections, ownLimits } from "../http/boundConnections.ts";
import { type Listener, openListener } from "../http/server.ts";
import { takeLock } from "../store/lock.ts";
import { cookiesOf } from "./access/cookies.ts";
import { checkFactorKey } from "./access/factorKey.ts";
import { makeSecretsKey } from "./access/sealedSecrets.ts";
import { SecretLookup } from "./access/secretLookup.ts";
import { agentSideRoutes } from "./agentSide/agentSideRoutes.ts";
import { isTreePath, serveTreeFile } from "./agentSide/treeFiles.ts";
import { allRoutes } from "./allRoutes.ts";
import { buildApi } from "./api/buildApi.ts";
import { EventStreams } from "./api/eventStreams.ts";
import { InProgress } from "./api/inProgress.ts";
import { ConsolePage, readConsolePage } from "./consolePage.ts";
import type { Context } from "./context.ts";
import type { AskElsewhere } from "./effect/fleetQuestion.ts";
import { listen, openChanges } from "./events/hear.ts";
import { startPlanning } from "./fleet/keepPlanned.ts";
import { openIntake } from "./fleet/takeReports.ts";
import { listenerPlace } from "./listenerPlace.ts";
import { openMetricsPort } from "./metrics/metricsPort.ts";
import { ServerMetrics } from "./metrics/serverMetrics.ts";
import { timeAnswer, watchSources } from "./metrics/watchSources.ts";
import { ContentMirror } from "./mirror/contentMirror.ts";
import { refuseUnsafeNamedFiles } from "./namedFiles.ts";
import { openPolls } from "./notify/answerPoll.ts";
import { BrokerNews } from "./notify/brokerNews.ts";
import { Notifier } from "./notify/notifier.ts";
import { CopyOut } from "./publication/copyOut.ts";
import { openSettings, startFollowing } from "./publication/settingsTree.ts";
import { startWatch } from "./releases/watchStages.ts";
import { type ServerConfig, treesOf } from "./serverConfig.ts";
import { answerHealth, startUpkeep } from "./serverHealth.ts";
import { startPublishingLeftOver, tryLeftOver } from "./settings/publishDocument.ts";
import { PublishedTrees } from "./settings/publishedTrees.ts";
import { type Database, openDatabase } from "./store/database.ts";
import { migrate } from "./store/migrate.ts";
import { listApiTokens } from "./store/people/tokenStore.ts";
import { WakeUps } from "./store/wakeUps.ts";
import { writeNote } from "./store/watch/noteStore.ts";
import { tlsOf } from "./tlsFiles.ts";
import { WebhookSender } from "./watch/webhookSender.ts";

/** A server that answers. */
export interface RunningServer {
  context: Context;
  consolePort: number;
  agentsPort: number;
  /** The port of monitors, where there is one. */
  metricsPort: number | undefined;
  /** Reads the certificates again; a pair that cannot be used leaves the one before in use. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts the parts of a server in their order: database, trees, API, then the ports.
 *
 * @param askElsewhere without it, questions of the whole fleet hold the event loop
 * @throws NearsourceError CONFIG_INVALID, FILE_UNSAFE, DATABASE_NEWER, and of the storage phase
 */
export async function runServer(
  given: ServerConfig,
  log: Log,
  askElsewhere?: AskElsewhere,
): Promise<RunningServer> {
  // 0 is any free port: commands that are shown name the one that it became, and the caller's configuration stays.
  const config: ServerConfig = { ...given, agents: { ...given.agents } };
  const ends: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    refuseUnsafeNamedFiles(config, process.env);
    // Its keys, its signing folder and its SQLite database are for one process.
    const lock = await takeLock(config.dir, { role: "server" });
    ends.push(() => lock.release());
    const database = await openDatabase(config.database, (file) => path.resolve(config.dir, file));
    ends.push(() => database.close());
    await migrate(database.db);
    await sayStoppedTokens(database.db, log);
    const trees = new PublishedTrees(treesOf(config));
    await openSettings({ config, database, trees });
    const cookies = await cookiesOf(trees);
    const { now } = Date;
    const secrets = new SecretLookup(database);
    const polls = openPolls({ trees, database, now, log, random: Math.random });
    const reports = openIntake({ config, database, now, random: randomBytes });
    ends.push(() => reports.close());
    const wakeUps = new WakeUps((reason) => log.error(`a wake-up came to nothing: ${reason}`));
    const changes = openChanges(database);
    const streams = new EventStreams();
    const noteConfirmed = (confirmedAt: number) => writeNote(database.db, "mirrored", { confirmedAt }, now());
    const noteChanged = () => changes.note("mirror");
    const mirror = new ContentMirror({ config, trees, log, now, noteConfirmed, noteChanged });
    ends.push(() => mirror.close());
    const upkeep = { publishing: undefined, failing: new Set<string>(), ending: new Set<string>() };
    const metrics = new ServerMetrics();
    const parts = { upkeep, secrets, polls, reports, metrics, streams, wakeUps, changes, mirror };
    const broker = openBrokerNews({ config, trees, log });
    const outside = { log, askElsewhere, resolver: createResolver(config.dns), now, random: randomBytes };
    const context: Context = { config, database, trees, cookies, broker, ...parts, ...outside };
    broker?.start();
    ends.push(() => broker?.close());
    await makeSecretsKey(context);
    await checkFactorKey(context);
    ends.push(startFollowing(context));
    await listen(context);
    ends.push(() => wakeUps.close());
    await tryLeftOver(context);
    ends.push(startPublishingLeftOver(context));
    await watchSources(context);
    const notifier = new Notifier(context);
    notifier.start();
    ends.push(() => notifier.close());
    const sender = new WebhookSender(context);
    sender.start();
    ends.push(() => sender.close());
    const monitors = await openMetricsPort(context);
    ends.push(() => monitors?.close());
    const inProgress = new InProgress();
    ends.push(() => inProgress.settled());
    const people = await openConsole(context, inProgress);
    ends.push(() => people.close());
    const agents = await openAgentSide(context, inProgress);
    config.agents.port = agents.port;
    ends.push(
      () => agents.close(),
      () => polls.close(),
      () => streams.close(),
      () => changes.close(),
    );
    ends.push(startPlanning(context));
    mirror.start();
    ends.push(startUpkeep(context));
    const reload = async () => {
      await Promise.all([people.reload(), agents.reload()]);
    };
    ends.push(startWatch(context), startCopies(context));
    const ports = { consolePort: people.port, agentsPort: agents.port, metricsPort: monitors?.port };
    return { context, ...ports, reload, close: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Says at each start how many API tokens are of nobody whom anybody knows: programs that have them are refused. */
async function sayStoppedTokens(db: Database["db"], log: Log): Promise<void> {
  const tokens = await listApiTokens(db, Date.now());
  const names = tokens.filter(({ stopped }) => stopped === "maker unknown").map(({ name }) => name);
  if (names.length === 0) return;
  const said = `${names.slice(0, 10).join(", ")}${names.length > 10 ? ` and ${names.length - 10} more` : ""}`;
  log.warn(onOneLine(`API tokens of which nobody knows who made them open nothing, make new ones: ${said}`));
}

/** The broker of `server.json`; undefined where it names none. */
function openBrokerNews({ config, trees, log }: Pick<Context, "config" | "trees" | "log">) {
  const { mqtt, dir } = config;
  if (mqtt === undefined) return undefined;
  const { passwordFile, ca, ...rest } = mqtt;
  const files = {
    ...(passwordFile === undefined ? {} : { passwordFile: path.resolve(dir, passwordFile) }),
    ...(ca === undefined ? {} : { ca: path.resolve(dir, ca) }),
  };
  const clientId = `nearsource-server-${randomBytes(6).toString("hex")}`;
  return new BrokerNews({ mqtt: { ...rest, ...files }, clientId, trees, log, random: Math.random });
}

/** Copies what is published, where a program for that is configured. */
function startCopies({ config, trees, log, upkeep }: Context): () => Promise<void> {
  if (config.publish === undefined) return async () => {};
  const copies = new CopyOut({ command: config.publish.command, dir: config.dir, trees, log });
  upkeep.copying = () => copies.failure();
  copies.start();
  return async () => await copies.close();
}

/** Hosts that this server is called by; addresses count in any case. */
function namesOf({ publicUrl, console: { host } }: ServerConfig): Set<string> {
  const own = [machineName(), publicUrl === undefined ? undefined : new URL(publicUrl).hostname, host];
  return new Set(["localhost", ...own.filter((name) => name !== undefined && name !== "")] as string[]);
}

async function openConsole(context: Context, inProgress: InProgress): Promise<Listener> {
  const { config, log } = context;
  const secure = config.console.tls !== undefined || config.publicUrl?.startsWith("https:") === true;
  const options = { prefix: "/api/v1", side: "console", names: namesOf(config), secure, inProgress } as const;
  const app = await buildApi(context, allRoutes, options);
  await app.ready();
  const page = await readConsolePage();
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const { url = "/" } = request;
    if (url === "/healthz") return void answerHealth(context, response);
    // Monitors look for it there.
    if (url === "/metrics") request.url = "/api/v1/metrics";
    if (page !== undefined && ConsolePage.isFor(url)) page.answer(request, response);
    else app.routing(request, response);
  };
  const { maxConnections = mostConnections(ownLimits()) } = config.console;
  const place = { ...listenerPlace("console", config.console), tls: tlsOf(config, "console") };
  return await openListener({ ...place, log, maxConnections }, handle);
}

async function openAgentSide(context: Context, inProgress: InProgress): Promise<Listener> {
  const { config, log, trees, mirror } = context;
  const proxies = config.proxies.map(parseRange);
  // Strangers behind a proxy that is believed are told apart: the mistakes of one are not the proxy's.
  const addressOf = ({ socket, headers }: IncomingMessage) => {
    const from = String(headers["x-forwarded-for"] ?? "");
    return senderOf(socket.remoteAddress ?? "", { from, protocol: undefined }, proxies).address;
  };
  const receive = (text: string) => mirror.receive(text);
  const notify = createNotifyHandler({ receive, now: Date.now, addressOf });
  const options = {
    prefix: "/v1",
    side: "agents",
    names: new Set<string>(),
    secure: false,
    inProgress,
  } as const;
  const app = await buildApi(context, agentSideRoutes, options);
  await app.ready();
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === "/v1/notify" && mirror.isConfigured) return void notify(request, response);
    if (!isTreePath(request.url ?? "")) return app.routing(request, response);
    timeAnswer(context.metrics, response);
    serveTreeFile(trees.www, request, response).catch(() => response.destroy());
  };
  const { maxConnections = mostConnections(ownLimits()) } = config.agents;
  const place = { ...listenerPlace("agents", config.agents), tls: tlsOf(config, "agents") };
  return await openListener({ ...place, log, maxConnections }, handle);
}
