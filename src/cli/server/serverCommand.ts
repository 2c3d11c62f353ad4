import path from "node:path";
import { openRunLog } from "../../config/runLog.ts";
import { tellServiceManager } from "../../config/serviceManager.ts";
import { NearsourceError } from "../../errors.ts";
import { newSetupLink } from "../../server/access/setupLink.ts";
import { askOwnProcess } from "../../server/effect/fleetProcess.ts";
import { consoleUrl, initServer } from "../../server/initServer.ts";
import { runServer } from "../../server/runServer.ts";
import { readServerConfig } from "../../server/serverConfig.ts";
import { hasAdministrator } from "../../server/store/people/userStore.ts";
import { print, printJson } from "../terminal/output.ts";
import { onSignals } from "../terminal/running.ts";
import { boundHeap } from "./boundHeap.ts";

export interface ServerInitCommandOptions {
  activeUpdate?: string;
  contentRoot?: string;
  console?: string;
  agents?: string;
  database?: string;
  adopt?: string;
  json?: boolean;
}

/** `nearsource server init DIR`. */
export async function serverInitCommand(dir: string, options: ServerInitCommandOptions): Promise<number> {
  const made = await initServer({
    dir,
    activeUpdate: options.activeUpdate,
    contentRoot: options.contentRoot,
    database: options.database,
    adopt: options.adopt,
    console: placeOf(options.console, "--console"),
    agents: placeOf(options.agents, "--agents"),
  });
  if (options.json === true) {
    printJson(made);
    return 0;
  }
  print(`a server in ${path.resolve(dir)}`);
  print(`  start it    nearsource server ${dir}`);
  print(`  set it up   ${shownLink(made.setupUrl)}`);
  print("              (works once; the token is a secret until then)");
  print(`  trust       ${made.settingsRoot} goes to the agents, as roots.settings`);
  if (made.rootKey !== null)
    print(`  take away   ${made.rootKey}, to a machine that is not connected: it signs the next root`);
  if (options.adopt !== undefined)
    print(`  taken over  ${path.resolve(options.adopt)} stays as it is; publish in it no more`);
  return 0;
}

/** `nearsource server link DIR`. */
export async function serverLinkCommand(dir: string, options: { json?: boolean }): Promise<number> {
  const made = await newSetupLink(dir);
  if (options.json === true) printJson(made);
  else
    print(
      `${shownLink(made.setupUrl)}\n(works once, and the link before no longer; the token is a secret until then)`,
    );
  return 0;
}

/** A link to a port that is chosen anew at each start says so. */
function shownLink(url: string): string {
  if (new URL(url).port !== "0") return url;
  return `${url.replace(":0/", ":PORT/")}\n              (PORT is chosen at each start: nearsource server says it then)`;
}

/** `HOST:PORT`, with `[…]` around an IPv6 address. */
function placeOf(text: string | undefined, option: string): { host: string; port: number } | undefined {
  if (text === undefined) return undefined;
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (port !== "" && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new NearsourceError("USAGE", `${option} takes HOST:PORT, and not ${text}`);
}

/** `nearsource server DIR`: in the foreground, until it is stopped. */
export async function serverCommand(dir: string, options: { verbose?: boolean }): Promise<number> {
  boundHeap();
  const config = await readServerConfig(dir);
  const log = openRunLog({ level: "info" }, options.verbose === true ? "debug" : "info");
  const interruption = onSignals();
  let reload = async () => {};
  // SIGHUP would end this process until it is handled.
  const hangUp = () => void reload();
  process.on("SIGHUP", hangUp);
  try {
    const server = await runServer(config, log, askOwnProcess);
    reload = server.reload;
    const shown = { ...config, console: { ...config.console, port: server.consolePort } };
    log.info(`the console answers at ${consoleUrl(shown)}, agents are served at port ${server.agentsPort}`);
    if (!(await hasAdministrator(server.context.database.db))) {
      log.info(
        `nobody is set up yet: open ${consoleUrl(shown)}/setup#token=… with the token that server init printed; lost it? nearsource server link ${dir} makes another`,
      );
    }
    await tellServiceManager("READY=1", `serving at port ${server.agentsPort}`);
    await new Promise((resolve) => interruption.signal.addEventListener("abort", resolve, { once: true }));
    await tellServiceManager("STOPPING=1");
    await server.close();
    return 0;
  } finally {
    process.off("SIGHUP", hangUp);
    interruption.end();
    await log.close();
  }
}
