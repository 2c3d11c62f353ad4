import { promises as fs } from "node:fs";
import type { Config } from "./config.ts";

/** What the program says while it works. `fields` go into the JSON line; people read the message. */
export interface Log {
  error(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  debug(message: string, fields?: object): void;
}

export const SILENT: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** A log that can be closed, once every line is where it belongs. */
export interface OpenLog extends Log {
  close(): Promise<void>;
}

type Level = Config["log"]["level"];

const LEVELS: Record<Level, number> = { error: 0, warn: 1, info: 2, debug: 3 };

/**
 * Human lines on stderr, and JSON lines in the configured file. The logger is loaded for the first line
 * that is to be written: most runs have none.
 *
 * @param level for stderr, undefined for nothing there; the file has the level of the configuration
 */
export function openLog(log: Config["log"], level: Level | undefined): OpenLog {
  const wanted = Math.max(
    level === undefined ? -1 : LEVELS[level],
    log.file === undefined ? -1 : LEVELS[log.level],
  );
  let logger: Promise<OpenLog> | undefined;
  const write = (severity: Level) => (message: string, fields?: object) => {
    if (LEVELS[severity] > wanted) return;
    logger ??= startLogger(log, level);
    logger.then((started) => started[severity](message, fields));
  };
  return {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    close: async () => await (await logger)?.close(),
  };
}

/**
 * As `openLog`, without the logger: for a process that stays, where it would cost memory for good. The
 * file is opened for each line, so that it may be rotated by a run that logs to it as well.
 */
export function openLineLog(log: Config["log"], level: Level): Log {
  const write = (severity: Level) => (message: string, fields?: object) => {
    if (LEVELS[severity] <= LEVELS[level]) process.stderr.write(`${humanLine(severity, message)}\n`);
    if (log.file === undefined || LEVELS[severity] > LEVELS[log.level]) return;
    const line = { ...fields, level: severity, message, timestamp: new Date().toISOString() };
    // A log that cannot be written must not end the agent.
    fs.appendFile(log.file, `${JSON.stringify(line)}\n`, { mode: 0o640 }).catch(() => {});
  };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}

function humanLine(level: string, message: unknown): string {
  return level === "info" ? String(message) : `${level}: ${message}`;
}

async function startLogger(log: Config["log"], level: Level | undefined): Promise<OpenLog> {
  const { createLogger, format, transports } = await import("winston");
  const human = format.printf(({ level: severity, message }) => humanLine(severity, message));
  const stderr = new transports.Console({
    ...(level === undefined ? { silent: true } : { level }),
    format: human,
    stderrLevels: ["error", "warn", "info", "debug"],
  });
  const json = format.combine(format.timestamp(), format.json());
  const files =
    log.file === undefined
      ? []
      : [
          new transports.File({
            filename: log.file,
            level: log.level,
            format: json,
            maxsize: 10_485_760,
            maxFiles: 5,
            options: { flags: "a", mode: 0o640 },
          }),
        ];
  const logger = createLogger({
    levels: LEVELS,
    transports: [stderr, ...files],
  });
  // A log that cannot be written must not end an update.
  logger.on("error", () => {});
  for (const file of files) file.on("error", () => {});
  const close = async () => {
    const { once } = await import("node:events");
    const flushed = Promise.all(files.map((file) => once(file, "finish").catch(() => {})));
    logger.end();
    await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
  };
  return {
    error: (message, fields) => logger.error(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    info: (message, fields) => logger.info(message, fields),
    debug: (message, fields) => logger.debug(message, fields),
    close,
  };
}
