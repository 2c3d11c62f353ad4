import { admitLine, noLines } from "../core/lineLimit.ts";
import { printableJson } from "../core/printable.ts";
import { explainError, onOneLine } from "../errors.ts";
import type { Config } from "./config.ts";
import { createLogFile, type LogFile } from "./logFile.ts";

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
 * As `openLog`, without the logger: for a process that stays, where it would cost memory for good. Lines
 * that are alike are said a few times a minute, and then counted.
 */
export function openLineLog(log: Config["log"], level: Level): Log {
  const limit = noLines();
  const say = (severity: Level, message: string, fields?: object) => {
    if (LEVELS[severity] <= LEVELS[level]) process.stderr.write(`${humanLine(severity, message)}\n`);
    if (LEVELS[severity] > LEVELS[log.level]) return;
    file?.append(printableJson({ ...fields, level: severity, message, timestamp: new Date().toISOString() }));
  };
  const file = openFile(log, (message) => write("warn")(message));
  const write = (severity: Level) => (message: string, fields?: object) => {
    if (LEVELS[severity] > Math.max(LEVELS[level], LEVELS[log.level])) return;
    const { isSaid, before } = admitLine(limit, message, performance.now());
    for (const line of before) say(severity, line);
    if (isSaid) say(severity, message, fields);
  };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}

/** The configured file. What cannot be written there, or on the standard streams, is said where it can be. */
function openFile(log: Config["log"], warn: (message: string) => void): LogFile | undefined {
  const name = log.file;
  if (name === undefined) return undefined;
  const file = createLogFile(name, (error) =>
    warn(`the log ${name} cannot be written, and goes on without it: ${explainError(error)}`),
  );
  for (const stream of ["stdout", "stderr"] as const) {
    process[stream].once("error", ({ message }: Error) =>
      file.append(
        printableJson({
          level: "warn",
          message: `${stream} cannot be written: ${message}`,
          timestamp: new Date().toISOString(),
        }),
      ),
    );
  }
  return file;
}

function humanLine(level: string, message: unknown): string {
  const line = onOneLine(String(message));
  return level === "info" ? line : `${level}: ${line}`;
}

async function startLogger(log: Config["log"], level: Level | undefined): Promise<OpenLog> {
  const { Writable } = await import("node:stream");
  const { createLogger, format, transports } = await import("winston");
  const human = format.printf(({ level: severity, message }) => humanLine(severity, message));
  const stderr = new transports.Console({
    ...(level === undefined ? { silent: true } : { level }),
    format: human,
    stderrLevels: ["error", "warn", "info", "debug"],
  });
  const file = openFile(log, (message) => process.stderr.write(`nearsource: warning: ${message}\n`));
  const lines = new Writable({
    decodeStrings: false,
    write: (line, _, done) => {
      file?.append(String(line).trimEnd());
      done();
    },
  });
  const json = format.combine(
    format.timestamp(),
    format.printf((info) => printableJson(info)),
  );
  const files =
    file === undefined ? [] : [new transports.Stream({ stream: lines, level: log.level, format: json })];
  const logger = createLogger({ levels: LEVELS, transports: [stderr, ...files] });
  const close = async () => {
    const { once } = await import("node:events");
    const written = Promise.all(files.map((each) => once(each, "finish")));
    logger.end();
    await written;
  };
  return {
    error: (message, fields) => logger.error(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    info: (message, fields) => logger.info(message, fields),
    debug: (message, fields) => logger.debug(message, fields),
    close,
  };
}
