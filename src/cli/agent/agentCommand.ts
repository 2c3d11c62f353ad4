import type { StartRelay } from "../../agent/relayRole.ts";
import { type Resident, startResident } from "../../agent/resident.ts";
import { instructionsInProcess } from "../../agent/runProcess.ts";
import { configPath } from "../../config/configPath.ts";
import type { Log } from "../../config/log.ts";
import { openResidentLog } from "../../config/residentLog.ts";
import { tellServiceManager, watchdogInterval } from "../../config/serviceManager.ts";
import { explainError, NearsourceError, toNearsourceError } from "../../errors.ts";

export interface AgentCommandOptions {
  config?: string;
  /** Only open the files and ports that the configuration names, and report the faults. */
  check?: boolean;
  /** With `check`. */
  json?: boolean;
  /** Print the settings that the resident agent follows, for that agent. */
  orders?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** Time (ms) that the parts of the agent have to end; systemd and people wait no longer than 5 s. */
const PATIENCE = 4_000;
const LAST_WORDS = 300;

/**
 * `nearsource agent`: the resident client, in the foreground, until SIGTERM or Ctrl-C. SIGHUP reloads the
 * configuration.
 *
 * @param startRelay loads and starts the server of an Update Agent
 * @returns the exit code
 */
export async function agentCommand(
  options: AgentCommandOptions,
  startRelay: StartRelay = loadRelay,
): Promise<number> {
  const file = configPath(options.config, process.env);
  if (options.orders === true) return await sendInstructionsOf(file);
  if (options.check === true) {
    const { agentCheckCommand } = await import("./agentCheck.ts");
    return await agentCheckCommand(file, options.json === true);
  }
  if (options.json === true) throw new NearsourceError("USAGE", "--json goes with --check");
  // SIGHUP would end this process until it is handled; one that comes early is kept until then.
  let isAsked = false;
  let reload = () => {
    isAsked = true;
  };
  const hangUp = () => reload();
  process.on("SIGHUP", hangUp);
  const instructions = await instructionsInProcess(file);
  const { config } = instructions;
  const level = options.verbose === true ? "debug" : options.quiet === true ? "error" : config.log.level;
  const log = openResidentLog(config.log, level);
  // An error that nothing caught ends this process, which the service manager starts again; the log says why.
  process.on("uncaughtExceptionMonitor", (error) => log.error(explainError(error)));
  const watchdog = startWatchdog();
  const stopped = untilStopped();
  const starting = startResident({ instructions, level, log, startRelay });
  let reloading: Promise<unknown> = starting;
  reload = () => {
    reloading = reloading.then(async () => await reloadInto(await starting, file, log));
  };
  if (isAsked) reload();
  await Promise.race([starting.then(() => sayReady(log)), stopped]);
  await stopped;
  await tellServiceManager("STOPPING=1");
  clearInterval(watchdog);
  process.off("SIGHUP", hangUp);
  await inTime(reloading.then(async () => (await starting).stop()));
  log.info("the agent has ended");
  // Work that has not ended by then would keep the process.
  setTimeout(() => process.exit(0), LAST_WORDS).unref();
  return 0;
}

async function sayReady(log: Log): Promise<void> {
  log.info(`the agent is ready (process ${process.pid})`);
  await tellServiceManager("READY=1");
}

/** The modules for reading are loaded in the process that is there for it alone. */
async function sendInstructionsOf(file: string): Promise<number> {
  const { sendInstructions } = await import("./runForAgent.ts");
  const { readInstructions } = await import("../../agent/instructions.ts");
  return await sendInstructions(() => readInstructions(file, process.env));
}

/** Only Update Agents load the server. */
async function loadRelay(options: Parameters<StartRelay>[0]): ReturnType<StartRelay> {
  const { startRelay } = await import("../../relay/relay.ts");
  const { keepLittleMemory } = await import("../../relay/processMemory.ts");
  keepLittleMemory();
  return await startRelay(options);
}

/** An invalid configuration changes nothing. */
async function reloadInto(resident: Resident, file: string, log: Log): Promise<void> {
  await tellServiceManager("RELOADING=1");
  try {
    await resident.reload(await instructionsInProcess(file));
    log.info("the configuration was read again");
  } catch (error) {
    const { hint } = toNearsourceError(error);
    log.error(
      `the configuration stays as it was: ${explainError(error)}${hint === undefined ? "" : ` (${hint})`}`,
    );
  }
  await tellServiceManager("READY=1");
}

function startWatchdog(): NodeJS.Timeout | undefined {
  const interval = watchdogInterval(process.env);
  return interval === undefined
    ? undefined
    : setInterval(() => void tellServiceManager("WATCHDOG=1"), interval);
}

async function untilStopped(): Promise<void> {
  await new Promise<void>((stopped) => {
    const stop = () => stopped();
    process.once("SIGINT", stop).once("SIGTERM", stop);
  });
}

async function inTime(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => {
    timer = setTimeout(done, PATIENCE);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
