import { humanLine, jsonLine, LEVELS, type Level, type LogOptions, logBy, type OpenLog } from "./log.ts";
import { openLogFile } from "./logFile.ts";

/**
 * The log of a run: human lines on stderr, and JSON lines in the configured file. winston is loaded for the
 * first line that is to be written: most runs have none.
 *
 * @param level for stderr, undefined for nothing there; the file has the level of the configuration
 */
export function openRunLog(log: LogOptions, level: Level | undefined): OpenLog {
  const wanted = Math.max(
    level === undefined ? -1 : LEVELS[level],
    log.file === undefined ? -1 : LEVELS[log.level],
  );
  let logger: Promise<OpenLog> | undefined;
  const lines = logBy((severity, message, fields) => {
    if (LEVELS[severity] > wanted) return;
    logger ??= startLogger(log, level);
    logger.then((started) => started[severity](message, fields));
  });
  return { ...lines, close: async () => await (await logger)?.close() };
}

async function startLogger(log: LogOptions, level: Level | undefined): Promise<OpenLog> {
  const { Writable } = await import("node:stream");
  const { createLogger, format, transports } = await import("winston");
  const stderr = new transports.Console({
    ...(level === undefined ? { silent: true } : { level }),
    format: format.printf((line) => humanLine(line.level, line.message)),
    stderrLevels: Object.keys(LEVELS),
  });
  const file = openLogFile(log.file, (message) => process.stderr.write(`nearsource: warning: ${message}\n`));
  const lines = new Writable({
    decodeStrings: false,
    write: (line, _, done) => {
      file?.append(String(line).trimEnd());
      done();
    },
  });
  const json = format.printf(({ level: severity, message, ...fields }) =>
    jsonLine(severity, message, fields),
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
  // As one record: beside a message with a "%d" in it, as URLs have them, winston drops the fields.
  const say = (severity: Level, message: string, fields?: object) =>
    logger.log({ ...fields, level: severity, message });
  return { ...logBy(say), close };
}
