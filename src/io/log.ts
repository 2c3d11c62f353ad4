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

/**
 * Human lines on stderr, and JSON lines in the configured file.
 *
 * @param level for stderr, undefined for nothing there; the file has the level of the configuration
 */
export async function openLog(
  log: Config["log"],
  level: Config["log"]["level"] | undefined,
): Promise<OpenLog> {
  const { createLogger, format, transports } = await import("winston");
  const human = format.printf(({ level: severity, message }) =>
    severity === "info" ? String(message) : `${severity}: ${message}`,
  );
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
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
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
